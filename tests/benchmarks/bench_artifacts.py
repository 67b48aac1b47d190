"""How long it takes to keep a file of 100 MB, the same one again, a folder of many files, small content.

Ours is durable when the call returns; the disk's own speed is measured beside it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.environments import NAMES, ask, beside, figures
from tests.benchmarks.table import Row, Table, median

_BYTES = 100_000_000
_FILES = 10_000
_ROUNDS = 3
_CANNOT = "dvclive", "tensorboardx"  # the one wants a DVC repository, the other has no artifacts

ROWS = {
    "first": Row("artifact of 100 MB, first", "s", at_most=0.25),
    "again": Row("the same file again", "ms", at_most=10),
    "growth": Row("the same file again, growth of what is stored", "bytes", at_most=0),
    "text": Row("log_text, durable", "ms"),
    "folder": Row(f"a folder of {_FILES:,} files", "s"),
    "folder again": Row("the same folder again", "s"),
}


def seconds(call: Callable[..., object], *given: object) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call(*given)
    return time.perf_counter() - start


def plain_copy(source: Path, target: Path) -> None:
    """What the disk alone takes: read, write, make durable, without a hash."""
    with source.open("rb") as file, target.open("wb", buffering=0) as copy:
        while piece := file.read(1 << 20):
            copy.write(piece)
        os.fsync(copy.fileno())
    target.unlink()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    disk = []

    def measure(name: str, folder: Path) -> list[float]:
        with tempfile.TemporaryDirectory() as elsewhere:
            file = Path(elsewhere, "model.bin")
            file.write_bytes(os.urandom(_BYTES))
            disk.append(seconds(plain_copy, file, Path(elsewhere, "copy")))
            first, again, grown = ask(name, folder, "artifact", str(file))
        return [first, again * 1e3, grown]

    found = beside([name for name in NAMES if name not in _CANNOT], measure, rounds=_ROUNDS)
    for place, row in enumerate(("first", "again", "growth")):
        ours, peers = figures(found, lambda answer, place=place: answer[place])  # type: ignore[misc]  # its own place
        note = f"copy and fsync alone {median(disk):.3g} s" if row == "first" else ""
        table.line(row, ours, peers=peers, note=note)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["NBPROOF_WORKSPACE"] = name
        import nbproof as nbp

        with nbp.start_run("bench", experiment="bench"):
            nbp.log_text("warm", "warm.txt")
            text = [seconds(nbp.log_text, str(number), "note.txt") for number in range(50)]
            table.line("text", median(text) * 1e3, note="one sync of the disk")
            many = Path(name, "many")
            many.mkdir()
            for number in range(_FILES):
                (many / f"{number}.txt").write_text(f"{number}\n" * 100)
            table.line("folder", seconds(nbp.log_artifact, many))
            table.line("folder again", seconds(nbp.log_artifact, many))
    return table.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
