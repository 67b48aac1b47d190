"""Datasets that try the patience of lists and pages: ``python odd_datasets.py [PART]...``"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa

import nbproof as nbp
from nbproof.core.ids import new_id
from nbproof.datasets.tables import DatasetRow, DatasetVersionRow
from nbproof.platform.workspace import Workspace, current
from nbproof.storage.tables import table_of

LONG_NAME = "a name that is so long that no sidebar has room for the whole of it / v2"


def orders(rows: int, seed: int, *, later: bool = False) -> pd.DataFrame:
    """Orders of a shop before, or after much has happened to it."""
    draw = np.random.default_rng(seed)
    cities = ["Oslo", "Rome", "Lima", "Kyiv", "Quito"]
    shares = [0.1, 0.25, 0.25, 0.2, 0.2] if later else [0.45, 0.3, 0.15, 0.06, 0.04]
    frame = pd.DataFrame(
        {
            "order": np.arange(rows),
            "price": (draw.lognormal(3.5 if later else 3, 0.6, rows)).round(2),
            "distance": draw.gamma(2, 4000 if later else 4, rows).round(3),
            "temperature": draw.normal(11, 8, rows).round(1),
            "city": pd.Categorical(draw.choice(cities, rows, p=shares)),
            "is_member": draw.random(rows) < 0.3,
            "ordered": pd.Timestamp("2026-04-01" if later else "2026-01-01", tz="UTC")
            + pd.to_timedelta(draw.integers(0, 90 * 86400, rows), unit="s"),
            "comment": [f"note {number} of a customer who writes a lot" for number in range(rows)],
            "constant": np.ones(rows),
        }
    )
    frame.loc[draw.random(rows) < (0.4 if later else 0.05), "temperature"] = np.nan
    return frame.rename(columns={"comment": "remark"}) if later else frame


def many_versions(name: str, count: int) -> None:
    """A dataset with so many versions: recorded, all with the content of the first."""
    nbp.register_dataset(pd.DataFrame({"value": [1.0, 2.0]}), name)
    workspace = current()
    assert isinstance(workspace, Workspace)
    database = workspace.database
    versions, datasets = table_of(DatasetVersionRow), table_of(DatasetRow)
    with database.begin() as connection:
        dataset = connection.execute(sa.select(datasets.c.id).where(datasets.c.name == name)).scalar_one()
        wanted = sa.select(versions).where(versions.c.dataset_id == dataset)
        first = dict(connection.execute(wanted).mappings().one())
        rows = [
            {**first, "id": new_id(), "version": number, "created_us": first["created_us"] + number * 1000}
            for number in range(2, count + 1)
        ]
        connection.execute(sa.insert(versions), rows)
        connection.execute(sa.update(datasets).where(datasets.c.id == dataset).values(last_version=count))


def changed_orders() -> None:
    """Three versions of a table of which much has changed, and then little."""
    before, after = orders(3000, 1), orders(3600, 2, later=True)
    nbp.register_dataset(before, "orders", description="Before the move.", aliases=["train"])
    nbp.register_dataset(after, "orders", description="After the move: everything is another.")
    mended = after.copy()
    mended.loc[mended["order"] % 150 == 7, "price"] = 0.0
    mended.loc[mended["order"] % 400 == 7, "city"] = "Oslo"
    mended = pd.concat([mended[mended["order"] >= 12], orders(3640, 2, later=True).tail(40)])
    nbp.register_dataset(mended, "orders", description="Prices of test orders are none.")


def wide(columns: int = 2000) -> None:
    """Two versions of a table of very many columns, of which twenty have changed."""
    shape = np.random.default_rng(3).normal(0, 1, (200, columns))
    names = [f"sensor_{number:04}" for number in range(columns)]
    for shift in (0, 1):
        shape[:, :20] += shift
        nbp.register_dataset(pd.DataFrame(shape, columns=names), "wide")


def odd_names() -> None:
    """Names that are hard to write, and to find room for."""
    for name in ("🎈 party/raw/2026", LONG_NAME):
        nbp.register_dataset(pd.DataFrame({"größe <b>&": [1.5, 2.5], "": ["x", "y"]}), name)


def folders() -> None:
    """Two versions of a folder."""
    for words in (("one", "two"), ("two", "three")):
        folder = Path("-".join(words))
        folder.mkdir()
        for word in words:
            (folder / f"{word}.txt").write_text(f"{word} of {words}\n" * 200)
        nbp.register_dataset(folder, "files")


def main(parts: list[str]) -> None:
    """Register them."""
    known = {
        "orders": changed_orders,
        "wide": wide,
        "names": odd_names,
        "folders": folders,
        "many": lambda: many_versions("many", 10_000),
    }
    for part in parts or known:
        known[part]()


if __name__ == "__main__":
    # Else it would be the workspace of this file's own folder.
    os.environ["NBPROOF_WORKSPACE"] = str(Path.cwd())
    main(sys.argv[1:])
