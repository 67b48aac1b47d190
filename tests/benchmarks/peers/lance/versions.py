"""Lance: a frame that changed is written anew, as a user who has only the frame would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa


class Versions:
    def __init__(self) -> None:
        self.store = Path("sales.lance")

    def frame(self, table: Any) -> None:
        lance.write_dataset(
            pa.Table.from_pandas(table, preserve_index=False), "sales.lance", mode="overwrite"
        )

    def columns(self, names: list[str]) -> int:
        return len(lance.dataset("sales.lance").to_table(columns=names).to_pandas())

    def settle(self) -> None:
        """Nothing is left to be written."""
