"""A bar for what takes longer than a second, where somebody is looking.

In a notebook it is a widget where ipywidgets is installed; in a terminal a line; elsewhere nothing.  tqdm is
loaded when the second is over.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

__all__ = ["Progress", "bar_kind"]

_AFTER_SECONDS = 1.0


class Progress:
    """Counts bytes; shows a bar once it has taken a second.  What goes wrong with the bar stays here.

    Parameters
    ----------
    what : str
        Stands before the bar.
    total_bytes : int, optional
        Unknown for streams.
    clock : callable
        Seconds.
    """

    def __init__(
        self, what: str, total_bytes: int | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._total = total_bytes
        self._clock = clock
        self._began = clock()
        self._done = 0
        self._bar: Any = None
        self._asked = False

    def __call__(self, size_bytes: int) -> None:
        """So many more are done."""
        self._done += size_bytes
        if self._bar is not None:
            with suppress(Exception):
                self._bar.update(size_bytes)
        elif not self._asked and self._clock() - self._began > _AFTER_SECONDS:
            self._asked = True
            with suppress(Exception):
                self._bar = _bar(self._what, self._total, self._done)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with suppress(Exception):
                self._bar.close()


def bar_kind() -> Any:
    """The tqdm that fits: in a cell the widget, because a line that is written over again piles up there."""
    if "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm  # type: ignore[import-untyped]  # it has no stubs
    else:
        from tqdm import tqdm  # type: ignore[import-untyped]  # it has no stubs
    return tqdm


def _bar(what: str, total: int | None, done: int) -> Any:
    # Another thread has no cell to show it in, and a server's threads nobody who looks.
    if threading.current_thread() is not threading.main_thread():
        return None
    in_notebook = "ipykernel" in sys.modules
    if not in_notebook and not sys.stderr.isatty():
        return None
    tqdm = bar_kind()

    class Bar(tqdm):  # type: ignore[misc,valid-type]  # it has no stubs
        monitor_interval = 0  # no thread that watches over it

    return Bar(
        desc=f"nbproof: {what}",
        total=total,
        initial=done,
        unit="B",
        unit_scale=True,
        leave=False,
        file=None if in_notebook else sys.stderr,
    )
