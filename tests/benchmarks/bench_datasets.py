"""Versions of data: a table of 3 million rows as CSV and as a frame, and 10,000 files, beside DVC and Lance.

A row says what part of DVC's time or bytes ours is, in the same run.  DVC's time is its whole command, for a
frame with the `to_parquet` that it needs first; in a second row without what it takes to start (``dvc
version``), where that has a bar of its own.  Ours is in the process that has the frame, with statistics and
profiles made, and durable when the call returns, which DVC's is not.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.benchmarks.environments import OURS, Refused, end_group, start, title
from tests.benchmarks.sample_data import (
    CHANGES,
    changed,
    frame,
    write_changed_files,
    write_csv,
    write_files,
)
from tests.benchmarks.table import Row, Table, median, number

_ROUNDS = 3
_NAMES = (OURS, "dvc", "lance")
_CSV = ("first", "append", "insert")
_STEPS = (
    "start -",
    *(f"csv {change}" for change in _CSV),
    *(f"frame {change}" for change in CHANGES),
    "frame same",
    "columns -",
    "files first",
    "files again",
)
_WORDS = {
    "csv first": "CSV, first",
    "csv append": "CSV, 1 % appended",
    "csv insert": "CSV, block of 1 % inserted",
    "frame first": "frame, first",
    "frame edit": "frame, 1 % of two columns edited",
    "frame append": "frame, 1 % appended",
    "frame insert": "frame, block of 1 % inserted",
    "frame column": "frame, a column added",
    "files first": "10,000 files, first",
    "files again": "10,000 files, 100 changed",
}
# Time, time without the start of DVC, bytes.
_BARS: dict[str, tuple[float, float | None, float]] = {
    "csv first": (1 / 2, 2 / 3, 1 / 3),
    "csv append": (1 / 8, 1 / 6, 1 / 300),
    "csv insert": (1 / 8, 1 / 6, 1 / 200),
    "frame first": (1, None, 0.95),
    "frame edit": (1 / 8, 1 / 5, 1 / 15),
    "frame append": (1 / 4, 1 / 3, 1 / 60),
    "frame insert": (2 / 3, None, 1 / 20),
    "frame column": (1 / 10, 1 / 6, 1 / 8),
    "files first": (1 / 4, 1 / 3, 0.65),
    "files again": (1 / 8, 1 / 4, 1),
}

ROWS: dict[str, Row] = {}
for _step, (_time, _working, _bytes) in _BARS.items():
    ROWS[f"{_step} time"] = Row(f"{_WORDS[_step]}: time", "of DVC", at_most=_time)
    if _working is not None:
        ROWS[f"{_step} working"] = Row(
            f"{_WORDS[_step]}: time, without DVC's start", "of DVC", at_most=_working
        )
    ROWS[f"{_step} bytes"] = Row(f"{_WORDS[_step]}: bytes", "of DVC", at_most=_bytes)
ROWS |= {
    "same": Row("the same frame registered again", "s", at_most=0.1),
    "same bytes": Row("the same frame registered again, growth of the store", "bytes", at_most=0),
    "columns": Row("two of 20 columns read", "s", at_most=0.1),
    "lance": Row("a frame written first, beside Lance", "s"),
}


class Contestant:
    """A process that is told what to do, line by line."""

    def __init__(self, name: str, folder: Path, source: Path) -> None:
        self.name = name
        self._complaints = (folder / "complaints.txt").open("w+")
        self._process = start(
            name, folder, str(source), script="data_contestant.py",
            stdin=-1, stderr=self._complaints, bufsize=1,
        )  # fmt: skip

    def answer(self) -> Any:
        """Its next one."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                return json.loads(line.removeprefix("ANSWER "))
        self._complaints.seek(0)
        raise Refused(f"failed: {(self._complaints.read().strip() or '?').splitlines()[-1]}")

    def ask(self, step: str) -> Any:
        """What a step took."""
        assert self._process.stdin is not None
        self._process.stdin.write(step + "\n")
        self._process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        """Not needed any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        end_group(self._process)
        self._complaints.close()


def prepare(source: Path) -> None:
    """Write what contestants are given."""
    table = frame()
    content = pa.Table.from_pandas(table, preserve_index=False)
    with pa.ipc.new_file(str(source / "frame.arrow"), content.schema) as writer:
        writer.write_table(content, max_chunksize=1 << 20)
    for change in _CSV:
        write_csv(source / f"{change}.csv", changed(table, change))
    write_files(source / "files")
    write_changed_files(source / "changed")


def can(name: str, step: str) -> bool:
    """Whether a contestant has an answer to a step."""
    if step == "start -":
        return name == "dvc"
    return name != "lance" or step.startswith(("frame", "columns"))


def measure(source: Path) -> dict[str, dict[str, list[list[float]]]]:
    """For each contestant and step what each round took; a contestant that fails is told of and left out."""
    found: dict[str, dict[str, list[list[float]]]] = {name: defaultdict(list) for name in _NAMES}
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            running = []
            try:
                for name in list(found):
                    Path(folder, name).mkdir()
                    running.append(Contestant(name, Path(folder, name), source))
                for each in running:
                    each.answer()
                for step in _STEPS:
                    for each in list(running):
                        if not can(each.name, step):
                            continue
                        try:
                            found[each.name][step].append(each.ask(step))
                        except Refused as refused:
                            if each.name == OURS:
                                raise
                            print(f"*** {title(each.name)} is left out: {refused}", flush=True)
                            running.remove(each)
                            each.end()
                            del found[each.name]
            finally:
                for each in running:
                    each.end()
    return found


def _seconds(answers: list[list[float]]) -> str:
    wall, processor, _ = (median(each) for each in zip(*answers, strict=True))
    return f"{number(wall)} s ({number(processor)} s of the processor)"


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        found = measure(Path(folder))
    ours, dvc = found[OURS], found.get("dvc", {})
    beside = [(title(name), answers) for name, answers in found.items() if name != OURS]
    begin = median(each[0] for each in dvc["start -"]) if dvc else 0.0
    for step in _BARS if dvc else ():
        told = f"{_seconds(ours[step])} of {_seconds(dvc[step])}"
        # By turns, so each round compares what was measured side by side.
        whole = median(mine[0] / its[0] for mine, its in zip(ours[step], dvc[step], strict=True))
        table.line(f"{step} time", whole, note=told)
        if f"{step} working" in ROWS:
            working = median(
                mine[0] / (its[0] - begin) for mine, its in zip(ours[step], dvc[step], strict=True)
            )
            table.line(f"{step} working", working, note=f"start {number(begin)} s")
        mine, its = (median(each[2] for each in answers[step]) for answers in (ours, dvc))
        table.line(f"{step} bytes", mine / its, note=f"{mine / 1e6:,.2f} of {its / 1e6:,.2f} MB")
    for row, step in (("same", "frame same"), ("columns", "columns -"), ("lance", "frame first")):
        peers: dict[str, float | str] = {
            peer: median(each[0] for each in answers[step])
            for peer, answers in beside
            if row != "lance" or peer == title("lance")
        }
        table.line(row, median(each[0] for each in ours[step]), peers=peers, note=_seconds(ours[step]))
        if row == "same":
            table.line("same bytes", median(each[2] for each in ours[step]))
    return table.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
