"""What is learnt from real git repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbproof.tracking import git as module
from nbproof.tracking.git import Changes, commit_difference, git_state, local_changes


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments],
        check=True,
        capture_output=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    return git(folder, "rev-parse", "HEAD")


def state_of(folder: Path) -> dict[str, object]:
    state = git_state(folder)
    assert state is not None
    return state


def changes_of(folder: Path, most_bytes: int = 100_000) -> Changes:
    changes = local_changes(folder, most_bytes=most_bytes)
    assert changes is not None
    return changes


def patch_of(folder: Path, most_bytes: int = 100_000) -> str:
    return changes_of(folder, most_bytes).patch.decode("utf-8", "surrogateescape")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, train="one = 1\ntwo = 2\nthree = 3\n")
    return folder


def test_a_clean_repository_has_a_commit_a_branch_and_no_changes(repository):
    assert git_state(repository) == {
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
        "remote": None,
    }
    assert local_changes(repository, most_bytes=1000) is None


def test_staged_and_unstaged_changes_are_in_the_patch_and_git_applies_it_elsewhere(repository, tmp_path):
    (repository / "train.py").write_text("one = 1\ntwo = 22\nthree = 3\n")
    (repository / "new.py").write_text("staged = True\n")
    git(repository, "add", "new.py")
    (repository / "notes.txt").write_text("not tracked")
    patch = patch_of(repository)

    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    (tmp_path / "changes.patch").write_text(patch)
    git(clone, "apply", str(tmp_path / "changes.patch"))

    assert (clone / "train.py").read_text() == "one = 1\ntwo = 22\nthree = 3\n"
    assert (clone / "new.py").read_text() == "staged = True\n"
    assert "# not tracked by git, not contained: notes.txt\n" in patch
    assert state_of(repository)["dirty"] is True


def test_the_whole_repository_counts_from_a_folder_within_it(repository):
    inner = repository / "deep" / "er"
    inner.mkdir(parents=True)
    (repository / "train.py").write_text("one = 11\n")
    (repository / "other.txt").write_text("")
    assert "+one = 11" in patch_of(inner) and "other.txt" in patch_of(inner)


def test_secrets_in_the_changes_are_blanked_and_counted(repository):
    (repository / "train.py").write_text('one = 1\npassword = "hunter2"\n')
    changes = changes_of(repository)
    assert b"hunter2" not in changes.patch and b'+password = "[redacted]"' in changes.patch
    assert changes.redacted == 1


def test_a_file_that_does_not_fit_is_named_and_the_others_are_whole(repository):
    commit(repository, big="x", last="y")
    (repository / "big.py").write_text("".join(f"line {number}\n" for number in range(5000)))
    (repository / "last.py").write_text("yy\n")
    (repository / "train.py").write_text("one = 11\n")
    patch = patch_of(repository, most_bytes=2000)
    assert len(patch) < 2500
    assert "line 1" not in patch and "+yy" in patch and "+one = 11" in patch
    assert "bytes), not contained: big.py\n" in patch


def test_a_file_with_a_line_beyond_all_measure_is_named_not_taken_apart(repository, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_LINE", 1000)
    commit(repository, bundle="x\n")
    (repository / "bundle.py").write_text("a" * 2500 + "\n")
    (repository / "train.py").write_text("one = 2\n")

    patch = patch_of(repository)

    assert "# too large" in patch and "bundle.py" in patch and "aaa" not in patch
    assert "+one = 2" in patch


def test_a_diff_beyond_all_patience_is_cut_and_says_so(repository, monkeypatch):
    monkeypatch.setattr(module, "_MOST_READ", 10_000)
    commit(repository, a="x", b="y")
    (repository / "a.py").write_text("xx\n")
    (repository / "b.py").write_text("".join(f"line {number}\n" for number in range(5000)))
    patch = patch_of(repository)
    assert "+xx" in patch and "# not contained: b.py" in patch and "the end is missing" in patch


def test_a_binary_file_is_named_and_the_patch_still_applies(repository, tmp_path):
    (repository / "weights.bin").write_bytes(bytes(range(256)))
    commit(repository)
    (repository / "weights.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "train.py").write_text("one = 11\n")
    patch = patch_of(repository)
    assert "# binary, not contained: weights.bin\n" in patch
    git(repository, "stash", "-q")
    (tmp_path / "changes.patch").write_text(patch)
    git(repository, "apply", str(tmp_path / "changes.patch"))
    assert (repository / "train.py").read_text() == "one = 11\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_and_contents_that_are_no_utf8_come_through_byte_by_byte(repository):
    name = os.fsdecode(b"caf\xe9.py")
    (repository / name).write_bytes(b"x = '\xe9'\n")
    (repository / os.fsdecode(b"new-\xff")).write_bytes(b"")
    git(repository, "add", name)
    changes = changes_of(repository)
    assert b"+x = '\xe9'\n" in changes.patch and b"caf\\351.py" in changes.patch
    assert b"not contained: new-\xff\n" in changes.patch


def test_a_detached_head_has_a_commit_and_no_branch(repository):
    git(repository, "checkout", "-q", "--detach")
    state = state_of(repository)
    assert state["branch"] is None and len(str(state["commit"])) == 40


def test_a_repository_without_a_commit_shows_all_that_was_added(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.py").write_text("a = 1\n")
    git(tmp_path, "add", "a.py")
    assert state_of(tmp_path)["commit"] is None
    assert "+a = 1" in patch_of(tmp_path)


def test_a_worktree_is_a_repository_of_its_own_branch(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "train.py").write_text("one = 11\n")
    assert state_of(tmp_path / "side")["branch"] == "side"
    assert "+one = 11" in patch_of(tmp_path / "side")
    assert local_changes(repository, most_bytes=1000) is None


def test_a_submodule_that_moved_is_in_the_patch(repository, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    commit(inner, lib="a = 1\n")
    git(repository, "submodule", "add", "-q", str(inner), "vendored")
    commit(repository)
    assert state_of(repository)["dirty"] is False
    moved = commit(repository / "vendored", lib="a = 2\n")
    assert state_of(repository)["dirty"] is True
    assert f"+Subproject commit {moved}" in patch_of(repository)
    assert state_of(repository / "vendored")["commit"] == moved


@pytest.mark.parametrize(
    ("remotes", "found"),
    [
        ({"origin": "https://ann:ghp_secret@github.com/ann/a.git"}, "https://github.com/ann/a.git"),
        ({"fork": "git@github.com:ann/a.git"}, "git@github.com:ann/a.git"),
        ({"backup": "/srv/a.git", "origin": "https://host/a"}, "https://host/a"),
        ({}, None),
    ],
)
def test_the_remote_is_kept_without_credentials(repository, remotes, found):
    for name, address in remotes.items():
        git(repository, "remote", "add", name, address)
    assert state_of(repository)["remote"] == found


def test_the_remote_is_that_of_the_branch(repository):
    git(repository, "remote", "add", "origin", "https://host/origin")
    git(repository, "remote", "add", "fork", "https://host/fork")
    git(repository, "config", "branch.main.remote", "fork")
    assert state_of(repository)["remote"] == "https://host/fork"


def test_programs_of_the_configuration_are_not_run(repository, tmp_path):
    sentinel = tmp_path / "ran"
    script = tmp_path / "program"
    script.write_text(f"#!/bin/sh\ntouch {sentinel}\n")
    script.chmod(0o755)
    for key in ("diff.external", "core.fsmonitor", "diff.odd.textconv", "core.pager"):
        git(repository, "config", key, str(script))
    (repository / ".gitattributes").write_text("*.py diff=odd\n")
    (repository / "train.py").write_text("one = 11\n")
    git_state(repository)
    assert "+one = 11" in patch_of(repository)
    assert not sentinel.exists()


def test_the_index_is_left_alone(repository):
    index = repository / ".git" / "index"
    os.utime(repository / "train.py", (1, 1))  # git would refresh the index if it might
    before = index.read_bytes()
    git_state(repository)
    local_changes(repository, most_bytes=1000)
    assert index.read_bytes() == before


@pytest.mark.parametrize("why", ["no repository", "no git", "no folder", "within .git"])
def test_where_git_cannot_be_asked_nothing_is_known(why, repository, tmp_path, monkeypatch):
    folder = tmp_path
    if why == "no git":
        folder = repository
        monkeypatch.setenv("PATH", "")
    elif why == "no folder":
        folder = tmp_path / "gone"
    elif why == "within .git":
        folder = repository / ".git"
    assert git_state(folder) is None
    assert local_changes(folder, most_bytes=1000) is None


def test_git_that_does_not_answer_is_given_up(repository, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    assert git_state(repository) is None
    assert local_changes(repository, most_bytes=1000) is None


def test_two_commits_are_compared_where_both_are_known(repository):
    first = git(repository, "rev-parse", "HEAD")
    second = commit(repository, train="one = 11\n", other='token = "a1b2c3d4e5"\n')
    text = commit_difference(repository, first, second, most_bytes=10_000)
    assert text is not None
    assert "+one = 11" in text and 'token = "[redacted]"' in text
    assert commit_difference(repository, first, "0" * 40, most_bytes=1000) is None
    assert commit_difference(repository, first, "--output=x", most_bytes=1000) is None
