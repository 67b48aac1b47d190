"""Tables that stay where they are: profiled there by the engine that holds them, no row is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names
from nbproof.core.listing import count_text
from nbproof.datasets.models import ColumnSummaries

if TYPE_CHECKING:
    import pandas as pd

    from nbproof.stats.profile import ColumnProfile
    from nbproof.storage.engines.plan import Engine

__all__ = ["TableProfile", "is_relation", "profiled"]


@dataclass(frozen=True)
class TableProfile:
    """What is known of a table that stays where it is, at one moment: what `profile_table` gives.

    Attributes
    ----------
    name : str
        As people call it: ``shop.sales``, or that it is a relation.
    place : str or None
        The address of its database, without user and password.
    rows : int
    profile : sequence of ColumnProfile
        The distribution of each column.
    created_at : datetime
    """

    name: str
    place: str | None
    rows: int
    profile: Sequence[ColumnProfile] = field(repr=False)
    created_at: datetime

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row for each column: counts, extremes, moments, quartiles."""
        from nbproof.datasets.statistics import statistics_of

        return statistics_of(self.profile)

    @property
    def columns(self) -> ColumnSummaries:
        """The statistics that people look at first, with a small histogram for each column."""
        from nbproof.datasets.summaries import summary_of

        return ColumnSummaries(
            dataset=self.name, rows=self.rows, columns=[summary_of(each) for each in self.profile]
        )

    def __len__(self) -> int:
        return self.rows

    def __str__(self) -> str:
        where = f" of {self.place}" if self.place else ""
        return (
            f"{self.name}{where}: {count_text(self.rows, 'row')}, {count_text(len(self.profile), 'column')}"
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(str(self))}</p>{self.statistics.to_html(notebook=True)}"


def is_relation(thing: object) -> bool:
    """Whether something is a relation of DuckDB."""
    kind = type(thing)
    return kind.__name__ == "DuckDBPyRelation" and kind.__module__.partition(".")[0] in ("duckdb", "_duckdb")


def profiled(
    source: Any,
    table: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    exact: bool | None = None,
) -> tuple[str, str | None, list[ColumnProfile]]:
    """Ask whoever holds a table: its name, where it is, and the profile of each column, at least of one."""
    from nbproof.stats.gathered import profile_from
    from nbproof.storage.engines.plan import gather

    with ExitStack() as held:
        engine: Engine
        place: str | None = None
        if is_relation(source):
            if table is not None:
                raise Invalid(
                    "a relation is a table already",
                    hint="leave the table out",
                    details={"field": "table"},
                )
            from nbproof.storage.engines.duck import DuckEngine

            engine, name = DuckEngine(source), "a relation"
        elif isinstance(source, str) and "://" in source:
            from nbproof.storage.engines.postgres import PostgresEngine, parsed_table, place_of

            place = place_of(source)
            if table is None:
                raise Invalid(
                    "which table of the database?",
                    hint='profile_table("postgresql://host/shop", "schema.table")',
                    details={"field": "table"},
                )
            parts = parsed_table(table)
            name = ".".join(parts)
            engine = held.enter_context(PostgresEngine(source, parts[-1], parts[0] if parts[1:] else None))
        else:
            raise Invalid(
                f"a {type(source).__module__}.{type(source).__qualname__} is no table that can be "
                "profiled where it is",
                hint="give a relation of DuckDB, or the address of a PostgreSQL database and a table's name",
                details={"field": "source"},
            )
        wanted = _known([each.name for each in engine.columns], columns, name)
        found = [profile_from(asdict(each)) for each in gather(engine, wanted, exact=exact)]
    if not found:
        raise Invalid(f"{name} has no columns", details={"field": "source"})
    return name, place, found


def _known(names: Sequence[str], columns: Sequence[str] | str | None, table: str) -> list[str] | None:
    if not columns:
        return None
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for each in wanted:
        if each not in names:
            near = near_names(str(each), names)
            raise NotFound(
                f"{table} has no column {each!r}",
                hint=hint_of(near, names, "it has"),
                details={"field": "columns", "near": near},
            )
    return wanted
