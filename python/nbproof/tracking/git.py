"""What git says about the code of a run: where it stands, and what is not committed.

Git is asked in ways that change nothing (no lock is taken, no diff program of the configuration is run), for
a few seconds at most, and every failure means "not known".  Called from a thread; standard library only.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbproof.core.redaction import redact_lines, without_credentials

if TYPE_CHECKING:
    import subprocess

__all__ = ["CHANGES", "Changes", "commit_difference", "git_state", "local_changes"]

CHANGES = "git/changes.patch"
"""Name of the artifact with what was not committed."""

_SECONDS = 5.0
_MOST_READ = 64 << 20  # bytes of a diff that are looked through
_MOST_UNTRACKED = 200  # names
_LONGEST_LINE = 1 << 20
# Nothing is run, and nothing written: `git diff` would refresh the index, lock or no lock.
_QUIETLY = ["-c", "core.fsmonitor=false", "-c", "diff.autoRefreshIndex=false", "--no-pager"]
_DIFF = ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short"]


def git_state(folder: Path) -> dict[str, object] | None:
    """Commit, branch, dirty flag and remote of the repository around `folder`; None without one.

    A file that git does not track makes nothing dirty.  The remote is that of the branch, else ``origin``,
    else the only one; user names and passwords are taken out of its address.
    """
    told = _answer(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if told is None:
        return None
    commit = branch = None
    dirty = False
    for line in told.decode("utf-8", "replace").splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head "):
            branch = line.removeprefix("# branch.head ")
        elif not line.startswith("#"):
            dirty = True
    commit = None if commit == "(initial)" else commit
    branch = None if branch == "(detached)" else branch
    return {"commit": commit, "branch": branch, "dirty": dirty, "remote": _remote(folder, branch)}


def _remote(folder: Path, branch: str | None) -> str | None:
    told = _answer(folder, "config", "--null", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
    found: dict[str, str] = {}
    for each in (told or b"").decode("utf-8", "replace").split("\0"):
        key, _, value = each.partition("\n")
        found.setdefault(key, value)
    addresses = {key[7:-4]: value for key, value in found.items() if key.startswith("remote.")}
    chosen = found.get(f"branch.{branch}.remote", "origin")
    address = addresses.get(chosen) or next(iter(addresses.values()), None)
    return None if address is None else without_credentials(address)


class Changes(NamedTuple):
    """What is not committed, as a patch, and how many secrets were blanked in it."""

    patch: bytes
    redacted: int


def local_changes(folder: Path, *, most_bytes: int) -> Changes | None:
    """The difference between the last commit and the files as they are; None where there is none.

    Parameters
    ----------
    folder : Path
        Anywhere in the repository.
    most_bytes : int
        Size of the patch.  Files whose part does not fit are named, and so are binary and untracked ones: the
        parts that are there are whole, and ``git apply`` takes them.
    """
    top = _answer(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return None
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    base = "HEAD"
    if _answer(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        base = (_answer(root, "hash-object", "-t", "tree", os.devnull) or b"").decode().strip()
    # Prefixes are set here: the user's configuration may have others, which `git apply` would not expect.
    found = _patch(root, [*_DIFF, "--src-prefix=a/", "--dst-prefix=b/", base, "--"], most_bytes)
    untracked = _untracked(root)
    if not found.patch and not found.left_out and not untracked:
        return None
    notes = [f"# {why}: {name}" for name, why in found.left_out]
    notes += [f"# not tracked by git, not contained: {name}" for name in untracked[:_MOST_UNTRACKED]]
    if len(untracked) > _MOST_UNTRACKED:
        notes.append(f"# ... and {len(untracked) - _MOST_UNTRACKED:,} more that git does not track")
    if found.stopped:
        notes.append("# git took too long, or said too much: the end is missing")
    redacted = 0
    lines = []
    for line, count in redact_lines([*notes, *found.patch]):
        lines.append(line)
        redacted += count
    return Changes("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"), redacted)


def commit_difference(folder: Path, one: str, other: str, *, most_bytes: int) -> str | None:
    """What changed between two commits of the repository around `folder`; None where it has not both."""
    if not all(re.fullmatch("[0-9a-f]{7,64}", commit) for commit in (one, other)):
        return None
    if any(_answer(folder, "cat-file", "-e", f"{commit}^{{commit}}") is None for commit in (one, other)):
        return None
    found = _patch(folder, [*_DIFF, one, other, "--"], most_bytes)
    notes = [f"# {why}: {name}" for name, why in found.left_out]
    if found.stopped:
        notes.append("# git took too long, or said too much: the end is missing")
    text = "\n".join(line for line, _ in redact_lines([*notes, *found.patch]))
    return text.encode("utf-8", "replace").decode()


def _untracked(root: Path) -> list[str]:
    told = _answer(
        root, "ls-files", "--others", "--exclude-standard", "--directory", "--no-empty-directory", "-z"
    )
    names = (told or b"").decode("utf-8", "surrogateescape").split("\0")
    return [name.replace("\n", "\\n") for name in names if name and ".nbproof" not in name.split("/")]


class _Patch(NamedTuple):
    patch: list[str]  # lines
    left_out: list[tuple[str, str]]  # files, and why
    stopped: bool


def _patch(folder: Path, arguments: list[str], most_bytes: int) -> _Patch:
    kept: list[str] = []
    left_out: list[tuple[str, str]] = []
    part: list[str] = []
    size = 0
    binary = False
    room = most_bytes

    def settle() -> None:
        nonlocal room
        # A head alone is a file whose time changed and nothing else: git was told not to look into the index.
        if not part or size == len(part[0]) + 1:
            return
        name = _file_of(part[0])
        if binary:
            left_out.append((name, "binary, not contained"))
        elif size > room:
            left_out.append((name, f"too large ({size:,} bytes), not contained"))
        else:
            kept.extend(part)
            room -= size

    lines = _Lines(folder, arguments)
    for line in lines:
        if line.startswith(("diff --git ", "diff --cc ")):
            settle()
            part, size, binary = [], 0, False
        binary = binary or line.startswith(("Binary files ", "GIT binary patch"))
        size += len(line) + 1
        if lines.cut:
            size = max(size, most_bytes + 1)  # in pieces it would be another patch, and hide what it holds
        if size <= room or not part:
            part.append(line)
    if not lines.stopped:
        settle()
    elif part:
        left_out.append((_file_of(part[0]), "not contained"))
    return _Patch(kept, left_out, lines.stopped)


def _file_of(head: str) -> str:
    """The file of ``diff --git a/x b/x``."""
    names = head.split(" ", 2)[-1]
    half = names[len(names) // 2 + 1 :]
    return half.removeprefix("b/") if names.startswith("a/") else names


class _Lines:
    """The lines that git says, one by one, until the time or the patience is over."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self._folder = folder
        self._arguments = arguments
        self.stopped = False
        self.cut = False  # the last one was only a piece of a line that is too long

    def __iter__(self) -> Iterator[str]:
        import subprocess

        try:
            process = _started(self._folder, *self._arguments)
        except OSError:
            return
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(_SECONDS, stop)
        timer.daemon = True
        timer.start()
        read = 0
        assert process.stdout is not None
        try:
            while piece := process.stdout.readline(_LONGEST_LINE):
                read += len(piece)
                if read > _MOST_READ:
                    self.stopped = True
                    process.kill()
                    break
                self.cut = not piece.endswith(b"\n")
                yield piece.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        finally:
            timer.cancel()
            process.stdout.close()
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.stopped = self.stopped or late.is_set()


def _answer(folder: Path, *arguments: str) -> bytes | None:
    """What git says; None where it fails."""
    import subprocess

    try:
        with _started(folder, *arguments) as process:
            try:
                told, _ = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return None
    except OSError:
        return None
    return told if process.returncode == 0 else None


def _started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocess.Popen(
        ["git", "-C", str(folder), *_QUIETLY, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Without optional locks a commit that the user makes just now never finds the index locked by us.
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
    )
