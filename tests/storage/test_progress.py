"""What takes longer than a second tells how far it is, where somebody is looking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbproof as nbp
from nbproof.platform.workspace import use
from nbproof.storage.progress import Progress


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every bar that would be shown, as if each second had just passed."""
    made: list[dict[str, Any]] = []

    class Bar:
        def __init__(self, what: str, total: int | None, done: int, unit: str) -> None:
            self.told: dict[str, Any] = {
                "what": what,
                "total": total,
                "done": done,
                "unit": unit,
                "closed": False,
            }
            made.append(self.told)

        def update(self, many: int) -> None:
            self.told["done"] = self.told["done"] + many

        def close(self) -> None:
            self.told["closed"] = True

    monkeypatch.setattr("nbproof.storage.progress._bar", Bar)
    monkeypatch.setattr("nbproof.storage.progress._AFTER_SECONDS", -1.0)
    return made


def test_a_share_of_all_is_counted_in_parts_of_the_whole(bars):
    with Progress("comparing", 100, unit="%") as progress:
        for part in (0.1, 0.25, 1.0):
            progress.share(part)

    assert bars == [{"what": "comparing", "total": 100, "done": 100, "unit": " %", "closed": True}]


@pytest.fixture
def sales(project) -> Iterator[pd.DataFrame]:
    chance = np.random.default_rng(0)
    yield pd.DataFrame({"order": np.arange(1000), "amount": chance.normal(size=1000)})
    nbp.workspace().close()
    use(None)


def test_a_table_on_its_way_in_and_out_tells_how_far_it_is(sales, bars):
    nbp.register_dataset(sales, "sales")
    nbp.get_dataset("sales").to_pandas()

    told = [(each["what"], each["total"], each["done"], each["unit"]) for each in bars]
    assert told == [
        ("registering sales", 1000, 1000, " rows"), ("reading sales@v1", 2, 2, " columns"),
    ]  # fmt: skip


def test_comparisons_tell_how_far_they_are(sales, bars):
    nbp.register_dataset(sales, "sales")
    nbp.register_dataset(sales.assign(amount=sales["amount"] + 1), "sales")
    bars.clear()

    nbp.diff_versions("sales@v1", "sales@v2", key="order")
    nbp.detect_drift("sales@v1", "sales@v2")
    nbp.check_leakage("sales@v1", "sales@v2", entity="order")

    compared = {each["what"]: each["done"] for each in bars if each["unit"] == " %"}
    assert compared == {"comparing sales@v1 with sales@v2": 100, "looking for leakage": 100}
