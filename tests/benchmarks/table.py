"""The one table that all benches print into, and the file that keeps it."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Mapping

__all__ = ["Table", "median"]

_WIDTHS = (56, 14, 12)


class Table:
    """Prints a line for each measurement; knows whether a bar was missed.

    Lines are also appended to the file that ``NBPROOF_BENCH_LINES`` names, if any.
    """

    def __init__(self) -> None:
        self.missed = 0

    def line(
        self,
        name: str,
        ours: float,
        unit: str,
        *,
        bar: float | None = None,
        passed: bool | None = None,
        told: str | None = None,
        peers: Mapping[str, float] | None = None,
        note: str = "",
    ) -> None:
        """One measurement: at most `bar` is a pass; `passed` says so where it is not a matter of figures."""
        if passed is None and bar is not None:
            passed = ours <= bar
        self.missed += passed is False
        verdict = "" if passed is None else "PASS" if passed else "FAIL"
        if told is None:
            told = "" if bar is None else f"<= {bar:g} {unit}"
        beside = "  ".join(
            f"{peer} {_number(value)} (x{_ratio(value, ours)})" for peer, value in (peers or {}).items()
        )
        cells = (name, f"{_number(ours)} {unit}", told)
        row = " ".join(
            f"{cell:>{width}}" if index == 1 else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
        )
        print(f"{row} {verdict:<4} {beside}{'  ' if beside and note else ''}{note}".rstrip(), flush=True)
        if kept := os.environ.get("NBPROOF_BENCH_LINES"):
            entry = {
                "name": name,
                "ours": ours,
                "unit": unit,
                "bar": bar,
                "passed": passed,
                "peers": dict(peers or {}),
                "note": note,
            }
            with open(kept, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    @property
    def exit_code(self) -> int:
        """1 if a bar was missed."""
        return int(self.missed > 0)


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _ratio(peer: float, ours: float) -> str:
    return f"{peer / ours:.2g}" if ours and peer / ours < 100 else f"{peer / ours:,.0f}" if ours else "?"
