"""`nbproof runs log-frame`: the columns of a CSV as metrics of a run, however long it is."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from nbproof.cli.session import Session
from nbproof.core.errors import Invalid, near_names

__all__ = ["runs_log_frame"]

_ROWS = 20_000  # that are recorded at once


def runs_log_frame(session: Session, values: Mapping[str, Any]) -> int:
    """Record the columns of a CSV as metrics; nothing where one of its cells makes no sense."""
    step, time, given = values.get("step"), values.get("time"), str(values["path"])
    if given == "-":
        # Only what is a file can be gone through before anything is recorded.
        parts = list(_parts(sys.stdin, "stdin", step, time))
    else:
        path = Path(given).expanduser()
        for _ in _parts(path, given, step, time):
            pass
        parts = _parts(path, given, step, time)  # type: ignore[assignment]
    tracker, points = session.workspace.tracker, 0
    for columns in parts:
        tracker.log_frame(columns, step=step, time=time, run_id=str(values["id"]))
        points += sum(
            value is not None
            for name, column in columns.items()
            if name not in (step, time)
            for value in column
        )
    if session.json:
        session.print_json({"points": points})
    else:
        print(f"{points:,} points")
    return 0


def _parts(
    source: Path | TextIO, called: str, step: str | None, time: str | None
) -> Iterator[dict[str, list[int | float | None]]]:
    try:
        with (
            source.open(encoding="utf-8-sig", newline="")
            if isinstance(source, Path)
            else nullcontext(source) as file
        ):
            yield from _read(file, called, step, time)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(called, str(error)) from None
    except OSError as error:
        raise _bad(called, error.strerror or str(error)) from None


def _read(
    file: TextIO, called: str, step: str | None, time: str | None
) -> Iterator[dict[str, list[int | float | None]]]:
    rows = csv.reader(file, strict=True)
    names = [cell.strip() for cell in next(rows, [])]
    if not names or len(set(names)) < len(names) or "" in names:
        raise _bad(called, "its first line must name the columns, each once")
    for wanted in (step, time):
        if wanted is not None and wanted not in names:
            near = near_names(wanted, names)
            raise _bad(
                called, f"there is no column {wanted!r}", f"did you mean {near[0]!r}?" if near else None
            )
    while some := list(islice(rows, _ROWS)):
        line = rows.line_num - len(some)
        columns: dict[str, list[int | float | None]] = {name: [] for name in names}
        for number, cells in enumerate(some, line + 1):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise _bad(called, f"line {number} has {len(cells)} cells, the first line {len(names)}")
            for name, cell in zip(names, cells, strict=True):
                try:
                    columns[name].append(_number(cell.strip(), whole=name == step))
                except ValueError:
                    what = "a whole number of 64 bits" if name == step else "a number"
                    raise _bad(
                        called, f"line {number}, column {name!r}: expected {what}, found {cell[:40]!r}"
                    ) from None
        yield columns


def _number(cell: str, *, whole: bool) -> int | float | None:
    if whole:
        number = int(cell)
        if not -(2**63) <= number < 2**63:
            raise ValueError(cell)
        return number
    return float(cell) if cell else None


def _bad(called: str, what: str, hint: str | None = None) -> Invalid:
    return Invalid(f"{called!r}: {what}", hint=hint or "nothing was recorded", details={"field": "path"})
