"""The table and the files on which versions of data are measured: the same each time, changed alike.

Runs in every contestant's environment: numpy, pandas and pyarrow only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["CHANGES", "FILES", "ROWS", "changed", "frame", "write_changed_files", "write_csv", "write_files"]

ROWS = 3_000_000
FILES = 10_000
CHANGED_FILES = 100
_SHARE = 100  # 1 %
CHANGES = ("first", "edit", "append", "insert", "column")


def frame(rows: int = ROWS, seed: int = 7) -> Any:
    """20 columns as a shop has them: numbers rounded and not, few and many words, times, flags, gaps."""
    chance = np.random.default_rng(seed)
    words = _words(chance)
    amount = np.round(chance.lognormal(3, 1, rows), 2)
    seconds = np.sort(chance.integers(0, 90 * 86_400, rows))
    found: dict[str, Any] = {
        "order": np.arange(rows, dtype=np.int64) + 10_000_000 * seed,
        "ordered": pd.Series((1_735_689_600 + seconds) * 1_000_000).astype("datetime64[us]"),
        "customer": _skewed(chance, 400_000, rows).astype(np.int64),
        "product": pd.Series(words["product"].take(_skewed(chance, 5_000, rows)), dtype="str"),
        "category": pd.Series(words["category"].take(_skewed(chance, 40, rows)), dtype="str"),
        "country": pd.Series(words["country"].take(_skewed(chance, 60, rows)), dtype="str"),
        "city": pd.Series(words["city"].take(_skewed(chance, 20_000, rows)), dtype="str"),
        "campaign": pd.Series(words["campaign"].take(_skewed(chance, 300, rows)), dtype="str"),
        "session": pd.Series(words["session"].take(chance.integers(0, 500_000, rows)), dtype="str"),
        "status": pd.Series(words["status"].take(_skewed(chance, 5, rows)), dtype="str"),
        "quantity": _skewed(chance, 12, rows).astype(np.int64) + 1,
        "amount": amount,
        "discount": np.round(chance.choice([0, 0.05, 0.1, 0.15, 0.2], rows), 2),
        "weight": np.round(chance.gamma(2, 1.5, rows), 5),
        "rating": np.where(chance.random(rows) < 0.3, np.nan, chance.integers(1, 6, rows)),
        "score": np.round(chance.normal(0, 1, rows), 6),
        "distance": np.round(chance.exponential(120, rows), 3),
        "stock": chance.integers(0, 10_000, rows, dtype=np.int32),
        "returned": chance.random(rows) < 0.04,
        "member": chance.random(rows) < 0.35,
    }
    return pd.DataFrame(found)


def changed(before: Any, change: str) -> Any:
    """The frame after a change: every hundredth row edited, appended or inserted, or another column."""
    chance = np.random.default_rng(11)
    some = len(before) // _SHARE
    if change == "first":
        return before
    if change == "edit":
        after = before.copy(deep=False)
        places = chance.choice(len(before), some, replace=False)
        for name, factor in (("amount", 1.1), ("quantity", 2)):
            values = before[name].to_numpy(copy=True)
            values[places] = np.round(values[places] * factor, 2)
            after[name] = values
        return after
    if change == "append":
        return pd.concat([before, frame(some, seed=8)], ignore_index=True)
    if change == "insert":
        place = len(before) * 2 // 5
        return pd.concat([before[:place], frame(some, seed=9), before[place:]], ignore_index=True)
    assert change == "column"
    return before.assign(margin=np.round(chance.normal(12, 4, len(before)), 4))


def write_csv(path: Path, table: Any) -> None:
    """As a program that exports rows would."""
    import pyarrow as pa
    import pyarrow.csv

    pyarrow.csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), path)


def write_files(folder: Path) -> None:
    """Small texts in folders, 8 KB each on average."""
    chance = np.random.default_rng(5)
    words = np.array([_word(chance) for _ in range(4_000)])
    for number in range(FILES):
        place = folder / f"part-{number // 250:02d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}.txt").write_text(_text(chance, words))


def write_changed_files(folder: Path) -> None:
    """Some of them, written anew, to be put over those that are there."""
    chance = np.random.default_rng(6)
    words = np.array([_word(chance) for _ in range(4_000)])
    for number in sorted(chance.choice(FILES, CHANGED_FILES, replace=False)):
        place = folder / f"part-{number // 250:02d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}.txt").write_text(_text(chance, words))


def _text(chance: Any, words: Any) -> str:
    places = _skewed(chance, len(words), int(chance.integers(200, 1_800)))
    return " ".join(words[places]) + "\n"


def _skewed(chance: Any, many: int, rows: int) -> Any:
    """Places below `many`, the first ones more often."""
    return (many * chance.random(rows) ** 2).astype(np.int64)


def _word(chance: Any, least: int = 3, most: int = 12) -> str:
    letters = "etaoinshrdlucmfwypvbgk"
    return "".join(
        letters[place] for place in _skewed(chance, len(letters), int(chance.integers(least, most)))
    )


def _words(chance: Any) -> dict[str, Any]:
    def many(count: int, made: Any) -> Any:
        return np.array([made(number) for number in range(count)], dtype=object)

    return {
        "product": many(5_000, lambda number: f"SKU-{number:05d}"),
        "category": many(40, lambda _: _word(chance, 5, 12)),
        "country": many(60, lambda _: _word(chance, 4, 10).title()),
        "city": many(20_000, lambda _: _word(chance, 4, 12).title()),
        "campaign": many(300, lambda number: f"{_word(chance, 4, 8)}-{2020 + number % 6}-q{number % 4 + 1}"),
        "session": many(500_000, lambda number: f"shop.example/v/{number:07d}"),
        "status": many(5, lambda number: ("paid", "shipped", "delivered", "open", "cancelled")[number]),
    }
