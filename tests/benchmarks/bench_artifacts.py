"""How long it takes to keep a file of 100 MB, the same one again, a folder of many files, small content.

The disk's own speed is measured beside it: what is kept is durable when the call returns.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.table import Table, median

_BYTES = 100_000_000
_FILES = 10_000
_TIMES = 5


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


def used_bytes(folder: Path) -> int:
    """What the files of a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["NBPROOF_WORKSPACE"] = name
        import nbproof as nbp

        first, again, disk = [], [], []
        with nbp.start_run("bench", experiment="bench"):
            nbp.log_text("warm", "warm.txt")
            for number in range(_TIMES):
                file = folder / f"model-{number}.bin"
                file.write_bytes(os.urandom(_BYTES))
                disk.append(seconds(plain_copy, file, folder / "copy"))
                first.append(seconds(nbp.log_artifact, file))
                # A file that was changed within the last two seconds is read again each time.
                time.sleep(2.1)
                nbp.log_artifact(file)
                before = used_bytes(folder / ".nbproof" / "content")
                again.append(seconds(nbp.log_artifact, file))
                grown = used_bytes(folder / ".nbproof" / "content") - before
                file.unlink()
            table.line(
                "artifact of 100 MB, first",
                median(first),
                "s",
                bar=0.25,
                peers={"copy + fsync alone": median(disk)},
            )
            table.line("the same file again", median(again) * 1e3, "ms", bar=10)
            table.line("  growth of the content", grown, "B", bar=0)
            text = [seconds(nbp.log_text, str(number), "note.txt") for number in range(50)]
            table.line("log_text, durable", median(text) * 1e3, "ms", note="three syncs of the disk")
            many = folder / "many"
            many.mkdir()
            for number in range(_FILES):
                (many / f"{number}.txt").write_text(f"{number}\n" * 100)
            table.line(f"a folder of {_FILES:,} files", seconds(nbp.log_artifact, many), "s")
            table.line("the same folder again", seconds(nbp.log_artifact, many), "s")
    return table.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
