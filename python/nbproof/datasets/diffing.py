"""How two versions differ: of tables the columns, rows and statistics, of folders the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names
from nbproof.core.listing import some_of
from nbproof.core.type_words import retyped_words, stored_alike
from nbproof.datasets.diff_models import (
    ChangedColumn,
    ChangedRow,
    DatasetDiff,
    FileChange,
    RetypedColumn,
)
from nbproof.datasets.models import DatasetField
from nbproof.stats.common_types import are_comparable, common_type

if TYPE_CHECKING:
    from nbproof.datasets.diff_rows import Rows
    from nbproof.datasets.handle import DatasetHandle

__all__ = ["diff_between"]

_FILES = 1000


def diff_between(
    one: DatasetHandle,
    other: DatasetHandle,
    key: Sequence[str],
    progress: Callable[[float], object] | None = None,
) -> DatasetDiff:
    """What differs between two versions; `progress` is told the share that is done."""
    start = {
        "a": one.name,
        "b": other.name,
        "kind": other.kind,
        "bytes_before": one.version.size_bytes,
        "bytes_after": other.version.size_bytes,
    }
    if one.version.digest == other.version.digest:
        rows = other.version.rows
        counts = {} if rows is None else {"rows_added": 0, "rows_removed": 0, "rows_changed": 0}
        return DatasetDiff(**start, same=True, rows_before=rows, rows_after=rows, key=list(key), **counts)
    if one.kind == "folder" and other.kind == "folder":
        if key:
            raise Invalid("files have no key", details={"field": "key"})
        return DatasetDiff(**start, **_files(one, other))
    if "folder" in (one.kind, other.kind):
        raise Invalid(
            f"{one.name} is a {one.kind} and {other.name} a {other.kind}: they can't be compared",
            hint="compare versions of one kind",
            details={"field": "b"},
        )
    try:
        schemas = [each.schema for each in (one, other)]
    except Invalid:
        if key:
            raise
        # Bytes that are no rows.
        return DatasetDiff(**start, same=False, notes=["the files differ; they are no tables"])
    return DatasetDiff(**start, **_tables(one, other, schemas, list(key), progress))


# -- tables ------------------------------------------------------------------------------------------------


def _tables(
    one: DatasetHandle,
    other: DatasetHandle,
    schemas: Sequence[Any],
    key: list[str],
    progress: Callable[[float], object] | None,
) -> dict[str, Any]:
    before, after = ({each.name: each for each in schema} for schema in schemas)
    added = [_field(after[name]) for name in after if name not in before]
    removed = [_field(before[name]) for name in before if name not in after]
    retyped = [
        RetypedColumn(name=name, before=str(before[name].type), after=str(after[name].type))
        for name in before
        if name in after and stored_alike(str(before[name].type)) != stored_alike(str(after[name].type))
    ]
    types = {name: (before[name].type, after[name].type) for name in before if name in after}
    columns = [name for name, pair in types.items() if are_comparable(*pair)]
    casts = {name: kind for name in columns if (kind := common_type(*types[name])) is not None}
    odd = [name for name in types if name not in columns]
    _check_key(key, one, other, before, after, odd)
    found: dict[str, Any] = {
        "key": key,
        "columns_added": added,
        "columns_removed": removed,
        "columns_retyped": retyped,
    }
    notes = []
    rows, others, table = _rows(one), _rows(other), None
    found["rows_before"], found["rows_after"] = sum(rows.lengths), sum(others.lengths)
    if columns:
        from nbproof.datasets.diff_rows import diff_by_key, diff_by_rows

        step = _steps(_unlike(rows, others, columns), progress)
        table = (
            diff_by_key(rows, others, key, columns, casts, step)
            if key
            else diff_by_rows(rows, others, columns, casts, step)
        )
        found |= {
            "rows_added": table.added,
            "rows_removed": table.removed,
            "rows_changed": table.changed,
            "changes": [
                ChangedRow(before=each.before, after=each.after, key=each.key or None, values=each.values)
                for each in table.changes
            ],
            "added": table.added_rows,
            "removed": table.removed_rows,
        }
        if added or removed:
            notes.append("rows were compared by the columns that both have")
        if odd:
            notes.append(f"not compared: the values of {some_of(odd)}, whose types have nothing in common")
    else:
        notes.append("rows were not compared: there is no column that both have of a type that can be")
    found["columns"] = _columns(one, other, table.columns if table is not None else {})
    if table is not None and not (table.added or table.removed or table.changed):
        if table.moved:
            notes.append("the same rows, in another order")
        if not (added or removed) and list(before) != list(after):
            notes.append("the same columns, in another order")
    found["notes"] = notes
    found["same"] = not (notes or retyped or table is None or table.added or table.removed or table.changed)
    if found["same"]:
        found["notes"] = [
            "the same values; only how they are stored, or what a library says of them, differs"
        ]
    return found


def _unlike(one: Rows, other: Rows, columns: Sequence[str]) -> int:
    """How many parts of columns only one side has: about so many are read."""
    sides = [
        {rows.mark(name, slab) for name in columns for slab in range(len(rows.lengths))}
        for rows in (one, other)
    ]
    return len(sides[0] ^ sides[1])


def _steps(total: int, progress: Callable[[float], object] | None) -> Callable[[], object]:
    """Tells the share of parts that were read."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(1.0, done / max(total, 1)))

    return step


def _check_key(
    key: list[str], one: DatasetHandle, other: DatasetHandle, before: Any, after: Any, odd: Sequence[str]
) -> None:
    for name in key:
        for handle, columns in ((one, before), (other, after)):
            if name not in columns:
                near = near_names(name, list(columns))
                raise NotFound(
                    f"{handle.name} has no column {name!r} to be the key",
                    hint=hint_of(near, list(columns), "it has"),
                    details={"field": "key", "near": near},
                )
        if name in odd:
            types = retyped_words(str(before[name].type), str(after[name].type))
            raise Invalid(
                f"{name!r} can't be the key: its type changed from {' to '.join(types)}",
                hint="values of these types are never equal; convert one of both, and register it again",
                details={"field": "key"},
            )


def _rows(handle: DatasetHandle) -> Any:
    from nbproof.datasets.diff_rows import StoredRows, TableRows

    return StoredRows(handle) if handle.kind == "table" else TableRows(handle.name, handle.to_arrow())


def _field(field: Any) -> DatasetField:
    return DatasetField(name=field.name, type=str(field.type), nullable=field.nullable)


def _columns(one: DatasetHandle, other: DatasetHandle, rows: dict[str, int]) -> list[ChangedColumn]:
    """The columns that both have and that differ, with what stands in their profiles."""
    from nbproof.stats.compare import compare_columns
    from nbproof.stats.drift import detect_drift

    drift = {each.name: each for each in detect_drift(one.profile, other.profile).columns}
    found = []
    for each in compare_columns(one.profile, other.profile):
        if each.change in ("added", "removed") or (each.change == "same" and each.name not in rows):
            continue
        drifted = drift[each.name]
        found.append(
            ChangedColumn(
                name=each.name,
                type=each.after_type or "",
                rows=rows.get(each.name, 0),
                before=dict(each.before),
                after=dict(each.after),
                changed=list(each.changed),
                severity=drifted.severity,
                sentence=drifted.sentence,
            )
        )
    return found


# -- files -------------------------------------------------------------------------------------------------


def _files(one: DatasetHandle, other: DatasetHandle) -> dict[str, Any]:
    """Folders that are the same are not looked into."""
    changes = list(one.differing_files(other))
    counts = {name: sum(each[1] == name for each in changes) for name in ("added", "removed", "changed")}
    return {
        "files_added": counts["added"],
        "files_removed": counts["removed"],
        "files_changed": counts["changed"],
        "files": [
            FileChange(path=path, change=change, before_bytes=before, after_bytes=after)
            for path, change, before, after in changes[:_FILES]
        ],
        "same": not changes,
    }
