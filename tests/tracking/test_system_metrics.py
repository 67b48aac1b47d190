"""System metrics: a process beside the run, which ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbproof.platform.location import Location
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.workspace import Workspace
from nbproof.storage import background
from nbproof.storage.journal.reader import read_writer, writer_ids
from nbproof.tracking.system_metrics import Machine


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def workspace(project: Path) -> Iterator[Workspace]:
    opened = Workspace(
        Location(project, False, "a test"),
        say=lambda line: None,
        environ={"NBPROOF_CAPTURE_GIT": "0", "NBPROOF_SYSTEM_METRICS_SECONDS": "0.1"},
    )
    yield opened
    opened.close()


def names(workspace: Workspace, run: str) -> dict[str, int]:
    return {metric.name: metric.count for metric in workspace.tracker.list_metrics(run)}


def other_writers(workspace: Workspace) -> list[Path]:
    folder = workspace.folder / "journal"
    return [folder / writer for writer in writer_ids(folder) if writer != workspace.journal.id]


def test_the_machine_is_sampled_while_the_run_is_live_and_no_longer(workspace):
    tracker = workspace.tracker
    run = tracker.start_run("r", experiment="e", system_metrics=True)
    run.log_metric("loss", 0.5)
    until(lambda: names(workspace, "r").get("system/cpu_percent", 0) >= 2)
    with tracker.start_run("child", nested=True, system_metrics=True):
        assert len(other_writers(workspace)) == 1  # it is sampled already
    run.end()

    def is_over() -> bool:
        workspace.catch_up()
        return not other_writers(workspace)  # a journal that is closed and drained is deleted

    until(is_over)
    found = names(workspace, "r")
    assert {"system/memory_percent", "system/process_memory_mb", "system/disk_percent"} <= found.keys()
    recorded = tracker.get_run("r")
    assert (recorded.metrics, recorded.status) == ({"loss": 0.5}, "finished")
    assert recorded.newest_metric.name == "loss"
    assert [each.name for each in tracker.find_runs('metrics."system/cpu_percent" >= 0').items] == ["r"]
    assert "system/cpu_percent" not in names(workspace, "child")


def test_nobody_is_sampled_who_did_not_ask(workspace):
    with workspace.tracker.start_run("r", experiment="e"):
        assert other_writers(workspace) == []


def test_the_setting_asks_for_all_runs_and_a_call_wins_over_it(project):
    project.joinpath(".nbproof").mkdir()
    project.joinpath(".nbproof/nbproof.toml").write_text(
        "system_metrics = true\nsystem_metrics_seconds = 0.1\n"
    )
    workspace = Workspace(Location(project, False, "a test"), environ={"NBPROOF_CAPTURE_GIT": "0"})
    with workspace.tracker.start_run("without", experiment="e", system_metrics=False):
        assert other_writers(workspace) == []
    with workspace.tracker.start_run("with", experiment="e"):
        until(lambda: "system/cpu_percent" in names(workspace, "with"))
    workspace.close()


def test_the_sampling_ends_when_its_process_is_killed(project):
    program = """
import os, sys, time
import nbproof as nbp
nbp.start_run("r", experiment="e", system_metrics=True)
if os.fork() == 0:
    time.sleep(60)  # holds the pipe open
    os._exit(0)
print("started", flush=True)
time.sleep(60)
"""
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(project), "NBPROOF_SYSTEM_METRICS_SECONDS": "0.1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"started\n"
        folder = project / ".nbproof" / "journal"
        until(lambda: len(writer_ids(folder)) == 2)
        process.kill()
        process.wait()
    try:
        until(
            lambda: any(
                (info := read_writer(folder / each)) and info.closed_us for each in writer_ids(folder)
            )
        )
    finally:
        os.killpg(process.pid, 9)  # the fork

    workspace = Workspace(Location(project, False, "a test"))
    workspace.catch_up()
    assert workspace.tracker.get_run("r").status == "interrupted"
    workspace.close()


def test_gpus_are_sampled_where_nvidia_smi_is(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, 87, 4000, 16000, 65, 250.5'\necho '1, [N/A], 0, 16000, 30, [N/A]'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    found = dict(Machine(os.getpid(), tmp_path).sample())

    assert {name: value for name, value in found.items() if name.startswith("gpu_")} == {
        "gpu_0_percent": 87.0,
        "gpu_0_memory_mb": 4000.0,
        "gpu_0_memory_percent": 25.0,
        "gpu_0_celsius": 65.0,
        "gpu_0_watts": 250.5,
        "gpu_1_memory_mb": 0.0,
        "gpu_1_memory_percent": 0.0,
        "gpu_1_celsius": 30.0,
    }


def test_without_a_driver_there_are_no_gpus(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert not [name for name, _ in Machine(os.getpid(), tmp_path).sample() if name.startswith("gpu")]


def test_a_setting_that_is_no_number_stops_no_cell(project, monkeypatch):
    monkeypatch.setenv("NBPROOF_SYSTEM_METRICS_SECONDS", "often")
    monkeypatch.setenv("XDG_DATA_HOME", str(project / "data"))
    monkeypatch.setattr(background, "_start", lambda *_: None)
    workspace = RemoteWorkspace("http://127.0.0.1:9/nbproof")
    run = workspace.tracker.start_run("r", experiment="e", system_metrics=True)
    run.log_metric("x", 1.0)
    assert run.unacknowledged == 0
    workspace.tracker.close()
    workspace.journal.close()


def test_a_gpu_that_does_not_answer_once_is_asked_again_one_that_never_does_is_not(tmp_path, monkeypatch):
    program, asked = tmp_path / "nvidia-smi", tmp_path / "asked"
    program.write_text(
        f"#!/bin/sh\necho >> {asked}\ntest -e {tmp_path}/works && echo '0, 87, 4000, 16000, 65, 250.5'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    machine = Machine(os.getpid(), tmp_path)
    (tmp_path / "works").touch()

    assert dict(machine.sample())["gpu_0_percent"] == 87.0

    (tmp_path / "works").unlink()
    before = len(asked.read_text())
    for _ in range(5):
        assert "gpu_0_percent" not in dict(machine.sample())
    assert len(asked.read_text()) - before == 3
