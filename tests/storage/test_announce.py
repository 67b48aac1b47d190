from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_runtime_dir

from nbproof.storage import announce
from nbproof.storage.announce import (
    announce_server,
    announce_workspace,
    announced_workspaces,
    runtime_dir,
    server_alive,
    withdraw_server,
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    yield tmp_path / "runtime" / "nbproof"
    withdraw_server()


@pytest.mark.parametrize(
    "environ",
    [
        {"JUPYTER_RUNTIME_DIR": "/somewhere/runtime"},
        {"JUPYTER_DATA_DIR": "/somewhere/data"},
        {"XDG_DATA_HOME": "/somewhere/share"},
        {"HOME": "/somewhere/home"},
        {"HOME": "/somewhere/home", "JUPYTER_PLATFORM_DIRS": "1"},
    ],
)
def test_the_folder_is_jupyters_whether_jupyter_is_loaded_or_not(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME", "JUPYTER_PLATFORM_DIRS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    expected = Path(jupyter_runtime_dir(), "nbproof")
    assert runtime_dir() == expected
    program = "from nbproof.storage.announce import runtime_dir; print(runtime_dir())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == expected


def test_a_server_is_found_for_what_lies_below_its_folders(tmp_path: Path) -> None:
    assert not server_alive(tmp_path / "served" / "project")
    announce_server([tmp_path / "served", tmp_path / "other"])
    assert server_alive(tmp_path / "served")
    assert server_alive(tmp_path / "served" / "project")
    assert not server_alive(tmp_path / "served-not")
    assert not server_alive(tmp_path)
    withdraw_server()
    withdraw_server()
    assert not server_alive(tmp_path / "served")


def test_a_server_that_died_without_a_word_does_not_count(tmp_path: Path, runtime: Path) -> None:
    program = f"from nbproof.storage.announce import announce_server; announce_server([{str(tmp_path)!r}])"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(list(runtime.glob("server-*.json"))) == 1
    assert not server_alive(tmp_path)
    assert list(runtime.glob("server-*.json")) == []


@pytest.mark.parametrize("change", [{"host": "far-away"}, {"pid_space": "pid:[1]"}, {"pid_started": "1"}])
def test_a_server_on_another_machine_or_of_another_life_does_not_count(
    tmp_path: Path, change: dict[str, str]
) -> None:
    path = announce_server([tmp_path])
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert not server_alive(tmp_path)


def test_workspaces_are_announced_once_and_forgotten_when_they_are_gone(
    tmp_path: Path, runtime: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "zwei é"
    for root in (one, two):
        (root / ".nbproof").mkdir(parents=True)
        announce_workspace(root)
        announce_workspace(root)
    (tmp_path / "link").symlink_to(one)
    announce_workspace(tmp_path / "link")
    assert announced_workspaces() == sorted([one, two])
    shutil.rmtree(one / ".nbproof")
    assert announced_workspaces() == [two]
    assert len(list(runtime.glob("workspace-*.json"))) == 1


def test_nonsense_in_the_folder_is_passed_over(tmp_path: Path, runtime: Path) -> None:
    runtime.mkdir(parents=True)
    for number, text in enumerate(["", "{", "[]", '{"root": 3}', '{"roots": 3, "pid": "x"}']):
        (runtime / f"server-{number}.json").write_text(text)
        (runtime / f"workspace-{number}.json").write_text(text)
    assert not server_alive(tmp_path)
    assert announced_workspaces() == []


def test_where_nothing_can_be_written_nothing_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file"))
    announce_workspace(tmp_path)
    announce_server([tmp_path])
    assert announced_workspaces() == []
    assert not server_alive(tmp_path)


def test_asking_loads_nothing_heavy() -> None:
    program = (
        "import sys; from nbproof.storage import announce, background;"
        "heavy = {'hashlib', 'jupyter_core', 'sqlalchemy', 'subprocess', 'pydantic'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert os.path.basename(announce.__file__) == "announce.py"
