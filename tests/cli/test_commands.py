"""Every command of this part, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nbproof import __version__
from nbproof.cli.commands import all_commands

EXPECTED = """
init, doctor, serve, completion, db upgrade, db current, db check,
experiments create, experiments list, experiments show, runs start, runs list,
runs show, runs compare, runs search, runs update, runs metrics, runs history, runs tag,
runs log-artifact, runs get-artifact, runs end, jobs list, jobs show, jobs cancel,
workspaces list, workspaces resolve
"""


@pytest.fixture
def recorded(nbproof):
    """Two runs of one experiment."""
    for name, rate, auc in (("first", "0.1", "0.8"), ("second", "0.2", "0.9")):
        assert (
            nbproof(
                "runs", "start", "digits", "--name", name, "--param", f"lr={rate}", "--tag", "team=a"
            ).code
            == 0
        )
        for value in ("-0.5", auc):
            assert nbproof("runs", "log-metric", name, "auc", value).code == 0
    return nbproof


def test_all_commands_are_there():
    assert {each.strip() for each in EXPECTED.split(",")} <= set(all_commands())


def test_every_command_has_help_and_takes_json():
    for command in all_commands().values():
        form = command.form()
        assert "--json" in form.usage
        assert form.summary
        assert form.usage in " ".join(form.help().split()), command.words


def test_help_and_version(nbproof, process):
    assert process("--version").out == f"nbproof {__version__}\n"
    assert "runs compare" in nbproof("--help").out
    assert nbproof().out == nbproof("--help").out
    helped = nbproof("runs", "history", "--help")
    assert helped.code == 0
    assert helped.out.startswith("usage: nbproof runs history RUN NAME [--max-points N]")


def test_a_story_from_start_to_end(recorded, project):
    assert recorded("runs", "tag", "@last", "stage", "trial").code == 0
    (project / "roc.txt").write_text("curve")
    assert recorded("runs", "log-artifact", "second", "roc.txt", "--name", "plots/roc.txt").code == 0
    assert recorded("runs", "end", "first", "--status", "failed").code == 0

    shown = recorded("runs", "show", "second")
    assert shown.code == 0
    for part in ("second", "running", "lr", "0.2", "stage", "trial", "plots/roc.txt", "5 B", "auc", "▁█"):
        assert part in shown.out
    assert recorded("runs", "show", "first", "--json").json["status"] == "failed"
    assert [run["name"] for run in recorded("runs", "list", "digits", "--json").json["items"]] == [
        "second",
        "first",
    ]
    found = recorded("runs", "search", "metrics.auc > 0.85", "--json").json["items"]
    assert [run["name"] for run in found] == ["second"]


def test_negative_and_special_numbers_are_values(recorded):
    for value in ("-inf", "nan", "-1e-3", "Infinity"):
        assert recorded("runs", "log-metric", "first", "odd", value).code == 0
    history = recorded("runs", "history", "first", "odd", "--json").json
    assert [point["value"] for point in history["items"]] == ["-Infinity", "NaN", -0.001, "Infinity"]


def test_output_into_a_pipe_is_plain_and_whole(nbproof, process):
    name = "a-name-of-more-than-eighty-characters-" + "x" * 100
    nbproof("runs", "start", "digits", "--name", name)
    listed = process("runs", "list", "digits", FORCE_COLOR="1", COLUMNS="40")
    assert name in listed.out
    assert "\x1b" not in listed.out
    assert len(listed.out.splitlines()) == 2


def test_a_comparison_shows_what_differs_and_the_best(recorded):
    compared = recorded("runs", "compare", "first", "second")
    lines = {line.split()[0]: line for line in compared.out.splitlines() if line}
    assert "0.9 *" in lines["metrics.auc"]
    assert list(lines).index("params.lr") < list(lines).index("tags.team")


def test_many_compared_runs_stand_in_rows(recorded):
    for number in range(7):
        recorded("runs", "start", "many", "--name", f"r{number}", "--param", f"depth={number}")
    compared = recorded("runs", "compare", *(f"r{number}" for number in range(7)))
    lines = compared.out.splitlines()
    assert "params.depth" in lines[0]
    assert [line.split()[0] for line in lines[1:8]] == [f"r{number}" for number in range(7)]


def test_the_environment_is_shown_by_facts_and_packages(recorded):
    lines = recorded("environment").out.splitlines()
    assert lines[0].split() == ["FACT", "VALUE"]
    assert any(line.split()[:1] == ["numpy"] for line in lines)
    assert json.loads(recorded("environment", "--json").out)["packages"]["numpy"]


def test_a_page_tells_how_to_get_the_next(recorded):
    page = recorded("runs", "list", "digits", "--limit", "1")
    assert "second" in page.out
    after = page.err.split("--after ")[1].strip()
    assert "first" in recorded("runs", "list", "digits", "--limit", "1", "--after", after).out


def test_an_artifact_is_downloaded_and_nothing_is_replaced_unasked(recorded, project):
    (project / "roc.txt").write_text("curve")
    recorded("runs", "log-artifact", "first", "roc.txt")
    refused = recorded("runs", "get-artifact", "first", "roc.txt")
    assert refused.code == 4
    assert "--force" in refused.err
    assert recorded("runs", "get-artifact", "first", "roc.txt", "--output", "copy.txt").out == "copy.txt\n"
    assert (project / "copy.txt").read_text() == "curve"
    assert recorded("runs", "get-artifact", "first", "roc.txt", "--output", "-").out == "curve"
    told = recorded("runs", "get-artifact", "first", "roc.txt", "--force", "--json").json
    assert told["size_bytes"] == 5


def test_reading_leaves_no_trace_and_writing_says_where(nbproof, project):
    for words in (["experiments", "list"], ["runs", "search"], ["doctor"], ["workspaces", "list"]):
        assert nbproof(*words).code in (0, 1), words
    assert nbproof("runs", "show", "x").code == 3
    assert list(project.iterdir()) == []

    first = nbproof("runs", "start", "digits", "--name", "one")
    assert first.err.splitlines() == [
        f"nbproof: new workspace {project / '.nbproof'} (beside the notebook or script)"
    ]
    assert nbproof("runs", "start", "digits", "--name", "two").err == ""


def test_a_workspace_can_be_named(nbproof, project, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert nbproof("--workspace", str(other), "runs", "start", "digits", "--name", "there").code == 0
    assert "there" in nbproof("runs", "list", "digits", "--workspace", str(other)).out
    assert nbproof("runs", "list", "digits").code == 3
    assert nbproof("runs", "list", "digits", "--workspace", str(tmp_path / "none")).code == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rusn", "list"], 2, "did you mean: nbproof runs list"),
        (["runs", "lst"], 2, "did you mean: nbproof runs list"),
        (["runs"], 2, "one of: "),
        (["runs", "list"], 2, "EXPERIMENT is missing"),
        (["runs", "list", "digits", "--limt", "3"], 2, "did you mean --limit?"),
        (["runs", "list", "digits", "--limit", "many"], 2, "--limit: input should be a valid integer"),
        (["runs", "list", "digits", "--limit", "0"], 2, "--limit"),
        (["runs", "show", "x", "y"], 2, "does not know what to do with 'y'"),
        (["runs", "compare", "x"], 2, "RUN: list should have at least 2 items, found ['x']"),
        (["run"], 2, "did you mean: nbproof runs\n"),
        (["runs", "list", "digits", "--nope"], 2, "usage: nbproof runs list"),
        (["runs", "search", "metrics.auc >"], 2, ""),
        (["runs", "show", "nobody"], 3, "nobody"),
        (["experiments", "show", "none"], 3, "none"),
        (["runs", "log-artifact", "nobody", "missing.txt"], 2, "missing.txt"),
        (["--workspace", ".", "--url", "http://localhost:9", "runs", "show", "x"], 2, "give one"),
        (["--url", "http://127.0.0.1:9", "experiments", "list"], 6, "does not answer"),
        (["--url", "ftp://x", "experiments", "list"], 2, "http://"),
        (["--json"], 2, "no command follows"),
        (["completion", "tcsh"], 2, "bash, zsh, fish"),
        (["serve", "--port", "many"], 2, "--port"),
    ],
)  # fmt: skip
def test_mistakes_have_their_exit_code_and_a_way_out(nbproof, words, code, said):
    done = nbproof(*words)
    assert done.code == code, done.err
    assert done.out == ""
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_conflict_has_exit_code_4_and_lists_candidates(recorded):
    recorded("runs", "start", "digits", "--name", "first")
    done = recorded("runs", "show", "first")
    assert done.code == 4
    assert recorded("experiments", "create", "digits").code == 4


def test_an_error_in_json_is_on_stderr(process):
    done = process("runs", "show", "nobody", "--json")
    assert done.code == 3
    assert done.out == ""
    assert done.error["code"] == "not-found"
    assert set(done.error) == {"code", "message", "hint", "details"}


def test_a_malformed_settings_file_is_named(nbproof, project):
    nbproof("init")
    (project / ".nbproof" / "nbproof.toml").write_text("experiment = \n")
    done = nbproof("experiments", "list")
    assert done.code == 2
    assert "nbproof.toml is not valid TOML" in done.err


def test_a_workspace_from_the_future_is_a_conflict(nbproof, project):
    nbproof("init")
    (project / ".nbproof" / "nbproof.toml").write_text("format = 99\n")
    done = nbproof("experiments", "list")
    assert done.code == 4
    assert "pip install -U nbproof" in done.err


def test_init_is_idempotent_and_refuses_home_and_the_root(nbproof, project, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    assert nbproof("init", "--json").json["made"] is True
    assert nbproof("init", "--json").json["made"] is False
    assert (project / ".nbproof" / "nbproof.toml").is_file()
    for place in (str(home), "/"):
        done = nbproof("init", place, HOME=str(home))
        assert done.code == 2
        assert "project's folder" in done.err
    assert nbproof("init", str(tmp_path / "new" / "deep")).code == 0
    (project / "file").write_text("")
    assert nbproof("init", "file").code == 2


def test_the_database_can_be_looked_after(nbproof, project):
    assert nbproof("db", "current").code == 3
    nbproof("init")
    current = nbproof("db", "current", "--json").json
    assert current["revision"] == current["head"]
    assert "already" in nbproof("db", "upgrade").out
    assert nbproof("db", "check", "--json").json["found"] == []
    (project / ".nbproof" / "meta.db").write_bytes(b"not a database" * 100)
    broken = nbproof("db", "check")
    assert broken.code == 6
    assert "Traceback" not in broken.err


@pytest.mark.parametrize("verb", ["current", "upgrade", "check"])
def test_a_database_in_a_workspace_from_the_future_is_not_called_empty(nbproof, project, verb):
    folder = project / ".nbproof"
    folder.mkdir()
    (folder / "nbproof.toml").write_text('format = 99\nrecords = "elsewhere"\n')
    for words in (["db", verb], ["db", verb, "--json"]):
        done = nbproof(*words)
        assert done.code == 4
        assert "format 99" in done.err and "pip install -U nbproof" in done.err
    assert not (folder / "meta.db").exists()


def test_a_database_of_a_later_series_is_not_called_empty(nbproof, project):
    nbproof("init")
    nbproof("db", "upgrade")
    with closing(sqlite3.connect(project / ".nbproof" / "meta.db", isolation_level=None)) as database:
        database.execute("UPDATE workspace_meta SET value = '9.0' WHERE key = 'series'")
        database.execute("UPDATE workspace_meta SET value = '9.0.1' WHERE key = 'version'")
        database.execute("UPDATE alembic_version SET version_num = '9001'")
    done = nbproof("db", "current")
    assert done.code == 4
    assert "nbproof 9.0.1" in done.err and "pip install -U nbproof" in done.err


def test_a_database_with_the_tables_of_others_is_not_called_empty(nbproof, project):
    nbproof("init")
    (project / ".nbproof" / "meta.db").unlink()
    with closing(sqlite3.connect(project / ".nbproof" / "meta.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE planets (name TEXT)")
    assert "none: no tables of this nbproof, but others: planets" in nbproof("db", "current").out
    assert nbproof("db", "current", "--json").json["others"] == ["planets"]


def test_completion_prints_a_script_for_each_shell(nbproof):
    for shell in ("bash", "zsh", "fish"):
        done = nbproof("completion", shell)
        assert done.code == 0
        assert "nbproof" in done.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nbproof ru", {"runs"}),
        ("nbproof runs s", {"search", "show", "start"}),
        ("nbproof runs list digits --li", {"--limit"}),
        ("nbproof runs end first --status fa", {"failed"}),
        ("nbproof runs show fir", {"first"}),
        ("nbproof runs list di", {"digits"}),
    ],
)
def test_the_shell_completes(recorded, project, line, expected):
    read, write = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.dup2({write}, 8); from nbproof.cli.main import main; main()"],
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        cwd=project,
        pass_fds=[write],
        capture_output=True,
        timeout=60,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        offered = {each.strip() for each in pipe.read().split("\n") if each.strip()}
    assert offered == expected, done.stderr


def test_a_reader_that_leaves_is_no_error(recorded):
    command = f"{sys.executable} -m nbproof --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_ctrl_c_ends_quietly(nbproof, project):
    nbproof("init")
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from nbproof.cli import main, commands\n"
            "def slow(session, values):\n"
            "    print('started', flush=True)\n"
            "    time.sleep(60)\n"
            "command = commands.BY_HAND['init']\n"
            "commands.BY_HAND['init'] = commands.Command('init', command.form, slow)\n"
            "sys.exit(main.main(['init']))",
        ],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


def test_help_loads_neither_database_nor_frames():
    script = (
        "import sys; from nbproof.cli.main import main; main(['--help']);"
        "print(sorted({'sqlalchemy', 'pandas', 'numpy', 'alembic', 'jupyter_server'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_operation_of_a_new_room_is_a_command(project, capsys):
    from nbproof.cli.main import main
    from nbproof.platform.rooms import Room, added
    from tests.cli import echo

    with added(Room("echo", echo, lambda workspace: echo.Echo())):
        assert main(["echo", "say", "hello", "--times", "2", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"word": "hello hello", "length": 11}
        assert main(["echo", "say", "hello"]) == 0
        assert "hello" in capsys.readouterr().out
        assert main(["echo", "say"]) == 2
        assert "echo say WORD" in capsys.readouterr().err
        main(["--help"])
        assert "echo say" in capsys.readouterr().out
    assert Path(project, ".nbproof").exists() is False


def test_every_metric_is_shown_when_a_run_ends_or_goes_on(recorded):
    recorded("runs", "log-metric", "first", "loss", "0.5")
    for verb in ("end", "resume"):
        shown = recorded("runs", verb, "first").out.splitlines()
        assert {"auc", "loss"} <= {line.split()[0] for line in shown if line}


def test_a_long_param_is_shown_by_its_beginning_and_whole_in_json(recorded):
    recorded("runs", "log-param", "first", "prompt", "x" * 5000)
    assert "x" * 300 not in recorded("runs", "show", "first").out
    assert recorded("runs", "show", "first", "--json").json["params"]["prompt"] == "x" * 5000


def test_a_search_that_finds_nothing_says_so_beside_the_answer(recorded):
    for command in (["runs", "search", "metrics.auc > 2"], ["jobs", "list"], ["searches", "list"]):
        found = recorded(*command)
        assert (found.code, found.out, found.err) == (0, "", "nothing found\n")


def test_thrown_away_runs_say_how_they_come_back(recorded):
    recorded("runs", "end", "first")
    thrown = recorded("runs", "delete", "first")
    assert thrown.out == "1 run thrown away; bring them back with: nbproof runs restore RUN...\n"
    assert recorded("runs", "restore", "first").out == "1 run brought back\n"


def test_what_is_the_same_in_all_compared_runs_is_told_once(recorded):
    lines = recorded("runs", "compare", "first", "second").out.splitlines()
    same = lines[lines.index(next(line for line in lines if line.startswith("THE SAME IN ALL"))) :]
    assert ["tags.team", "a"] in [line.split() for line in same]


def test_what_goes_to_the_trash_from_there_and_for_good_is_told_in_words(recorded, project):
    (project / "model.bin").write_bytes(b"x" * 2_500)
    recorded("runs", "log-artifact", "first", "model.bin")
    for run in ("first", "second"):
        recorded("runs", "end", run)

    assert recorded("experiments", "delete", "digits").out.splitlines() == [
        "experiment 'digits' is in the trash, and 2 runs of it went along",
        "bring it back with: nbproof experiments restore digits",
    ]
    assert recorded("experiments", "restore", "digits").out == "experiment 'digits' is back, with 2 runs\n"
    assert recorded("experiments", "delete", "digits", "--json").json["moved_runs"] == 2
    gone = "2 runs, 1 experiment, 4 points and 1 artifact (2.5 kB)"
    assert recorded("runs", "purge", "--dry-run").out == (
        f"{gone} would go for good; nothing was changed; do it with: --yes\n"
    )
    assert recorded("runs", "purge", "--yes").out.splitlines() == [
        f"{gone} are gone for good",
        "free what nothing else refers to with: nbproof gc",
    ]
    assert recorded("runs", "purge", "--yes").out == "nothing in the trash to purge\n"
    assert recorded("runs", "purge", "--yes", "--json").json["artifact_bytes"] == 0
    content = "1 stretch of content that nothing refers to"
    dry = recorded("gc", "--dry-run").out.splitlines()
    assert dry[0].startswith(f"would be deleted: {content}, ") and dry[0].endswith("; nothing was changed")
    assert recorded("gc", "--dry-run", "--json").json["objects"] == 1
    assert recorded("gc").out.splitlines()[0].startswith(f"deleted: {content}, ")
    assert recorded("gc").out.splitlines()[0] == "there is no content that nothing refers to"


def test_an_unknown_name_is_answered_with_those_that_there_are(recorded):
    assert "it has 'auc'" in recorded("runs", "history", "first", "zzz").err
    assert "there are 'auc'" in recorded("runs", "leaderboard", "zzz").err
    assert "did you mean 'auc'?" in recorded("runs", "history", "first", "auk").err
    recorded("searches", "save", "my best", "metrics.auc > 0.8")
    assert 'did you mean @"my best"?' in recorded("runs", "search", "@mybest").err


def test_what_is_written_to_an_ended_run_says_how_it_goes_on(recorded):
    ended = recorded("runs", "end", "first", "--status", "cancelled")
    assert ended.code == 0
    refused = recorded("runs", "log-metric", "first", "auc", "1")
    assert refused.code == 4
    assert "has ended (cancelled); this was not recorded" in refused.err
    assert "nbproof runs resume" in refused.err


def test_a_run_is_nested_by_naming_its_parent(nbproof):
    parent = nbproof("runs", "start", "churn", "--name", "parent", "--json").json
    child = nbproof("runs", "start", "--parent", "parent", "--json").json
    assert (child["parent_id"], child["experiment"]) == (parent["id"], "churn")
    refused = nbproof("runs", "start")
    assert refused.code == 2 and "an experiment, or a parent" in refused.err
