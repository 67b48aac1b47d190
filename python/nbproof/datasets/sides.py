"""What is compared: a version, or a frame that is not registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names
from nbproof.datasets.models import DatasetVersion
from nbproof.datasets.table_profiles import TableProfile, is_relation, profiled

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.handle import DatasetHandle
    from nbproof.stats.profile import ColumnProfile

__all__ = ["Side", "checked_columns", "side_of"]


@dataclass(frozen=True)
class Side:
    """One of two tables.

    Attributes
    ----------
    name : str
        As people call it.
    handle : DatasetHandle or None
        Of a version.
    given : Incoming, optional
        The rows of a frame.
    there : callable, optional
        The profiles as the engine tells them that has the rows; without `given` these can't be read.
    """

    name: str
    handle: DatasetHandle | None
    given: Any = None
    there: Callable[[], Sequence[ColumnProfile]] | None = None

    @property
    def version_id(self) -> str | None:
        """Of the version, if it is one."""
        return None if self.handle is None else self.handle.version.id

    @cached_property
    def profiles(self) -> list[ColumnProfile]:
        """The profile of each column: what is stored of a version, else made now."""
        if self.handle is not None:
            return [each for each in self.handle.profile if not _counts_rows(each.name)]
        if self.there is not None:
            return list(self.there())
        from nbproof.stats.profile import profile_table

        return profile_table(self.table(self.names))

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns."""
        if self.there is not None and self.given is None:
            return [each.name for each in self.profiles]
        names = self._whole.schema.names if self.handle is None else self.handle.schema.names
        return [each for each in names if not _counts_rows(each)]

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, in memory."""
        if self.there is not None and self.given is None:
            raise Invalid(
                f"the rows of {self.name} stay where they are",
                hint="detect_drift compares its statistics, without exact=True; for rows give a frame",
            )
        wanted = self.names if columns is None else list(columns)
        return self._whole.select(wanted) if self.handle is None else self.handle.to_arrow(wanted)

    @cached_property
    def _whole(self) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches(self.given.batches, self.given.schema)


def _counts_rows(name: str) -> bool:
    """Whether a column is an index of pandas without a name: that says which rows were taken, not what."""
    return name.startswith("__index_level_")


def side_of(given: Any, handle: Callable[[str], DatasetHandle], field: str) -> Side:
    """What somebody gave to be compared: a name, a version, a handle, a frame, a table elsewhere."""
    from nbproof.datasets.handle import DatasetHandle

    if isinstance(given, DatasetVersion):
        given = given.name
    if isinstance(given, str):
        given = handle(given)
    if isinstance(given, DatasetHandle):
        return Side(given.name, given)
    if isinstance(given, TableProfile):
        profiles = given.profile
        return Side(given.name, None, there=lambda: profiles)
    from nbproof.datasets.frames import incoming

    found = incoming(given)
    if found is None:
        raise Invalid(
            f"a {type(given).__module__}.{type(given).__qualname__} can't be compared",
            hint='give a version such as "sales@v3", a frame of pandas, polars or Arrow, or a profile_table',
            details={"field": field},
        )
    if is_relation(given):
        return Side("a relation", None, found, lambda: profiled(given)[2])
    return Side("a frame", None, found)


def checked_columns(columns: Sequence[str] | str | None, one: Side, other: Side) -> list[str] | None:
    """The columns that are to be looked at, each of which one side has at least."""
    if columns is None:
        return None
    wanted = [columns] if isinstance(columns, str) else list(columns)
    known = list(dict.fromkeys([*one.names, *other.names]))
    neither = "neither of both" if one.name == other.name else f"neither {one.name} nor {other.name}"
    for each in wanted:
        if each not in known:
            near = near_names(str(each), known)
            raise NotFound(
                f"{neither} has a column {each!r}",
                hint=hint_of(near, known, "they have"),
                details={"field": "columns", "near": near},
            )
    return wanted or None
