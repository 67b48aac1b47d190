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
    """Counts what is done; shows a bar once it has taken a second.  What goes wrong with the bar stays here.

    Parameters
    ----------
    what : str
        Stands before the bar.
    total : int, optional
        Unknown for streams.
    unit : str
        What is counted: bytes, or else a word such as rows.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        *,
        unit: str = "B",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._total = total
        self._unit = unit if unit == "B" else f" {unit}"
        self._clock = clock
        self._began = clock()
        self._done = 0
        self._bar: Any = None
        self._asked = False

    def share(self, part: float) -> None:
        """So large a part of all is done, from 0 to 1."""
        self(round(part * (self._total or 0)) - self._done)

    def __call__(self, many: int) -> None:
        """So many more are done."""
        self._done += many
        if self._bar is not None:
            with suppress(Exception):
                self._bar.update(many)
        elif not self._asked and self._clock() - self._began > _AFTER_SECONDS:
            self._asked = True
            with suppress(Exception):
                self._bar = _bar(self._what, self._total, self._done, self._unit)

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


def _bar(what: str, total: int | None, done: int, unit: str) -> Any:
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
        unit=unit,
        unit_scale=True,
        leave=False,
        file=None if in_notebook else sys.stderr,
    )
