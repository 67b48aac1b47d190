"""What hangs from an open workspace, and what opening one leaves behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

import pytest

import nbproof as nbp
from nbproof.core.errors import Conflict, Invalid
from nbproof.platform.directory import Directory, workspace_id
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.tracking.active import RecordingFailed
from tests.support.other_version import make_other_version


def opened(folder, **kwargs):
    return Workspace(Location(folder, (folder / ".nbproof").is_dir(), "a test"), **kwargs)


def test_opening_and_looking_leave_nothing(project):
    workspace = opened(project)
    assert workspace.tracker.list_experiments().items == []
    workspace.close()
    assert list(project.iterdir()) == []


def test_the_first_record_makes_it_and_says_where_in_one_line(project):
    said: list[str] = []
    workspace = opened(project, say=said.append)
    workspace.tracker.log_metric("x", 1.0)
    workspace.tracker.log_metric("x", 2.0)
    workspace.close()
    (line,) = said
    assert str(project / ".nbproof") in line
    assert (project / ".nbproof" / "nbproof.toml").read_text().strip().endswith("format = 1")


def test_git_sees_the_settings_and_nothing_else(project):
    subprocess.run(["git", "init", "-q", "."], check=True)
    workspace = opened(project, say=lambda line: None)
    workspace.tracker.log_metric("x", 1.0)
    workspace.tracker.get_run("@last")
    workspace.close()
    subprocess.run(["git", "add", "-A"], check=True)
    told = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout
    assert told.split() == [".nbproof/.gitignore", ".nbproof/nbproof.toml"]


def test_closing_ends_the_live_run(project):
    workspace = opened(project, say=lambda line: None)
    workspace.tracker.start_run("r")
    workspace.close()
    again = opened(project)
    assert again.tracker.get_run("r").status == "finished"
    again.close()


@pytest.mark.parametrize(
    ("ending", "status"), [("", "finished"), ("raise SystemExit(0)", "finished"), ("1 / 0", "failed")]
)
def test_a_script_that_ends_ends_its_run(project, ending, status):
    script = f"import nbproof as nbp\nnbp.start_run('r')\nnbp.log_metric('x', 1.0)\n{ending}\n"
    (project / "train.py").write_text(script)
    subprocess.run([sys.executable, "train.py"], cwd=project, capture_output=True)
    workspace = opened(project)
    run = workspace.tracker.get_run("r")
    workspace.close()
    assert (run.status, run.experiment, run.metrics) == (status, "train", {"x": 1.0})
    assert run.source == str(project / "train.py")
    assert run.code is not None


def test_a_script_that_is_killed_leaves_an_interrupted_run_with_all_it_logged(project):
    script = """
import os, nbproof as nbp
nbp.start_run("r")
for _ in range(1000):
    nbp.log_metric("x", 1.0)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True)
    workspace = opened(project)
    run = workspace.tracker.get_run("r")
    assert run.status == "interrupted"
    assert len(run.metric_history("x")) == 1000
    workspace.close()


def test_a_forked_child_writes_to_its_parents_run_and_does_not_end_it(project):
    script = """
import os, nbproof as nbp
nbp.start_run("r")
nbp.log_metric("x", 1.0)
child = os.fork()
nbp.log_metric("child" if child == 0 else "parent", 2.0)
if child:
    os.waitpid(child, 0)
    nbp.log_metric("x", 3.0)
"""
    (project / "train.py").write_text(script)
    subprocess.run([sys.executable, "train.py"], cwd=project, check=True, capture_output=True)
    workspace = opened(project)
    run = workspace.tracker.get_run("r")
    workspace.close()
    assert run.metrics == {"x": 3.0, "child": 2.0, "parent": 2.0}
    assert run.status == "finished"


def test_many_threads_may_open_it_at_once(project):
    workspace = opened(project, say=lambda line: None)
    workspace.tracker.log_metric("x", 1.0)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(workspace.tracker.get_run("@last").id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workspace.close()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_ten_projects_in_one_process_stay_apart(tmp_path):
    before = use(None)
    for number in range(10):
        folder = tmp_path / f"p{number}"
        folder.mkdir()
        nbp.workspace(folder)
        nbp.log_metric("n", number)
    for number in range(10):
        nbp.workspace(tmp_path / f"p{number}")
        assert nbp.search_runs()["metrics.n"].tolist() == [number]
    current = use(before)
    assert current is not None
    current.close()


# -- the directory of a server ----------------------------------------------------------------------


def test_a_directory_finds_the_workspace_of_a_notebook(tmp_path):
    (tmp_path / "a" / ".nbproof").mkdir(parents=True)
    (tmp_path / "a" / "deep").mkdir()
    directory = Directory(tmp_path)
    view = directory.view(directory.resolve("a/deep/x.ipynb"))
    assert (view.path, view.exists, view.id) == ("a", True, workspace_id(tmp_path / "a"))
    assert directory.get(view.id).root == tmp_path / "a"
    directory.close()


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/../x", "a\x00"])
def test_a_directory_does_not_leave_its_root(tmp_path, path):
    with pytest.raises(Invalid):
        Directory(tmp_path / "root").resolve(path)


def test_a_directory_does_not_follow_a_link_out(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "outside" / ".nbproof").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(Invalid):
        Directory(tmp_path / "root").resolve("link/x.ipynb")


def test_an_unknown_id_is_not_found(tmp_path):
    with pytest.raises(nbp.NotFound):
        Directory(tmp_path).get("nobody")


def test_a_directory_lists_what_was_announced_below_its_root(tmp_path):
    for name in ("in", "out"):
        folder = tmp_path / name / "p"
        folder.mkdir(parents=True)
        workspace = opened(folder, say=lambda line: None)
        workspace.tracker.log_metric("x", 1.0)
        workspace.close()
    directory = Directory(tmp_path / "in")
    assert [view.path for view in directory.page().items] == ["p"]
    directory.close()


def test_after_somebody_deleted_the_workspace_the_next_run_makes_a_new_one(project):
    said: list[str] = []
    workspace = opened(project, say=said.append)
    workspace.tracker.start_run("before")
    workspace.tracker.log_metric("x", 1.0)
    assert workspace.tracker.get_run("before").metrics == {"x": 1.0}
    shutil.rmtree(project / ".nbproof")
    with pytest.warns(RecordingFailed, match="deleted"):
        after = workspace.tracker.start_run("after")
    workspace.tracker.log_metric("x", 2.0)
    assert workspace.tracker.get_run("after").metrics == {"x": 2.0}
    assert after.unacknowledged == 0
    assert len(said) == 2
    workspace.close()


def test_a_server_that_had_a_deleted_workspace_open_reads_and_drains_the_new_one(project):
    kernel, server = opened(project, say=lambda line: None), opened(project)
    kernel.tracker.start_run("before")
    server.catch_up()
    server.jobs.start()
    assert server.tracker.get_run("before").name == "before"
    kernel.close()
    shutil.rmtree(project / ".nbproof")
    assert not list(server.tracker.find_runs())
    assert server.catch_up() is None

    kernel = opened(project, say=lambda line: None)
    kernel.tracker.start_run("after")
    kernel.tracker.log_metric("x", 2.0)
    # The server alone drains: into the file that the name stands for now, not into the one that is gone.
    report = server.catch_up()
    assert report is not None and report.points == 1
    assert [run.name for run in server.tracker.find_runs()] == ["after"]
    kernel.close()
    server.close()
    again = opened(project)
    assert again.tracker.get_run("after").metrics == {"x": 2.0}
    again.close()


def test_a_script_that_is_stopped_leaves_a_cancelled_run(project):
    (project / "train.py").write_text("import nbproof as nbp\nnbp.start_run('r')\nraise KeyboardInterrupt\n")
    subprocess.run([sys.executable, "train.py"], cwd=project, capture_output=True)
    workspace = opened(project)
    assert workspace.tracker.get_run("r").status == "cancelled"
    workspace.close()


def test_an_experiment_made_before_any_run_makes_the_workspace(project):
    workspace = opened(project, say=lambda line: None)
    workspace.tracker.create_experiment("pricing")
    workspace.close()
    again = opened(project)
    assert [each.name for each in again.tracker.list_experiments()] == ["pricing"]
    again.close()


SOMEBODY_ELSES = """
import warnings; warnings.simplefilter("error")
import nbproof as nbp
print([run.name for run in nbp.list_runs("theirs")])
run = nbp.start_run("mine", experiment="ours")
nbp.log_metric("x", 1.0)
nbp.end_run()
print([each.name for each in nbp.list_experiments()], nbp.get_run("mine").metrics, run.unacknowledged)
print(nbp.workspace().folder)
"""


def test_below_a_workspace_that_can_not_be_written_reading_works_and_records_go_to_one_of_our_own(plain_user):
    shared = plain_user.folder("shared")
    theirs = opened(shared, say=lambda line: None)
    with theirs.tracker.start_run("first", experiment="theirs"):
        pass
    assert theirs.tracker.get_run("first").status == "finished"
    theirs.close()
    (shared / "ann").mkdir()
    (shared / "ann").chmod(0o777)
    plain_user.own(shared)
    plain_user.run(["chmod", "-R", "a-w", shared / ".nbproof"], check=True)

    done = plain_user.run([sys.executable, "-c", SOMEBODY_ELSES], cwd=shared / "ann", check=True)

    read, recorded, where = done.stdout.splitlines()
    assert read == "['first']"
    assert recorded == "['ours'] {'x': 1.0} 0"
    assert where == str(shared / "ann" / ".nbproof")
    (line,) = done.stderr.splitlines()
    assert "new workspace" in line and f"{shared / '.nbproof'} can't be written" in line


BY_A_LATER_SERIES = """
import nbproof as nbp
with nbp.start_run("by 0.2.0", experiment="work"):
    nbp.log_metric("x", 1.0)
print(nbp.__version__, nbp.get_run("by 0.2.0").metrics)
"""


def test_a_workspace_that_a_kernel_of_a_later_series_upgrades_is_not_drained_any_more(project, tmp_path):
    later = make_other_version(tmp_path / "later", "0.2.0")
    server = opened(project, say=lambda line: None)
    with server.tracker.start_run("by 0.1.0", experiment="work"):
        pass
    assert server.tracker.get_run("by 0.1.0").status == "finished"

    environ = {**os.environ, "PYTHONPATH": str(later), "NBPROOF_WORKSPACE": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", BY_A_LATER_SERIES], env=environ, capture_output=True, text=True
    )
    assert done.stdout.strip() == "0.2.0 {'x': 1.0}", done.stderr

    # Logging goes on: the journal waits for who may write.
    server.tracker.start_run("afterwards")
    server.tracker.log_metric("x", 2.0)
    for ask in (server.catch_up, server.tracker.list_experiments, lambda: server.runs.list_runs()):
        with pytest.raises(Conflict, match=r"0\.2\.0") as caught:
            ask()
        assert caught.value.hint == "pip install -U nbproof"
    server.close()
    done = subprocess.run(
        [sys.executable, "-c", "import nbproof as nbp; print(nbp.get_run('afterwards').metrics)"],
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "{'x': 2.0}", done.stderr
