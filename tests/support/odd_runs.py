"""A workspace with what is rare: every kind of artifact, odd names, many names, no numbers, a long course.

``python odd_runs.py`` in its folder.
"""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import numpy as np
import pandas as pd

import nbproof as nbp

_LONG = "a very long name that goes on and on " * 4


def make() -> None:
    """Fill the workspace."""
    with nbp.start_run("long", experiment="odd", params={"points": 1_000_000}) as run:
        chance = np.random.default_rng(3)
        values = np.cumsum(chance.normal(size=1_000_000)) / 100
        values[700_123] = 40.0
        run.log_history("walk", values)
        run.log_history("noise", chance.normal(size=1_000_000))
    with nbp.start_run("five hundred metrics", experiment="odd", params=_many_params()) as run:
        for step in range(20):
            run.log_metrics({f"group {n % 7}/metric {n}": math.sin(step / 5 + n) for n in range(500)})
    with nbp.start_run("not a number", experiment="odd") as run:
        for step in range(30):
            run.log_metrics(
                {"all nan": math.nan, "all inf": math.inf, "mixed": math.nan if step % 3 else step}
            )
        run.log_metric("one point", 0.25)
        run.log_metrics({"huge": 1.7e308, "tiny": 5e-324, "constant": 3.0})
        run.log_metrics({"huge": -1.7e308, "tiny": 1e-300, "constant": 3.0})
    odd = 'it\'s "quotes" & <b>HTML</b> <img src=x onerror=alert(1)> שלום مرحبا 🎉 ' + _LONG
    with nbp.start_run(
        odd,
        experiment='exp "quoted" <i>',
        params={"שלום": "مرحبا", "a <b>": '"x"', "emoji 🎉": "🎉" * 50, "long": "x" * 5000, "none": None},
        tags={"owner <b>": '"ann"', "very long tag " * 5: "value " * 30},
        notes="# Notes\n\n<script>alert(1)</script> **bold** שלום\n\n" + "word " * 300,
    ) as run:
        run.log_metrics({"loss <b>": 0.5, "שגיאה": 0.25, "метрика 🎯": 0.75})
    for search in ("search a", "search b"):
        with nbp.start_run(search, experiment="sweeps"):
            for fold in (1, 2, 10):
                with nbp.start_run(f"fold {fold}", nested=True, params={"fold": fold}) as run:
                    run.log_metric("auc", 0.8 + fold / 100)
    _everything()


def _many_params() -> dict[str, object]:
    return {f"layer_{n // 10}.param_{n % 10}": n / 7 if n % 2 else f"value {n}" for n in range(1000)}


def _everything() -> None:
    chance = random.Random(5)
    notes = "# Findings\n\nDepth **6** is enough; see `scores.csv`.\n\n- less noise\n- fewer trees"
    params = {"model": {"kind": "forest", "depth": 6, "rate": 0.1}, "features": ["age", "income", "city"]}
    with nbp.start_run(
        "everything",
        experiment="artifacts",
        params=params,
        tags={"owner": "ann", "reviewed": "yes"},
        notes=notes,
    ) as run:
        for step in range(60):
            run.log_metrics(
                {"loss": math.exp(-step / 20) + chance.random() / 20, "auc": 0.9 - 0.4 / (1 + step)}
            )
        for step in range(3):
            values = np.random.default_rng(step).normal(step, 1 + step / 3, size=5000)
            run.log_histogram(values, "weights", step=step)
        run.log_text("first line\nsecond line\n" * 20, "log.txt")
        run.log_dict({"threshold": 0.5, "classes": ["yes", "no"], "nested": {"a": [1, 2, 3]}}, "config.json")
        frame = pd.DataFrame(
            {
                "name": [f"row {n}" for n in range(200)],
                "score": [n / 7 for n in range(200)],
                "ok": [True, False] * 100,
            }
        )
        run.log_table(frame, "predictions")
        pixels = (np.indices((120, 200)).sum(axis=0) % 256).astype(np.uint8)
        run.log_image(pixels, "gradient.png", caption="a gradient")
        run.log_html(
            "<h1>Report</h1><p>Some <b>text</b>.</p><img src='https://example.com/spy.png'><script>1</script>",
            "report.html",
        )
        _figures(run)
        folder = Path("model")
        (folder / "weights").mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text("depth: 6\nrate: 0.1\n")
        (folder / "weights" / "part-1.bin").write_bytes(bytes(range(256)) * 40)
        (folder / "README.md").write_text("# The model\n\nA **forest** of 100 trees.\n")
        run.log_artifact(folder)
        run.log_artifact("https://example.com/data.parquet", "data.parquet", reference=True)


def _figures(run: nbp.ActiveRun) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import plotly.graph_objects as go  # type: ignore[import-untyped,unused-ignore]

    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot(range(10), [n**2 for n in range(10)])
    axes.set_title("squares")
    run.log_figure(figure, "squares")
    run.log_figure(go.Figure(go.Scatter(x=[1, 2, 3], y=[3, 1, 2])), "scatter")


if __name__ == "__main__":
    # Else it would be the workspace of this file's own folder.
    os.environ["NBPROOF_WORKSPACE"] = str(Path.cwd())
    make()
