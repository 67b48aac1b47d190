"""A workspace with many runs, made within seconds: ``python many_runs.py COUNT`` in its folder.

The many have what a list shows of them and no points; they are written straight into the tables, which is
some hundred times as fast as starting them.  A dozen more are recorded as users do, with courses and files.
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped,unused-ignore]
import sqlalchemy as sa

import nbproof as nbp
from nbproof.core.ids import new_id
from nbproof.storage.database import open_database
from nbproof.storage.tables import Base
from nbproof.tracking.repository.stored import start_of
from nbproof.tracking.tables import ExperimentRow, MetricRow, ParamRow, RunRow, TagRow

_STARTED = datetime(2026, 1, 1, tzinfo=UTC)
_MODELS = ("forest", "boost", "linear", "net")
_ENDINGS = ("finished",) * 8 + ("failed", "interrupted")
_PIXEL = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='240' height='120'>"
    "<rect width='240' height='120' fill='#eef'/>"
    "<path d='M10 110 L80 60 L150 80 L230 15' fill='none' stroke='#36c' stroke-width='3'/></svg>"
)


def make(folder: Path, count: int) -> None:
    """Fill a workspace in a folder."""
    _record()
    _insert(folder / ".nbproof" / "meta.db", count)


def _record() -> None:
    """Twelve runs with courses, one of them with what people leave beside their numbers."""
    chance = random.Random(7)
    Path("curve.svg").write_text(_PIXEL)
    reach = "try { parent.document.title = 'reached' } catch { document.title = 'kept out' }"
    spy = "<img src='http://outside.invalid/spy.png'>"
    Path("report.html").write_text(f"<!doctype html><h1>Report</h1>{spy}<script>{reach}</script>")
    Path("scores.csv").write_text("name,score\n" + "\n".join(f"row {n},{n / 7:.3f}" for n in range(30)))
    Path("work.diff").write_text("diff --git a/a.py b/a.py\n@@ -1 +1 @@\n-rate = 0.1\n+rate = 0.01\n")
    folder = Path("model")
    (folder / "weights").mkdir(parents=True)
    (folder / "config.yaml").write_text("depth: 6\n")
    (folder / "weights" / "part-1.bin").write_bytes(bytes(range(256)))
    for number in range(12):
        rate = (0.3, 0.1, 0.03)[number % 3]
        params = {"model": _MODELS[number % 4], "rate": rate, "depth": 2 + number // 3, "seed": number % 4}
        notes = "# A good one\n\nThe **best** so far." if number == 11 else None
        with nbp.start_run(f"course {number}", experiment="courses", params=params, notes=notes) as run:
            for step in range(200):
                loss = math.exp(-step * rate / 8) * (1 + number / 20) + chance.gauss(0, 0.02)
                run.log_metrics(
                    {"loss": abs(loss) + 0.01, "auc": 1 - abs(loss) / 3, "rate": rate / (1 + step)}
                )
            run.log_metric("best auc", 0.9 + number / 200)
            if number == 11:
                run.set_tag("owner", "ann")
                for name in ("curve.svg", "report.html", "scores.csv", "work.diff"):
                    run.log_artifact(name)
                run.log_artifact(folder)
                run.log_figure(go.Figure(go.Scatter(x=[0, 0.2, 1], y=[0, 0.8, 1])), "roc")
                for step in range(3):
                    run.log_histogram([chance.gauss(step, 1) for _ in range(500)], "weights", step=step)


def _insert(path: Path, count: int) -> None:
    nbp.search_runs("", limit=1)  # what was recorded is in the tables now
    database = open_database(path, backup_dir=path.parent)
    try:
        with database.begin() as connection:
            experiments = [new_id() for _ in range(4)]
            created = _microseconds(_STARTED)
            _add(
                connection,
                ExperimentRow,
                [
                    {"id": id, "name": f"study {place}", "tags": {}, "created_us": created}
                    for place, id in enumerate(experiments)
                ],
            )
            rows: dict[type[Base], list[Mapping[str, Any]]]
            rows = {RunRow: [], ParamRow: [], MetricRow: [], TagRow: []}
            for row, values in _rows(experiments, count):
                rows[row].append(values)
            for row, all_values in rows.items():
                _add(connection, row, all_values)
    finally:
        database.close()


def _add(connection: sa.Connection, row: type[Base], values: list[Mapping[str, Any]]) -> None:
    connection.execute(sa.insert(row), values)


def _rows(experiments: list[str], count: int) -> Iterator[tuple[type[Base], Mapping[str, Any]]]:
    chance = random.Random(1)
    for number in range(count):
        id = new_id()
        started = _microseconds(_STARTED + timedelta(minutes=10 * number))
        ended = started + chance.randrange(10**6, 10**9)
        yield (
            RunRow,
            {
                "id": id,
                "ending": id[-6:],
                "name": f"trial {number}",
                "experiment_id": experiments[number % len(experiments)],
                "status": chance.choice(_ENDINGS),
                "started_us": started,
                "ended_us": ended,
                "active_us": ended,
                "user": ("ann", "ben")[number % 2],
                "host": "workstation",
                "source": "study.ipynb",
                "git_branch": "main",
                "newest_metric": "auc",
            },
        )
        rate = 10 ** chance.uniform(-4, -1)
        params: dict[str, str | float] = {
            "model": _MODELS[number % 4],
            "rate": round(rate, 6),
            "depth": 2 + number % 9,
            "seed": number % 5,
            "trial": number,
        }
        for key, value in params.items():
            number_or_none = float(value) if not isinstance(value, str) else None
            yield (
                ParamRow,
                {
                    "run_id": id,
                    "key": key,
                    "value": value,
                    "text": str(value),
                    "number": number_or_none,
                    "start": start_of(str(value), number_or_none),
                    "time_us": started,
                },
            )
        auc = 0.5 + 0.45 * (1 - abs(math.log10(rate) + 2.5) / 2.5) * chance.uniform(0.8, 1)
        for name, score in (("auc", auc), ("loss", 1.2 - auc), ("f1", auc * 0.9)):
            yield (
                MetricRow,
                {
                    "run_id": id,
                    "name": name,
                    "value": score,
                    "special": None,
                    "step": 9,
                    "time_us": ended,
                    "min": score / 2,
                    "max": score,
                    "count": 10,
                    "best": score / 2 if name == "loss" else score,
                    "best_step": 9,
                    "spark": {"stride": 1, "values": [score * (0.5 + each / 18) for each in range(10)]},
                },
            )
        yield TagRow, {"run_id": id, "key": "team", "value": ("red", "blue")[number % 2], "time_us": started}


def _microseconds(when: datetime) -> int:
    return int(when.timestamp() * 1_000_000)


if __name__ == "__main__":
    # Else it would be the workspace of this file's own folder.
    os.environ["NBPROOF_WORKSPACE"] = str(Path.cwd())
    make(Path.cwd(), int(sys.argv[1]))
