"""The rows that benches declare, the one table that all of them print into, and the file that keeps it.

A bench says once, in `ROWS`, what it measures and what is enough; its figures are put beside that by the
row's name.  So the page of figures can be compared with what is measured, without measuring.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

__all__ = ["Row", "Table", "is_better", "median", "number", "ratio"]

_WIDTHS = (58, 16, 18)


@dataclass(frozen=True)
class Row:
    """What is measured, in which unit, and its bar.

    Parameters
    ----------
    what, unit : str
    at_most, at_least : float, optional
        The bar.
    all : bool
        The bar is that nothing is missing.
    ahead : bool
        The bar is also that every peer beside it is worse, and that there is one.
    """

    what: str
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    all: bool = False
    ahead: bool = False

    @property
    def more_is_better(self) -> bool:
        """A rate, not a cost."""
        return self.at_least is not None or self.all or self.unit.endswith("/s")

    @property
    def bar(self) -> str:
        """The bar in words, empty if there is none."""
        words = []
        if self.at_most is not None:
            words.append(f"<= {self.at_most:,g} {self.unit}".rstrip())
        if self.at_least is not None:
            words.append(f">= {self.at_least:,.0f}")
        if self.all:
            words.append("all")
        if self.ahead:
            words.append("best" if not words else "and best")
        return " ".join(words)


class Table:
    """Prints a line for each measurement; knows whether a bar was missed.

    Lines are also appended to the file that ``NBPROOF_BENCH_LINES`` names, if any.

    Parameters
    ----------
    rows : mapping of str to Row
        What the bench declares.
    """

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = rows
        self.missed = 0

    def line(
        self,
        name: str,
        ours: float,
        *,
        of: float | None = None,
        peers: Mapping[str, float | str] | None = None,
        note: str = "",
    ) -> None:
        """One measurement.

        Parameters
        ----------
        name : str
            The row's.
        ours : float
        of : float, optional
            How many there must be where a row wants all of them.
        peers : mapping, optional
            Each peer's figure, or why there is none.
        note : str
        """
        row = self.rows[name]
        beside = dict(peers or {})
        figures = [figure for figure in beside.values() if not isinstance(figure, str)]
        verdicts = []
        if row.at_most is not None:
            verdicts.append(ours <= row.at_most)
        if row.at_least is not None:
            verdicts.append(ours >= row.at_least)
        if row.all:
            verdicts.append(ours == of)
            note = f"of {of:,.0f}{'; ' if note else ''}{note}"
        if row.ahead:
            verdicts.append(bool(figures) and all(is_better(row, ours, each) for each in figures))
        passed = all(verdicts) if verdicts else None
        self.missed += passed is False
        verdict = "" if passed is None else "PASS" if passed else "FAIL"
        told = "  ".join(
            f"{peer}: {figure}"
            if isinstance(figure, str)
            else f"{peer} {number(figure)}{ratio(figure, ours)}"
            for peer, figure in beside.items()
        )
        cells = (row.what, f"{number(ours)} {row.unit}".rstrip(), row.bar)
        line = " ".join(
            f"{cell:>{width}}" if index == 1 else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
        )
        print(f"{line} {verdict:<4} {told}{'  ' if told and note else ''}{note}".rstrip(), flush=True)
        if kept := os.environ.get("NBPROOF_BENCH_LINES"):
            entry = {**asdict(row), "bar": row.bar, "more_is_better": row.more_is_better}
            entry |= {"name": name, "ours": ours, "passed": passed, "peers": beside, "note": note}
            with open(kept, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    @property
    def exit_code(self) -> int:
        """1 if a bar was missed."""
        return int(self.missed > 0)


def is_better(row: Row, ours: float, figure: float) -> bool:
    """Whether ours is better than another figure of the same row."""
    return ours > figure if row.more_is_better else ours < figure


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def number(value: float) -> str:
    """A figure to be read: three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def ratio(peer: float, ours: float) -> str:
    """How many times ours a peer's figure is, in brackets; nothing where ours is 0."""
    if not ours:
        return ""
    times = peer / ours
    return f" (x{times:,.0f})" if times >= 100 else f" (x{times:.2g})"
