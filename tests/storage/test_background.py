"""The draining child, with the real rooms."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbproof.storage import background
from nbproof.storage.background import drain_in_background
from nbproof.storage.drain import main
from nbproof.storage.journal.reader import writer_ids

_LOG = """
import nbproof as nbp
with nbp.start_run("first", experiment="e"):
    nbp.log_metric("loss", 0.5)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a workspace in which a process has logged and ended; nobody drained."""
    (tmp_path / ".nbproof").mkdir()
    program = f"from nbproof.storage import background\nbackground._start = lambda *_: None\n{_LOG}"
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, env={"NBPROOF_WORKSPACE": str(tmp_path)}
    )
    assert len(writer_ids(tmp_path / ".nbproof" / "journal")) == 1
    return tmp_path / ".nbproof" / "journal"


def test_the_module_drains_a_workspace(journal: Path) -> None:
    root = journal.parents[1]
    done = subprocess.run([sys.executable, "-m", "nbproof.storage.drain", root], check=False)
    assert done.returncode == 0
    assert writer_ids(journal) == []


def test_a_child_drains_while_nobody_waits(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = journal.parents[1]
    # What lies in the folder of the notebook is not imported by the child.
    (root / "json.py").write_text("raise SystemExit('not mine')")
    monkeypatch.chdir(root)
    background._spawned.clear()
    drain_in_background(root)
    drain_in_background(root)
    assert len(background._children) == 1
    deadline = time.monotonic() + 60
    while writer_ids(journal) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert writer_ids(journal) == []
    while background._children and time.monotonic() < deadline:
        background._reap()
        time.sleep(0.05)
    assert background._children == []


def test_a_child_whose_workspace_went_meanwhile_ends_and_imports_nothing(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from nbproof.storage import background\n"
        "background._REST_SECONDS = 0\n"
        "assert background.main([sys.argv[1]]) == 0\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "gone"], check=True)
    assert list(tmp_path.iterdir()) == []


def test_wrong_words_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_folder_without_a_workspace_is_nothing_to_drain(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert list(tmp_path.iterdir()) == []
