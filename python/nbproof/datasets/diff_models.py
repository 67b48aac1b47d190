"""What a diff of two versions answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, computed_field

from nbproof.core.listing import size_text
from nbproof.core.operation import Ask, Json, Number, Positional, View
from nbproof.core.type_words import retyped_words
from nbproof.datasets.drift_models import Severity
from nbproof.datasets.models import DatasetField, Reference

__all__ = ["ChangedColumn", "ChangedRow", "DatasetDiff", "DiffVersions", "FileChange", "RetypedColumn"]

_COUNTS = frozenset({"missing", "nans", "distinct", "zeros"})
_SHOWN = 10


class RetypedColumn(View):
    """A column whose type is another one now."""

    name: str
    before: str = Field(description="Arrow's, as text.")
    after: str

    @computed_field(description="Both types in words.")  # type: ignore[prop-decorator]
    @property
    def words(self) -> tuple[str, str]:
        """Both types in words."""
        return retyped_words(self.before, self.after)


class ChangedColumn(View):
    """The statistics of a column before and now."""

    name: str
    type: str = Field("", description="Arrow's, now.")
    rows: int = Field(0, description="Of the changed rows, those that differ here.")
    before: dict[str, Number] = Field(default_factory=dict)
    after: dict[str, Number] = Field(default_factory=dict)
    changed: list[str] = Field(default_factory=list, description="Which of them differ.")
    severity: Severity = Field("none", description="Of its drift.")
    sentence: str = Field("", description="What has drifted.")

    def listed(self) -> dict[str, object]:
        """A row of the table of columns."""
        some = [name for name in self.changed if name in self.before and name in self.after]
        told = [
            f"{name} {self._told(name, self.before[name])} → {self._told(name, self.after[name])}"
            for name in some[:3]
        ]
        return {
            "column": self.name,
            "rows": self.rows or None,
            "statistics": ", ".join(told),
            "drift": self.severity if self.severity != "none" else None,
            "what": self.sentence if self.severity != "none" else None,
        }

    def _told(self, name: str, value: float) -> str:
        from nbproof.stats.words import is_moment, moment_text, span, timestamp_text

        if name in _COUNTS or not self.type.startswith(("timestamp", "date", "time", "duration")):
            return f"{int(value):,}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
        if name == "std" or self.type.startswith("duration"):
            return span(value)
        # Statistics are of moments, which rows show in their zone.
        return moment_text(value, self.type) if is_moment(self.type) else timestamp_text(value)[-8:]


class ChangedRow(View):
    """A row that was and is."""

    before: int = Field(description="Its place before, from 0 on.")
    after: int = Field(description="Its place now.")
    key: Json = None
    values: dict[str, tuple[Json, Json]] = Field(description="Before and now, of the columns that differ.")

    def listed(self) -> dict[str, object]:
        """A row of the table of examples."""
        named = {str(name): value for name, value in (self.key or {}).items()}
        told = "; ".join(f"{name}: {' → '.join(_values(*pair))}" for name, pair in self.values.items())
        return {**(named or {"row": self.after}), "changed": told}


class FileChange(View):
    """A file that is new, gone or another one now."""

    path: str
    change: str = Field(description="added, removed or changed.")
    before_bytes: int | None = None
    after_bytes: int | None = None

    def listed(self) -> dict[str, object]:
        """A row of the table of files."""
        return {
            "file": self.path,
            "change": self.change,
            "before": None if self.before_bytes is None else size_text(self.before_bytes),
            "now": None if self.after_bytes is None else size_text(self.after_bytes),
        }


class DatasetDiff(View):
    """How two versions differ."""

    a: str = Field(description="The older, such as sales@v1.")
    b: str
    kind: str = Field(description="table, file, folder or reference.")
    same: bool = Field(description="Whether nothing differs.")
    rows_before: int | None = None
    rows_after: int | None = None
    key: list[str] = Field(default_factory=list, description="What names a row; none: all that it holds.")
    rows_added: int | None = Field(None, description="Null where rows could not be compared.")
    rows_removed: int | None = None
    rows_changed: int | None = None
    columns_added: list[DatasetField] = Field(default_factory=list)
    columns_removed: list[DatasetField] = Field(default_factory=list)
    columns_retyped: list[RetypedColumn] = Field(default_factory=list)
    columns: list[ChangedColumn] = Field(
        default_factory=list, description="Those of which rows or statistics differ."
    )
    changes: list[ChangedRow] = Field(default_factory=list, description="The first of the changed rows.")
    added: list[dict[str, Json]] = Field(default_factory=list, description="The first of the added rows.")
    removed: list[dict[str, Json]] = Field(default_factory=list, description="The first that are gone.")
    files_added: int = 0
    files_removed: int = 0
    files_changed: int = 0
    files: list[FileChange] = Field(default_factory=list, description="The first thousand.")
    bytes_before: int = 0
    bytes_after: int = 0
    notes: list[str] = Field(default_factory=list, description="What was not compared, and why.")

    def to_markdown(self) -> str:
        """As text for a pull request."""
        from nbproof.datasets.diff_display import diff_markdown

        return diff_markdown(self)

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show."""
        told: dict[str, object] = {"diff": f"{self.a} → {self.b}"}
        if self.same:
            return {**told, "found": "; ".join(["nothing differs", *self.notes])}
        return {
            **told,
            "rows": self.rows_told(),
            "files": self.files_told(),
            "size": f"{size_text(self.bytes_before)} → {size_text(self.bytes_after)}",
            "new columns": ", ".join(f"{each.name} ({each.type_words})" for each in self.columns_added),
            "columns gone": ", ".join(f"{each.name} ({each.type_words})" for each in self.columns_removed),
            "types": ", ".join(f"{each.name} {' → '.join(each.words)}" for each in self.columns_retyped),
            "notes": "; ".join(self.notes),
            "columns that differ": [
                each.listed() for each in self.columns if each.rows or each.changed != ["type"]
            ],
            "changed rows": [each.listed() for each in self.changes],
            "new rows": _rows(self.added, self.removed),
            "rows gone": _rows(self.removed, self.added),
            "changed files": [each.listed() for each in self.files],
        }

    def rows_told(self) -> str | None:
        """Counts of rows in words."""
        if self.rows_before is None or self.rows_after is None:
            return None
        told = f"{self.rows_before:,} → {self.rows_after:,}"
        if self.rows_added is None or self.rows_removed is None or self.rows_changed is None:
            return told
        by = f" (by {', '.join(self.key)})" if self.key else ""
        return (
            f"{told}: {self.rows_added:,} added, {self.rows_removed:,} removed, "
            f"{self.rows_changed:,} changed{by}"
        )

    def files_told(self) -> str | None:
        """Counts of files in words."""
        if self.kind != "folder":
            return None
        return f"{self.files_added:,} added, {self.files_removed:,} removed, {self.files_changed:,} changed"

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def _rows(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Rows of the first columns; in full where a value would look like another one on the other side."""
    found: list[dict[str, object]] = [{} for _ in rows]
    for name in list(rows[0])[:_SHOWN] if rows else ():
        values = [row[name] for row in rows]
        beside = {_value(row[name]): row[name] for row in others if name in row}
        alike = any(beside.get(_value(value), value) != value for value in values)
        for row, value in zip(found, values, strict=True):
            row[name] = _exactly(value) if alike else _value(value)
    return found


def _values(old: Any, new: Any) -> tuple[str, str]:
    told = _value(old), _value(new)
    return told if told[0] != told[1] else (_exactly(old), _exactly(new))


def _exactly(value: Any) -> str:
    return repr(value) if isinstance(value, float) else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    return "missing" if value is None else str(value)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) or value.is_integer() else f"{value:.6g}"


class DiffVersions(Ask):
    """Two versions, the older first."""

    a: Annotated[Reference, Positional]
    b: Annotated[Reference, Positional]
    key: list[str] = Field(
        default_factory=list, description="Columns that name a row; by default whole rows are compared."
    )
    markdown: bool = Field(False, description="In a terminal: as Markdown, for a pull request.")
