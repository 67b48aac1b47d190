"""Keeps versions of data in one peer's environment: ``python -P data_contestant.py NAME FOLDER``.

Told what to do line by line, so that contestants take turns.  Each answer is one line, ``ANSWER`` and JSON:
seconds, seconds of the processor (with those of commands that were started), bytes that the store grew by.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))

from sample_data import changed  # type: ignore[import-not-found]  # noqa: E402 - beside this file

_COLUMNS = ["amount", "category"]


def load(name: str) -> Any:
    """The peer's way to keep versions."""
    spec = importlib.util.spec_from_file_location("versions", _HERE / "peers" / name / "versions.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Versions()


def grown(folder: Path) -> int:
    """Bytes in all files of a store."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(peer: Any, call: Callable[..., Any], *given: Any) -> list[float]:
    """Seconds, seconds of the processor, bytes."""
    peer.settle()
    before = grown(peer.store)
    gc.collect()
    os.sync()  # what others have written is not ours to wait for
    processor, start = _processor(), time.perf_counter()
    call(*given)
    seconds = time.perf_counter() - start
    processor = _processor() - processor
    peer.settle()
    return [seconds, processor, grown(peer.store) - before]


def warm(peer: Any, table: Any) -> None:
    """Imports, threads and tables of a database are made once."""
    peer.frame(table[:10_000])
    peer.columns(_COLUMNS)
    if hasattr(peer, "path"):
        Path("warm.csv").write_text("a,b\n" + "1,2\n" * 100_000)
        peer.path(Path("warm.csv"))


def main(arguments: list[str]) -> int:
    """Do what is asked, line by line."""
    name, source = arguments[0], Path(arguments[1])
    peer = load(name)
    table = pa.ipc.open_file(pa.memory_map(str(source / "frame.arrow"))).read_all().to_pandas()
    warm(peer, table)
    now: Any = None
    print("ANSWER", "null", flush=True)
    for line in sys.stdin:
        task, what = line.split()
        answer: Any = None
        if task == "start":
            answer = measured(peer, peer.start)
        elif task == "frame":
            now = now if what == "same" else changed(table, what)
            answer = measured(peer, peer.frame, now)
        elif task == "columns":
            answer = measured(peer, peer.columns, _COLUMNS)
        else:
            place = Path("sales.csv" if task == "csv" else "files")
            if task == "csv":
                shutil.copyfile(source / f"{what}.csv", place)
            elif what == "first":
                shutil.copytree(source / "files", place)
            else:
                for path in (source / "changed").rglob("*.txt"):
                    shutil.copyfile(path, place / path.relative_to(source / "changed"))
            time.sleep(2.1)  # a file that was written just now is read again by those that look at its time
            answer = measured(peer, peer.path, place)
        print("ANSWER", json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
