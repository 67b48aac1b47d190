"""What a run records of where it came from, and what it never records."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import os
import platform
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import nbproof as nbp
from nbproof.core.errors import Invalid, NotFound
from nbproof.core.operation import validated
from nbproof.core.redaction import REDACTED
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.tracking import environment as module
from nbproof.tracking import provenance
from nbproof.tracking.active import SecretBlanked
from nbproof.tracking.environment import environment_facts, environment_hash, installed_packages
from nbproof.tracking.provenance import Capture

SECRET = "q7Rk2mX9w4"


@pytest.fixture
def opened(project):
    """Opens workspaces with settings."""
    made: list[Workspace] = []

    def open_(environ=None):
        workspace = Workspace(Location(project, False, "a test"), say=lambda line: None, environ=environ)
        made.append(workspace)
        use(workspace)
        return workspace

    before = use(None)
    yield open_
    use(before)
    for workspace in made:
        workspace.close()


@pytest.fixture
def workspace(opened):
    return opened()


def captured(workspace, name="r"):
    """A run that has ended, with all that its thread found out."""
    with workspace.tracker.start_run(name):
        pass
    for thread in workspace.tracker._capturing:
        thread.join()
    return workspace.tracker.get_run(name)


def repository(folder: Path) -> None:
    def git(*arguments):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", f"https://ann:{SECRET}@example.org/churn.git")
    (folder / "train.py").write_text("depth = 1\n")
    git("add", "train.py")
    git("commit", "-qm", "first")
    (folder / "train.py").write_text(f'depth = 2\napi_key = "{SECRET}"\n')


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# -- the environment --------------------------------------------------------------------------------


def test_a_run_knows_its_python_packages_system_and_hardware(workspace):
    run = captured(workspace)
    environment = run.environment
    assert environment.python == platform.python_version()
    assert environment.packages["numpy"] == importlib.metadata.version("numpy")
    assert environment.executable == sys.executable
    assert environment.machine == platform.machine()
    assert environment.cpu_count == os.cpu_count() and environment.memory_bytes > 1 << 20
    assert run.os == environment.os and run.environment_hash == environment.hash
    assert workspace.tracker.environment_of("r") == environment == workspace.tracker.environment()


def test_packages_are_those_that_importlib_finds():
    expected: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        expected.setdefault(re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(), each.version)
    assert installed_packages() == dict(sorted(expected.items()))


def test_a_package_installed_meanwhile_is_seen(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "late-comer" not in installed_packages()
    (tmp_path / "late_comer-1.2.dist-info").mkdir()
    os.utime(tmp_path, (5, 5))  # a clock too coarse to tell the two moments apart would hide it
    assert installed_packages()["late-comer"] == "1.2"


def test_the_first_on_the_path_counts_and_broken_ones_are_passed_over(tmp_path, monkeypatch):
    for place, version in (("one", "1.0"), ("two", "2.0")):
        (tmp_path / place / f"twice-{version}.dist-info").mkdir(parents=True)
    (tmp_path / "one" / "nothing.egg-info").mkdir()
    (tmp_path / "one" / "old.egg-info").mkdir()
    (tmp_path / "one" / "old.egg-info" / "PKG-INFO").write_text(
        "Metadata-Version: 1.0\nName: old\nVersion: 3\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "gone")])
    assert installed_packages() == {"nothing": "?", "old": "3", "twice": "1.0"}


def test_equal_environments_are_kept_once_and_told_once_a_process(workspace):
    first, second = captured(workspace, "first"), captured(workspace, "second")
    assert first.environment_hash == second.environment_hash
    with workspace.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM environments").scalar() == 1
        versions = connection.exec_driver_sql(
            "SELECT version FROM environment_packages WHERE name = 'numpy'"
        ).scalars()
        assert versions.all() == [importlib.metadata.version("numpy")]
    assert everything_on_disk(workspace.folder / "journal").count(b'"packages"') == 1


def test_the_hash_tells_environments_apart_and_minds_no_order():
    facts = environment_facts()
    other = {**facts, "packages": {**facts["packages"], "numpy": "0.1"}}
    assert environment_hash(facts) != environment_hash(other)
    assert environment_hash(dict(reversed(facts.items()))) == environment_hash(facts)


def test_facts_that_are_not_those_of_their_hash_are_refused(workspace):
    run = captured(workspace)
    facts = {**environment_facts(), "python": "4.0"}
    workspace.journal.event(
        "run.environment", run=run.id, environment="0" * 64, os=None, gpu=None, facts=facts
    )
    assert workspace.tracker.get_run("r").environment_hash == run.environment_hash
    assert list((workspace.folder / "journal" / "rejected").rglob("*"))


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "run.environment", "environment": None, "facts": None, "os": 5},
        {"kind": "run.environment", "facts": {"packages": ["numpy"]}},
        {"kind": "run.environment", "facts": {"python": "3", "packages": {"numpy": {}}}},
        {"kind": "run.provenance", "git": {"commit": 5}, "code": None},
        {"kind": "run.provenance", "git": None, "code": None, "command": ["rm"]},
    ],
)
def test_an_event_that_cannot_be_is_set_aside_and_the_rest_goes_on(workspace, event):
    tracker = workspace.tracker
    tracker.open_run("e", name="r")
    run = tracker.get_run("r").id
    told = {"environment": environment_hash(event["facts"])} if isinstance(event.get("facts"), dict) else {}
    kind = event.pop("kind")
    workspace.journal.event(kind, run=run, **{**event, **told})
    tracker.log_metric("x", 1.0, run_id="r")
    assert tracker.get_run("r").metrics == {"x": 1.0}
    assert list((workspace.folder / "journal" / "rejected").rglob("*"))


def test_graphics_cards_are_told_by_nvidia_smi(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A100-SXM4-40GB, 40960, 535.104.05'\necho 'Odd, [N/A], '\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    module._gpus.cache_clear()
    try:
        assert environment_facts()["gpus"] == [
            {"name": "NVIDIA A100-SXM4-40GB", "memory_bytes": 40960 << 20, "driver": "535.104.05"},
            {"name": "Odd", "memory_bytes": None, "driver": None},
        ]
    finally:
        module._gpus.cache_clear()


def test_a_card_program_that_hangs_is_given_up(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert module._said(["nvidia-smi"], 0.05) == ""
    assert module._said(["no-such-program"], 0.05) == ""


def test_a_run_that_recorded_none_says_so(workspace):
    workspace.tracker.open_run("e", name="bare")
    assert workspace.tracker.get_run("bare").environment is None
    with pytest.raises(NotFound, match="environment"):
        workspace.tracker.environment_of("bare")


def test_the_environment_is_shown_as_text_and_html(workspace):
    shown = workspace.tracker.environment()._repr_mimebundle_()
    assert "numpy" in shown["text/html"] and f"python      {platform.python_version()}" in shown["text/plain"]


# -- code and command ---------------------------------------------------------------------------------


def test_changes_are_an_artifact_and_the_remote_has_no_password(workspace, project):
    repository(project)
    run = captured(workspace)
    assert (run.git.branch, run.git.dirty, run.git.remote) == ("main", True, "https://example.org/churn.git")
    (artifact,) = run.artifacts
    path, media_type = workspace.tracker.get_artifact("r", artifact.name)
    assert (artifact.name, media_type) == ("git/changes.patch", "text/x-diff")
    assert b"+depth = 2" in path.read_bytes() and run.redacted == 1
    assert SECRET.encode() not in everything_on_disk(workspace.folder)


def test_runs_that_started_before_git_was_asked_share_the_answer_and_later_ones_ask_again(tmp_path):
    asked = []

    def count(folder, capture):
        asked.append(folder)
        return len(asked)

    ask = provenance._Shared(count)
    early = time.monotonic()
    assert [ask(tmp_path, Capture(), since) for since in (early, early)] == [1, 1]
    assert ask(tmp_path, Capture(), math.inf) == 2
    assert ask(tmp_path / "other", Capture(), early) == 3


def test_the_same_changes_are_kept_once(workspace, project):
    repository(project)
    runs = [captured(workspace, name) for name in ("one", "two")]
    (place,) = {run.artifacts[0].location for run in runs}
    assert {run.artifacts[0].size_bytes for run in runs} == {len(workspace.content.read(place))}
    with workspace.content.index.database.connect() as connection:
        assert workspace.content.index.totals(connection)[0] == 1


def test_a_script_is_known_by_its_command_without_the_secrets_in_it(project):
    script = project / "train.py"
    script.write_text("import nbproof as nbp\nnbp.log_metric('x', 1)\n")
    subprocess.run([sys.executable, str(script), "--password", SECRET, "--epochs", "3"], check=True)
    workspace = Workspace(Location(project, True, "a test"))
    run = workspace.tracker.get_run("@last")
    workspace.close()
    assert run.entry == "script"
    assert (run.command or "").endswith(f"train.py --password '{REDACTED}' --epochs 3")
    assert SECRET.encode() not in everything_on_disk(project / ".nbproof")


@pytest.mark.parametrize(
    "query",
    [
        'python like "3.%" and os like "%"',
        'os is not null and environment = "{run.environment_hash}"',
        'entry != "nothing" and command like "%py%"',
        "gpu is null",
    ],
)
def test_runs_are_found_by_where_they_came_from(workspace, query):
    workspace.tracker.open_run("e", name="bare")
    run = captured(workspace)
    found = workspace.tracker.find_runs(query.format(run=run)).items
    assert "r" in {each.name for each in found}
    assert "gpu" in query or "bare" not in {each.name for each in found}


def test_a_module_is_known_by_its_name(project):
    (project / "pipeline").mkdir()
    (project / "pipeline" / "__init__.py").write_text("")
    (project / "pipeline" / "__main__.py").write_text("import nbproof as nbp\nnbp.log_metric('x', 1)\n")
    subprocess.run([sys.executable, "-m", "pipeline"], check=True)
    workspace = Workspace(Location(project, True, "a test"))
    assert workspace.tracker.get_run("@last").entry == "module pipeline"
    workspace.close()


def test_no_environment_variable_is_kept(project, monkeypatch):
    monkeypatch.setenv("AN_ORDINARY_VARIABLE", "its-ordinary-value")
    script = project / "train.py"
    script.write_text("import nbproof as nbp\nnbp.log_metric('x', 1)\n")
    subprocess.run([sys.executable, str(script)], check=True)
    assert b"ordinary" not in everything_on_disk(project / ".nbproof").lower()


def test_each_part_can_be_switched_off(opened, project):
    repository(project)
    everything_off = {f"NBPROOF_CAPTURE_{part}": "0" for part in ("GIT", "COMMAND", "ENVIRONMENT")}
    run = captured(opened(everything_off))
    assert (run.git, run.command, run.environment, run.artifacts) == (None, None, None, [])
    run = captured(opened({"NBPROOF_CAPTURE_CHANGES": "false"}), "no changes")
    assert run.git.dirty and run.artifacts == []
    run = captured(opened({"NBPROOF_CAPTURE_CHANGES_BYTES": "10"}), "small")
    assert 0 < run.artifacts[0].size_bytes < 200


def test_what_a_setting_cannot_mean_is_as_it_comes():
    assert Capture.from_settings({"capture_changes_bytes": "many", "capture_git": "off"}, {}) == Capture(
        git=False
    )


def test_what_fails_in_the_thread_is_logged_and_the_run_goes_on(workspace, monkeypatch, caplog):
    def fail():
        raise OSError("no facts today")

    monkeypatch.setattr(module, "environment_facts", fail)
    with caplog.at_level(logging.WARNING, "nbproof"):
        run = captured(workspace)
    assert run.status == "finished" and run.entry and run.environment is None
    assert "provenance of a run was not recorded" in caplog.text


# -- redaction ------------------------------------------------------------------------------------------


def test_a_secret_never_reaches_the_disk_whatever_verb_it_came_by(workspace):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecretBlanked)
        with workspace.tracker.start_run(
            "r",
            params={"db": {"password": SECRET}},
            tags={"api_key": SECRET},
            notes=f"see https://ann:{SECRET}@example.org",
        ) as run:
            run.log_param("client_secret", SECRET)
            run.log_params({"url": f"postgresql://ann:{SECRET}@db/churn", "lr": 0.1})
            run.set_tag("curl", f"curl -u ann:{SECRET} https://example.org")
            run.set_notes(f"password: {SECRET}")
        workspace.tracker.create_experiment("e", description=f"password={SECRET}", tags={"api_key": SECRET})
        workspace.tracker.set_provenance("r", command=f"train --password {SECRET}")
    found = workspace.tracker.get_run("r")
    workspace.close()
    assert SECRET.encode() not in everything_on_disk(workspace.folder)
    assert found.params["db.password"] == found.tags["api_key"] == REDACTED
    assert found.params["url"] == f"postgresql://ann:{REDACTED}@db/churn" and found.params["lr"] == 0.1
    assert found.notes == f"password: {REDACTED}"
    assert found.redacted == 8


def test_one_warning_a_run_says_which_param_it_was(workspace):
    run = workspace.tracker.start_run("r")
    with pytest.warns(SecretBlanked, match="the param of run 'r': 'api_key'") as told:
        run.log_param("api_key", SECRET)
    run.log_param("password", SECRET)  # a second warning would be an error here
    assert len(told) == 1 and told[0].filename == __file__
    assert SECRET not in str(told[0].message)
    assert run.redacted == 2


def test_ordinary_params_are_kept_as_they_are_without_a_warning(workspace):
    params = {"max_tokens": 512, "tokenizer": "bert", "pad_token": "<pad>", "key": "value", "keys": ["a"]}
    with workspace.tracker.start_run("r", params=params) as run:
        pass
    assert run.params == params and run.redacted == 0 and workspace.tracker.get_run("r").redacted == 0


def test_the_callers_own_mapping_stays_as_it_is(workspace):
    params = {"password": SECRET}
    with pytest.warns(SecretBlanked):
        workspace.tracker.start_run("r", params=params)
    assert params == {"password": SECRET}


def test_an_error_message_repeats_no_secret(workspace):
    with pytest.raises(Invalid) as caught:
        workspace.tracker.log_metric("api_key", SECRET)
    assert SECRET not in str(caught.value)


def test_over_http_the_server_blanks_and_counts_without_a_warning(workspace):
    from nbproof.platform.rooms import find_operation
    from nbproof.tracking.active import acknowledged_only

    workspace.tracker.open_run("e", name="r")
    log = find_operation("runs.log_param")
    with acknowledged_only():
        workspace.call(log, validated(log.ask, {"id": "r", "key": "password", "value": SECRET}))
    assert workspace.tracker.get_run("r").params == {"password": REDACTED}
    assert json.loads(workspace.tracker.get_run("r").model_dump_json())["redacted"] == 1


def test_the_warning_and_the_models_are_public():
    assert nbp.SecretBlanked is SecretBlanked and nbp.Environment.__doc__
