"""Where a run's code came from: git commit, branch, dirty flag, fingerprint of the source.

Asked of git by a short-lived thread after the run has started, so that no cell waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Origin", "capture_later", "code_fingerprint", "git_state"]

_SECONDS = 5.0
_LATER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Origin:
    """The notebook or script that is running.

    Attributes
    ----------
    folder : Path
        Where it lives; the current folder where nothing is known.
    source : Path or None
        The notebook or script itself.
    """

    folder: Path
    source: Path | None = None

    @property
    def experiment(self) -> str:
        """Name of the experiment of runs that name none."""
        return (self.source.stem if self.source else self.folder.name) or "default"


def git_state(folder: Path) -> dict[str, object] | None:
    """Commit, branch and dirty flag of the repository around `folder`; None without git or repository."""
    import subprocess

    try:
        told = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch", "--untracked-files=no"],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return None
    commit = branch = None
    dirty = False
    for line in told.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head "):
            branch = line.removeprefix("# branch.head ")
        elif not line.startswith("#"):
            dirty = True
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": dirty,
    }


def code_fingerprint(source: Path | None) -> str | None:
    """BLAKE2b-256 of the source file as it is on disk, hex."""
    import hashlib

    if source is None:
        return None
    try:
        with source.open("rb") as file:
            digest = hashlib.blake2b(digest_size=32)
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def capture_later(
    origin: Origin,
    tell: Callable[[dict[str, object] | None, str | None], None],
    *,
    git: bool = True,
    hurry: threading.Event | None = None,
) -> threading.Thread:
    """Gather provenance in a thread of its own and `tell` it; join the thread to be sure it is told.

    The thread lets the cell that started the run go first, unless somebody is in a `hurry`.
    """
    signal = hurry or threading.Event()

    def gather() -> None:
        signal.wait(_LATER_SECONDS)
        try:
            tell(git_state(origin.folder) if git else None, code_fingerprint(origin.source))
        except Exception:
            import logging

            logging.getLogger("nbproof").warning("provenance of a run was not recorded", exc_info=True)

    thread = threading.Thread(target=gather, name="nbproof-provenance", daemon=True)
    thread.start()
    return thread
