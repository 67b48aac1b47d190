# PYTHON_ARGCOMPLETE_OK
"""Finds the command that was typed, runs it, and tells how it went.

* stdout has the answer and nothing else: tables for people; with ``--json`` one JSON document (``null``
  where there is nothing to answer);
* stderr has everything else: errors (with ``--json`` as ``{"error": {...}}``), notes, progress;
* the exit code is that of `nbproof.core.errors.FACES`; 130 after Ctrl-C, 141 where the reader of a pipe left.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbproof.core.errors import PlatformError, Unavailable, as_json, face

if TYPE_CHECKING:
    from nbproof.platform.remote import RemoteWorkspace
    from nbproof.platform.workspace import Workspace

__all__ = ["main", "run"]

INTERRUPTED = 130
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``nbproof``; those of the process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if "_ARGCOMPLETE" in os.environ:
        from nbproof.cli.completion import complete

        complete()
    try:
        code = _warned(words)
        sys.stdout.flush()
        return code
    except PlatformError as error:
        _tell(error, words)
        return face(error).exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would be written, and fail again, when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        told = Unavailable(str(error))
        _tell(told, words)
        return face(told).exit_code
    except Exception as error:
        if os.environ.get("NBPROOF_DEBUG"):
            raise
        told_as = PlatformError(
            f"this is a fault in nbproof: {type(error).__name__}: {error}",
            hint="NBPROOF_DEBUG=1 shows where it happened",
        )
        _tell(told_as, words)
        return face(told_as).exit_code


def run(words: Sequence[str], *, workspace: Workspace | RemoteWorkspace | None = None) -> int:
    """Run a command line in this process; its exit code, or the error it ended with.

    Parameters
    ----------
    words : sequence of str
        What follows ``nbproof``.
    workspace : Workspace, optional
        An open one to work on, where neither ``--workspace`` nor ``--url`` is given; it stays open.

    Raises
    ------
    PlatformError
        Whatever went wrong; nothing was printed about it.
    """
    from nbproof.cli.commands import find, overview
    from nbproof.cli.session import Session
    from nbproof.platform.argv import HelpAsked

    words = list(words)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words in ([], ["-h"], ["--help"]):
        print(overview())
        return 0
    if words in (["--version"], ["-V"]):
        from nbproof._version import __version__

        print(f"nbproof {__version__}")
        return 0
    if len(words) == 2 and words[1] in ("-h", "--help") and (listed := overview(words[0])):
        print(listed)
        return 0
    command, rest = find(words)
    form = command.form()
    try:
        values = form.read(rest)
    except HelpAsked:
        print(form.help(), end="")
        return 0
    with Session(values, workspace) as session:
        return command.run(session, values)


def _warned(words: Sequence[str]) -> int:
    """Run it; warnings become lines, and what could not be recorded is an error: no cell must go on."""
    from nbproof.tracking.active import acknowledged_only

    with acknowledged_only(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        code = run(words)
    for each in told:
        print(each.message, file=sys.stderr)
    return code


def _tell(error: PlatformError, words: Sequence[str]) -> None:
    if "--json" in words:
        print(json.dumps(as_json(error), ensure_ascii=False, default=str), file=sys.stderr)
        return
    said = error.message if error.message.startswith("nbproof ") else f"nbproof: {error.message}"
    print(said, file=sys.stderr)
    if error.hint:
        print(f"  -> {error.hint}", file=sys.stderr)
    candidates = error.details.get("candidates")
    if isinstance(candidates, list):
        for each in candidates:
            print(f"     {_candidate(each)}", file=sys.stderr)


def _candidate(each: object) -> str:
    if isinstance(each, dict):
        return "  ".join(str(part) for part in each.values())
    return str(each)


if __name__ == "__main__":
    sys.exit(main())
