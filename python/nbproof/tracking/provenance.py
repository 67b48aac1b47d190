"""Where a run came from: code, command and environment.

Gathered by a short-lived thread after the run has started, so that no cell waits for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from nbproof.tracking.git import Changes, git_state, local_changes

__all__ = ["Capture", "Origin", "Recorder", "capture_later", "code_fingerprint"]

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


@dataclass(frozen=True, slots=True)
class Capture:
    """What is recorded of where a run came from."""

    git: bool = True
    changes: bool = True
    changes_bytes: int = 1_000_000
    command: bool = True
    environment: bool = True

    @classmethod
    def from_settings(cls, raw: Mapping[str, Any], environ: Mapping[str, str]) -> Capture:
        """As the settings ``capture_*`` say; what cannot be read is as it comes."""
        given: dict[str, Any] = {}
        for name in ("git", "changes", "command", "environment"):
            value = environ.get(f"NBPROOF_CAPTURE_{name.upper()}", raw.get(f"capture_{name}", True))
            given[name] = str(value).strip().lower() not in ("0", "false", "no", "off")
        size = str(environ.get("NBPROOF_CAPTURE_CHANGES_BYTES", raw.get("capture_changes_bytes", "")))
        if size.isdigit():
            given["changes_bytes"] = int(size)
        return cls(**given)


class Recorder(Protocol):
    """Takes what was found out about a run."""

    def tell_provenance(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """Git, fingerprint of the code, command and entry point."""

    def tell_environment(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """The environment."""

    def keep_changes(self, run_id: str, changes: Changes) -> None:
        """What is not committed."""


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


T = TypeVar("T")


class _Shared(Generic[T]):
    """One answer of git for all runs that were started before it was asked.

    So a loop of short runs asks now and then, and no run gets an answer that was given before it.
    """

    def __init__(self, ask: Callable[[Path, Capture], T]) -> None:
        self._ask = ask
        self._renew()

    def _renew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._known: tuple[Path, Capture, float, T] | None = None

    def __call__(self, folder: Path, capture: Capture, since: float) -> T:
        """What git says of `folder`, asked at the time `since` (`time.monotonic`) or later."""
        if self._process != os.getpid():
            self._renew()  # the lock may have been held when the process forked
        with self._lock:
            known = self._known
            if known is not None and known[:2] == (folder, capture) and known[2] >= since:
                return known[3]
            began = time.monotonic()
            found = self._ask(folder, capture)
            self._known = (folder, capture, began, found)
            return found


_state = _Shared(lambda folder, capture: git_state(folder))
_changes = _Shared(lambda folder, capture: local_changes(folder, most_bytes=capture.changes_bytes))


def capture_later(
    origin: Origin,
    run_id: str,
    recorder: Recorder,
    *,
    capture: Capture,
    hurry: threading.Event | None = None,
) -> threading.Thread:
    """Find out where a run came from in a thread of its own; join the thread to be sure it is told.

    The thread lets the cell that started the run go first, unless somebody is in a `hurry`.
    """
    signal = hurry or threading.Event()
    started = time.monotonic()

    def gather() -> None:
        signal.wait(_LATER_SECONDS)
        try:
            _gather(origin, run_id, recorder, capture, started)
        except Exception:
            import logging

            logging.getLogger("nbproof").warning("provenance of a run was not recorded", exc_info=True)

    thread = threading.Thread(target=gather, name="nbproof-provenance", daemon=True)
    thread.start()
    return thread


def _gather(origin: Origin, run_id: str, recorder: Recorder, capture: Capture, started: float) -> None:
    from nbproof.tracking.environment import command_line, entry_point, environment_facts

    # What is quick comes first: a process that is about to end waits for this two seconds.
    state = _state(origin.folder, capture, started) if capture.git else None
    recorder.tell_provenance(
        run_id,
        {
            "git": state,
            "code": code_fingerprint(origin.source),
            "entry": entry_point(origin.source),
            "command": command_line() if capture.command else None,
        },
    )
    if capture.environment:
        recorder.tell_environment(run_id, environment_facts())
    if capture.changes and state is not None:
        changes = _changes(origin.folder, capture, started)
        if changes is not None:
            recorder.keep_changes(run_id, changes)
