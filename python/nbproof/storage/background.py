"""Starts processes that drain or send.  Standard library only: a kernel does this when a run begins or ends.

Never a thread in the kernel: it would compete with the user's code for the interpreter, and bring SQLAlchemy
along.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["drain_in_background", "main", "start_in_background"]

_REST_SECONDS = 2.0
_spawned: dict[str, float] = {}
_children: list[int] = []


def drain_in_background(root: str | Path) -> None:
    """Start a process that drains the workspace in a folder, and do not wait for it.

    It begins two seconds later and takes along what was written meanwhile, so that many short runs need few
    of them.  Where no process can be started nothing is done: the next reader drains.
    """
    place = os.path.realpath(root)
    now = time.monotonic()
    if now - _spawned.get(place, -_REST_SECONDS) < _REST_SECONDS * 0.9:
        return
    _spawned[place] = now
    start_in_background("nbproof.storage.background", place)


def start_in_background(module: str, *arguments: str, stdin: int | None = None) -> None:
    """Start a module of ours as a process that outlives this one, and do not wait for it.

    Parameters
    ----------
    module : str
    *arguments : str
    stdin : int, optional
        A descriptor that becomes its standard input; by default it has an empty one.
    """
    if not sys.executable:
        return
    # Nothing is imported from the notebook's folder (-P).
    command = [sys.executable, "-P", "-m", module, *arguments]
    environ = dict(os.environ)
    home = str(Path(__file__).resolve().parents[2])
    if not home.endswith("-packages"):  # run from its sources: the child must find them, too
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (environ.get("PYTHONPATH"), home)))
    with suppress(OSError, RuntimeError):
        _start(command, environ, stdin)


def _start(command: list[str], environ: dict[str, str], stdin: int | None) -> None:
    _reap()
    if hasattr(os, "posix_spawn"):
        null: list[Any] = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        if stdin is not None:
            null[0] = (os.POSIX_SPAWN_DUP2, stdin, 0)
        with suppress(NotImplementedError):
            # In a session of its own, or an interrupt of the kernel would end it.
            _children.append(os.posix_spawn(command[0], command, environ, file_actions=null, setsid=True))
            return
    import subprocess

    flags = 0x00000008 | 0x00000200 if os.name == "nt" else 0  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=os.name != "nt",
        creationflags=flags,
    )
    if os.name != "nt":
        _children.append(child.pid)
    child.returncode = 0  # it is waited for below; the object would complain that nobody did


def _reap() -> None:
    for pid in list(_children):
        try:
            done, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            done = pid
        if done:
            _children.remove(pid)


def _forget_after_fork() -> None:
    _children.clear()  # the parent's, not ours
    _spawned.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


# -- the child that drains ---------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Rest, then drain the workspace in a folder if that is still there.

    What draining needs is imported after the rest: the cell that has begun a run has the processor to itself.
    """
    (root,) = arguments
    time.sleep(_REST_SECONDS)
    if not os.path.isdir(root):
        return 0
    with suppress(OSError, AttributeError):
        os.nice(5)  # in nobody's way
    drain: Callable[[Sequence[str]], int] = importlib.import_module("nbproof.storage.drain").main
    return drain([root])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
