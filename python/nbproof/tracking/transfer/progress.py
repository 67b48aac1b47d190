"""A bar for work that takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nbproof.storage.progress import bar_kind
from nbproof.tracking.transfer.portable import Step

__all__ = ["shown"]


@contextmanager
def shown(what: str) -> Iterator[Step]:
    """A `Step` that shows how far it is on stderr, where somebody looks: a terminal or a cell."""
    quiet = not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    look = "{desc}{percentage:3.0f}% |{bar}| {elapsed}"
    with bar_kind()(total=100, leave=False, disable=quiet, bar_format=look, delay=1.0) as bar:

        def step(fraction: float, message: str) -> None:
            bar.set_description_str(f"{what} {message[:40]} ", refresh=False)
            bar.update(round(100 * fraction) - bar.n)

        yield step
