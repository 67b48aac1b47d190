"""Whether something is done for somebody elsewhere, who may reach what the server's root holds, no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

__all__ = ["served_root", "serving"]

_root: ContextVar[Path | None] = ContextVar("nbproof_served_root", default=None)


@contextmanager
def serving(root: Path) -> Iterator[None]:
    """Within it, what is asked comes over HTTP from somebody who is shown this folder."""
    before = _root.set(root)
    try:
        yield
    finally:
        _root.reset(before)


def served_root() -> Path | None:
    """The folder that is served, within `serving`; None where somebody of this machine asks."""
    return _root.get()
