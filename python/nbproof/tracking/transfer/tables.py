"""Runs of a CSV: a row is a step of a run, or a whole run.

What the columns are is told by `column`, else by their names: ``params.x``, ``metrics.x`` and ``tags.x`` (as
`search_runs` and MLflow write them), the words below, and names of metrics that are known.  Where that is not
enough the reader asks, and guesses nothing.

The file is gone through several times and never held: what is remembered grows with the number of runs.
Points of rows that are steps wait, sorted by run, in a file without a name.
"""

from __future__ import annotations

import codecs
import csv
import math
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Invalid, Unavailable, near_names
from nbproof.core.ids import is_id
from nbproof.tracking.domain import ENDINGS, less_is_better
from nbproof.tracking.points import Points
from nbproof.tracking.transfer.portable import (
    PIECE,
    Findings,
    PortableExperiment,
    PortableRun,
    Step,
    derived_id,
)

__all__ = ["CsvSource", "is_csv"]

_WORDS = {
    "id": "id run_id run_uuid",
    "run": "run run_name name",
    "experiment": "experiment experiment_name",
    "status": "status state",
    "started": "started start_time start created",
    "ended": "ended end_time end",
    "notes": "notes note description",
    "step": "step global_step _step epoch iteration iter round",
    "time": "time timestamp _timestamp wall_time walltime date datetime",
    "skip": "experiment_id artifact_uri _runtime",
}
_ROLE_OF = {word: role for role, words in _WORDS.items() for word in words.split()}
_STEPS = _WORDS["step"].split()
_METRICS = re.compile(
    r"(^|[^a-z])(acc|accuracy|auc|auroc|roc_auc|f1|f1_score|precision|recall|r2|score|iou|dice|map|bleu|rouge|mcc|"
    r"kappa|gain|reward|sharpe|hit_rate|ndcg|mrr)([^a-z]|$)"
)
_STATUS_WORDS = {
    "finished": "finished complete completed done success",
    "failed": "failed error crashed",
    "cancelled": "cancelled canceled killed",
    "interrupted": "interrupted",
    "running": "running scheduled",
}
_STATUSES = {word: status for status, words in _STATUS_WORDS.items() for word in words.split()}
_MISSING = frozenset({"", "null", "none", "n/a", "na", "<na>"})
_DELIMITERS = ",;\t|"
_MOST_FIELD = 16 << 20
_ROWS_AT_ONCE = 1 << 16
_CELLS_AT_ONCE = 1 << 20


def is_csv(path: Path) -> bool:
    """Whether a file looks like a table in text."""
    if path.suffix.lower() in (".csv", ".tsv", ".tab"):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    first = head.partition(b"\n")[0]
    return b"\0" not in head and any(sign.encode() in first for sign in _DELIMITERS)


class CsvSource:
    """The runs of a CSV.

    Parameters
    ----------
    path : Path
    name : str, optional
        What the file is called.
    rows : {"runs", "steps"}, optional
        What a row is; by default it is told by the columns.
    column : mapping
        What a column is, by its name; ``*`` for those not named otherwise.

    Raises
    ------
    Invalid
        It cannot be read so; the message says which line or which columns, and what to say about them.
    """

    format = "csv"

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        rows: Literal["runs", "steps"] | None = None,
        column: Mapping[str, str] | None = None,
    ) -> None:
        self.findings = Findings()
        self._path = path
        self._called = name or path.name
        self._stem = Path(self._called).stem or "table"
        self._mtime_us = path.stat().st_mtime_ns // 1000
        self._delimiter, self._header, self._numeric = self._looked_at()
        self._roles = self._given(column or {})
        self._others = (column or {}).get("*")
        self._rows = rows or self._guessed()
        self._name_columns()
        self._spill = _Spill(len(self._columns("metric"))) if self._rows == "steps" else None
        try:
            self._read = self._step_runs(self._spill) if self._spill is not None else self._read_runs
            ids: set[str] = set()
            for run in self._read():
                if run.id in ids:
                    raise self._bad(f"the run {run.id!r} is in several rows", field="column")
                ids.add(run.id)
        except BaseException:
            self.close()
            raise
        self._ids = ids
        told = {
            role: [c for c in self._header if self._roles[c] == role]
            for role in dict.fromkeys(self._roles.values())
        }
        self.findings.note(f"a row is one {self._rows.removesuffix('s')}")
        for role, columns in told.items():
            shown = ", ".join(columns[:12]) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
            self.findings.note(f"{role}: {shown}")
            if role == "skip":
                for each in columns:
                    self.findings.skip("column", each, "it is left out")

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of the runs."""
        return self._ids

    def experiments(self) -> list[PortableExperiment]:
        """Nothing is known of them."""
        return []

    def check(self, step: Step) -> None:
        """It was gone through already."""

    def close(self) -> None:
        """Let go of the points that wait."""
        if self._spill is not None:
            self._spill.close()

    def runs(self) -> Iterator[PortableRun]:
        """The runs."""
        return self._read()

    # -- lines ---------------------------------------------------------------------------------------

    def _lines(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of every line that is not empty, the first one included."""
        number = 0
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=delimiter, strict=True)
                while True:
                    # Only for the moment: the limit is that of the whole process.
                    before = csv.field_size_limit(_MOST_FIELD)
                    try:
                        cells = next(reader, None)
                    finally:
                        csv.field_size_limit(before)
                        number = reader.line_num
                    if cells is None:
                        return
                    cells = [cell.strip() for cell in cells]
                    if any(cells) or number == 1:
                        yield number, cells
        except csv.Error as error:
            raise self._bad(f"line {number}: {error}") from None
        except UnicodeDecodeError:
            byte = _first_wrong_byte(self._path)
            raise self._bad(f"it is not UTF-8: byte {byte}", hint="save it as UTF-8") from None
        except OSError as error:
            raise self._bad(f"it can't be read: {error.strerror}") from None

    def _data(self) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of every line but the first."""
        return islice(self._lines(self._delimiter), 1, None)

    def _looked_at(self) -> tuple[str, list[str], list[bool]]:
        """The separator, the names of the columns, and which of them hold numbers only."""
        try:
            with self._path.open("rb") as file:
                first = file.readline(_MOST_FIELD).decode("utf-8", "replace")
        except OSError as error:
            raise self._bad(f"it can't be read: {error.strerror}") from None
        delimiter = max(_DELIMITERS, key=first.count)
        lines = self._lines(delimiter)
        _, header = next(lines, (0, []))
        numeric = [True] * len(header)
        rows = 0
        for number, cells in lines:
            if len(cells) != len(header):
                raise self._bad(
                    f"line {number} has {len(cells)} cells, the header {len(header)}",
                    hint="put cells that hold the separator in quotes",
                )
            rows += 1
            for place, cell in enumerate(cells):
                numeric[place] = numeric[place] and _is_number(cell)
        if header and header[0] == "":
            header[0] = "index"  # as pandas writes it
        twice = next((cell for cell in header if header.count(cell) > 1), None)
        if not header or not rows:
            raise self._bad("it has no rows" if header else "it is empty")
        if twice is not None:
            raise self._bad(f"the column {twice!r} is there twice")
        if "" in header:
            raise self._bad(f"column {header.index('') + 1} has no name")
        return delimiter, header, numeric

    # -- columns -------------------------------------------------------------------------------------

    def _given(self, column: Mapping[str, str]) -> dict[str, str]:
        for name in column:
            if name != "*" and name not in self._header:
                near = near_names(name, self._header)
                raise self._bad(
                    f"there is no column {name!r}",
                    hint=f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(self._header[:20])}",
                    field="column",
                )
        return {name: role for name, role in column.items() if name != "*"}

    def _guessed(self) -> Literal["runs", "steps"]:
        roles = set(self._roles.values())
        plain = [_plain(name) for name in self._header if name not in self._roles]
        if "step" in roles:
            return "steps"
        if any(name.startswith(("params.", "metrics.", "tags.")) for name in self._header):
            return "runs"
        if any(name in _STEPS for name in plain):
            return "steps"
        if roles & {"param", "run", "id"} or any(_ROLE_OF.get(name) in ("run", "id") for name in plain):
            return "runs"
        raise self._bad(
            "it is not clear whether a row is a run or a step of one",
            hint="say --rows runs or --rows steps (rows='runs')",
            field="rows",
        )

    def _name_columns(self) -> None:
        """Give each column a role; where that would be a guess, ask for all of them at once."""
        single = set(self._roles.values()) - {"param", "metric", "tag", "skip"}
        unclear = []
        for place, name in enumerate(self._header):
            if name in self._roles:
                continue
            prefix, dot, _ = name.partition(".")
            word = _ROLE_OF.get(_plain(name))
            if self._rows == "runs" and word in ("step", "time"):
                word = None
            if dot and prefix in ("params", "metrics", "tags"):
                role: str | None = prefix.removesuffix("s")
            elif word is not None and word not in single:
                role = word
                if word != "skip":
                    single.add(word)
            elif name == "index":
                role = "skip"
            elif self._measures(name, place):
                role = "metric"
            elif self._others is not None:
                role = self._others
            else:
                role = "param" if self._rows == "runs" and not self._numeric[place] else None
            if role is None:
                unclear.append(name)
            else:
                self._roles[name] = role
        if unclear:
            flags = " ".join(f"--column {_quoted(name)}=param" for name in unclear[:5])
            what = (
                "hold text, and a step has numbers only"
                if self._rows == "steps"
                else "may be params or metrics"
            )
            raise self._bad(
                f"the columns {', '.join(map(repr, unclear[:8]))}{' ...' if len(unclear) > 8 else ''} {what}",
                hint=f"say what they are, such as {flags} or --column '*=metric'; also tag, skip",
                field="column",
            )

    def _measures(self, name: str, place: int) -> bool:
        """Whether a column is certainly a metric: numbers by step, or by run one with a metric's name."""
        if self._rows == "steps":
            return self._numeric[place]
        return bool(_METRICS.search(_plain(name))) or less_is_better(name)

    def _place(self, role: str) -> int | None:
        places = [place for place, name in enumerate(self._header) if self._roles[name] == role]
        if len(places) > 1:
            names = ", ".join(self._header[place] for place in places)
            raise self._bad(
                f"several columns are {role}: {names}",
                hint="--column NAME=skip leaves one out",
                field="column",
            )
        return places[0] if places else None

    def _columns(self, role: str) -> list[tuple[int, str]]:
        return [
            (place, name.removeprefix(f"{role}s."))
            for place, name in enumerate(self._header)
            if self._roles[name] == role
        ]

    # -- rows that are steps -------------------------------------------------------------------------

    def _step_runs(self, spill: _Spill) -> Callable[[], Iterator[PortableRun]]:
        """Sort the points by run; gives what gives the runs."""
        key_place = self._place("id")
        if key_place is None:
            key_place = self._place("run")
        step_place, time_place = self._place("step"), self._place("time")
        metrics, kept = self._columns("metric"), [*self._columns("param"), *self._columns("tag")]
        found: dict[str, _Steps] = {}
        for number, cells in self._data():
            key = "" if key_place is None else cells[key_place]
            of_run = found.get(key)
            if of_run is None:
                of_run = found[key] = _Steps((number, cells))
            step = of_run.rows if step_place is None else self._step(number, step_place, cells)
            time_us = self._mtime_us if time_place is None else self._time(number, time_place, cells)
            of_run.add(time_us, (place for place, _ in kept if cells[place] != of_run.first[1][place]))
            spill.add(key, step, time_us, [self._number(number, place, cells) for place, _ in metrics])
        spill.flush()
        return lambda: (self._step_run(key, of_run, spill) for key, of_run in found.items())

    def _step_run(self, key: str, of_run: _Steps, spill: _Spill) -> PortableRun:
        known = self._place("time") is not None
        run = self._run(
            of_run.first,
            [key, "\x1f".join(self._header)],
            key or self._stem,
            of_run.earliest_us,
            of_run.latest_us,
            known,
        )
        names = [name for _, name in self._columns("metric")]
        run.points = lambda: spill.points(key, names)
        for role, target in (("param", run.params), ("tag", run.tags)):
            for place, name in self._columns(role):
                if place in of_run.changing:
                    self.findings.skip(role, f"{run.name}: {name}", "it changes from row to row of the run")
                    target.pop(name, None)
        return run

    # -- rows that are runs --------------------------------------------------------------------------

    def _read_runs(self) -> Iterator[PortableRun]:
        seen: dict[str, int] = {}
        name_place, started_place = self._place("run"), self._place("started")
        for at, (number, cells) in enumerate(self._data()):
            name = cells[name_place] if name_place is not None else ""
            key = name or "\x1f".join(cells)
            seen[key] = seen.get(key, 0) + 1
            again = "" if seen[key] == 1 else str(seen[key])
            started = self._mtime_us
            known = started_place is not None and cells[started_place].lower() not in _MISSING
            if known and started_place is not None:
                started = self._time(number, started_place, cells)
            run = self._run(
                (number, cells), [key, again], name or f"{self._stem} {at + 1}", started, started, known
            )
            time_us = started if run.ended_us is None else run.ended_us
            columns: dict[str, Points] = {}
            for place, metric in self._columns("metric"):
                value = self._number(number, place, cells)
                if value is not None:
                    columns[metric] = Points(
                        np.zeros(1, np.int64), np.array([time_us], np.int64), np.array([value], np.float64)
                    )
            run.points = lambda columns=columns: iter(columns.items())  # type: ignore[misc]
            yield run

    # -- cells ---------------------------------------------------------------------------------------

    def _run(
        self, row: tuple[int, list[str]], key: list[str], name: str, first: int, last: int, known: bool
    ) -> PortableRun:
        number, cells = row

        def cell(role: str) -> str | None:
            place = self._place(role)
            return None if place is None or cells[place].lower() in _MISSING else cells[place]

        given = cell("id")
        status = "finished"
        if (said := cell("status")) is not None:
            status = _STATUSES.get(said.lower(), "")
            if not status:
                raise self._bad(
                    f"line {number}: no status is called {said!r}",
                    hint=f"known: {', '.join(ENDINGS)}",
                    field="column",
                )
        ended_place = self._place("ended")
        if ended_place is not None and cell("ended") is not None:
            last = max(first, self._time(number, ended_place, cells))
        return PortableRun(
            id=given
            if given is not None and is_id(given)
            else derived_id("csv", self._stem, given or "", *key),
            name=cell("run") or (given if given and not is_id(given) else None) or name,
            experiment=cell("experiment") or self._stem,
            started_us=first,
            ended_us=last,
            status=status,
            notes=cell("notes"),
            params={
                called: _typed(cells[place])
                for place, called in self._columns("param")
                if cells[place].lower() not in _MISSING
            },
            tags={called: cells[place] for place, called in self._columns("tag") if cells[place] != ""},
            timed=known,
        )

    def _number(self, number: int, place: int, cells: list[str]) -> float | None:
        text = cells[place]
        if text.lower() in _MISSING:
            return None
        try:
            return _float(text)
        except ValueError:
            hint = "a decimal point is a point" if re.fullmatch(r"-?\d+,\d+", text) else None
            raise self._wrong(number, place, text, "a number", hint) from None

    def _step(self, number: int, place: int, cells: list[str]) -> int:
        text = cells[place]
        try:
            step = int(text) if re.fullmatch(r"[+-]?\d{1,20}", text) else _whole(_float(text))
            if -(2**63) <= step < 2**63:
                return step
        except (ValueError, OverflowError):
            pass
        raise self._wrong(number, place, text, "a whole number of 64 bits")

    def _time(self, number: int, place: int, cells: list[str]) -> int:
        text = cells[place]
        try:
            seconds = float(text)
        except ValueError:
            try:
                when = datetime.fromisoformat(text)
            except ValueError:
                raise self._wrong(
                    number, place, text, "a time like 2026-01-31T12:00:00Z, or seconds since 1970"
                ) from None
            return microseconds_of(when.replace(tzinfo=UTC) if when.tzinfo is None else when)
        # Seconds, or milliseconds, which are a thousand times as many.
        if not math.isfinite(seconds) or abs(seconds) >= 1e14:
            raise self._wrong(number, place, text, "seconds or milliseconds since 1970")
        return round(seconds * (1_000 if abs(seconds) >= 1e11 else 1_000_000))

    def _wrong(self, number: int, place: int, text: str, expected: str, hint: str | None = None) -> Invalid:
        name = self._header[place]
        return self._bad(
            f"line {number}, column {name!r}: expected {expected}, found {text[:40]!r}",
            hint=hint or f"mend it, or leave the column out: --column {_quoted(name)}=skip",
            field="column",
        )

    def _bad(self, what: str, *, hint: str | None = None, field: str = "path") -> Invalid:
        return Invalid(f"{self._called!r}: {what}", hint=hint, details={"field": field})


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w./-]+", name) else f"'{name}'"


def _float(text: str) -> float:
    if "_" in text:
        raise ValueError(text)  # Python's own spelling, nobody's data
    return float(text)


def _whole(number: float) -> int:
    if not number.is_integer():
        raise ValueError(number)
    return int(number)


def _first_wrong_byte(path: Path) -> int:
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                return done - pending + error.start
            done += len(piece)
    return done


def _is_number(text: str) -> bool:
    try:
        _float(text)
    except ValueError:
        return text.lower() in _MISSING
    return True


class _Steps:
    """What is remembered of a run whose rows are steps."""

    def __init__(self, first: tuple[int, list[str]]) -> None:
        self.first, self.rows = first, 0
        self.earliest_us, self.latest_us = 2**63 - 1, -(2**63)
        self.changing: set[int] = set()

    def add(self, time_us: int, changing: Iterable[int]) -> None:
        self.rows += 1
        self.earliest_us, self.latest_us = min(self.earliest_us, time_us), max(self.latest_us, time_us)
        self.changing.update(changing)


class _Spill:
    """Points by run, in a file: written in the order of the rows, read by run and column.

    A block holds some rows of one run: steps, times, and of each column the values and where there are any.
    """

    def __init__(self, columns: int) -> None:
        self._file = tempfile.TemporaryFile(prefix="nbproof-")  # noqa: SIM115 - until `close`
        self._columns = columns
        self._blocks: dict[str, list[tuple[int, int]]] = {}
        self._waiting: dict[str, list[tuple[int, int, list[float | None]]]] = {}
        self._rows = 0

    def add(self, key: str, step: int, time_us: int, values: list[float | None]) -> None:
        self._waiting.setdefault(key, []).append((step, time_us, values))
        self._rows += 1
        if self._rows >= _ROWS_AT_ONCE or self._rows * self._columns >= _CELLS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        for key, rows in self._waiting.items():
            steps, times, values = zip(*rows, strict=True)
            block = [np.array(steps, np.int64).tobytes(), np.array(times, np.int64).tobytes()]
            for column in zip(*values, strict=True):
                block.append(np.array([0.0 if each is None else each for each in column]).tobytes())
                block.append(np.array([each is not None for each in column]).tobytes())
            try:
                offset = self._file.seek(0, 2)
                self._file.write(b"".join(block))
            except OSError as error:
                raise Unavailable(
                    f"the points can't be kept aside in {tempfile.gettempdir()}: {error.strerror}",
                    hint="free some space there, or set TMPDIR",
                ) from error
            self._blocks.setdefault(key, []).append((offset, len(rows)))
        self._waiting, self._rows = {}, 0

    def points(self, key: str, names: Sequence[str]) -> Iterator[tuple[str, Points]]:
        for number, name in enumerate(names):
            for offset, rows in self._blocks[key]:
                steps, times = (
                    self._read(offset, rows, np.int64),
                    self._read(offset + 8 * rows, rows, np.int64),
                )
                at = offset + 16 * rows + 9 * rows * number
                values, present = self._read(at, rows, np.float64), self._read(at + 8 * rows, rows, np.bool_)
                if present.any():
                    yield name, Points(steps[present], times[present], values[present])

    def _read(self, offset: int, rows: int, kind: Any) -> Any:
        self._file.seek(offset)
        return np.frombuffer(self._file.read(rows * np.dtype(kind).itemsize), kind)

    def close(self) -> None:
        self._file.close()


def _typed(text: str) -> Any:
    """A param: a number or a boolean where it reads as one and nothing else."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,399})", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) and not re.match(r"^[+-]?0\d", text):
        return float(text)
    return text
