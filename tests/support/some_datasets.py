"""Datasets to look at, registered into the current folder: ``python some_datasets.py [HOW_MANY_SMALL]``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import nbproof as nbp

ROWS = 4000


def sales(rows: int = ROWS) -> pd.DataFrame:
    """A table with columns of every kind."""
    draw = np.random.default_rng(7)
    cities = ["Oslo", "Rome", "Lima", "Kyiv"]
    frame = pd.DataFrame(
        {
            "order": np.arange(rows),
            "price": draw.lognormal(3, 0.6, rows).round(2),
            "temperature": draw.normal(11, 8, rows),
            "city": pd.Categorical(draw.choice(cities, rows, p=[0.5, 0.3, 0.15, 0.05])),
            "is_member": draw.random(rows) < 0.3,
            "ordered": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(draw.integers(0, 200 * 86400, rows), unit="s"),
            "comment": [f"note {number} of a customer who writes a lot" for number in range(rows)],
            "constant": np.ones(rows),
        }
    )
    frame.loc[draw.random(rows) < 0.08, "temperature"] = np.nan
    return frame


def main(small: int) -> None:
    """Register them."""
    frame = sales()
    nbp.register_dataset(
        frame,
        "sales",
        description="Orders of the **web shop**, one row each.",
        tags={"owner": "ann", "source": "shop"},
    )
    frame["price"] = (frame["price"] * 1.1).round(2)
    nbp.register_dataset(frame, "sales", aliases=["prod"], description="Prices with tax.")
    nbp.register_dataset(pd.concat([frame, sales(40)]), "sales", description="Forty more orders.")
    folder = Path("photos")
    (folder / "2026").mkdir(parents=True)
    for number in range(3):
        (folder / "2026" / f"{number}.txt").write_text(f"photo {number}\n" * 50)
    nbp.register_dataset(folder, "photos")
    frame.head(200).to_csv("orders.csv", index=False)
    nbp.register_dataset("orders.csv", "orders/raw 🎈")
    for number in range(small):
        nbp.register_dataset(pd.DataFrame({"value": [number]}), f"small {number}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
