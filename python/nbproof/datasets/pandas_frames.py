"""Frames and series of pandas as Arrow tables, and exactly the same back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.datasets.held import same
from nbproof.datasets.numpy_columns import one_array
from nbproof.datasets.pandas_columns import (
    column_from_arrow,
    column_to_arrow,
    freq_of,
    held_index,
    held_label,
    hold_index,
    hold_label,
    index_of,
    loses_freq,
    with_categories,
)
from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.objects import Note

__all__ = ["arrow_from_pandas", "frame_from_arrow", "index_fields", "pandas_to_arrow"]

_LONG = 1 << 17  # rows


def pandas_to_arrow(obj: Any) -> tuple[pa.Table, dict[str, Any]]:
    """A DataFrame or Series as a table, and what is needed to have it again.

    The columns of the index follow those of the frame; a `RangeIndex` needs none.
    """
    import pandas as pd
    import pyarrow as pa

    is_series = isinstance(obj, pd.Series)
    restore: dict[str, Any] = {"object": "series" if is_series else "frame"}
    if is_series:
        labels = [obj.name]
        names = ["value" if obj.name is None else _text(obj.name)]
        columns = [obj]
        restore["name"] = hold_label(obj.name, names[0])
    else:
        labels = list(obj.columns)
        _refuse_duplicates(obj.columns)
        names = _field_names(labels)
        columns = [obj.iloc[:, place] for place in range(len(labels))]
        restore["columns"] = hold_index(obj.columns, "columns")
    arrays, notes = _columns_to_arrow(names, columns)
    restore["fields"] = dict(zip(names, notes, strict=True))
    index, index_arrays = _index_to_arrow(obj.index, names)
    restore["index"] = index
    kept, lost = _attrs(obj.attrs)
    if kept:
        restore["attrs"] = kept
    lost = [f"attrs[{key!r}], which is not JSON" for key in lost]
    if type(obj) not in (pd.DataFrame, pd.Series):
        lost.append(f"its class {type(obj).__name__}")
    if loses_freq(obj.index):
        lost.append(f"the frequency {obj.index.freq!r} of the index")
    if lost:
        restore["lost"] = lost
    if not obj.flags.allows_duplicate_labels:
        restore["duplicate_labels"] = False
    names = [*names, *index_fields(restore)]
    _refuse_surrogates(names)
    table = pa.Table.from_arrays([*arrays, *index_arrays], names=names)
    return table, restore


def index_fields(restore: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that hold the index of a frame: who reads some columns of it must read these as well."""
    return tuple(level["field"] for level in restore.get("index", {}).get("levels", ()))


def frame_from_arrow(table: pa.Table, restore: Mapping[str, Any]) -> Any:
    """The frame or series that a table was made of, or some rows and columns of it.

    Columns that were not in it are read as pandas reads Arrow.
    """
    import pandas as pd

    from nbproof.datasets.pandas_defaults import series_of

    index = _index_from_arrow(table, restore)
    of_index = set(index_fields(restore))
    names = [name for name in table.column_names if name not in of_index]
    notes = restore["fields"]
    columns = []
    for name in names:
        if name in notes:
            values = column_from_arrow(table.column(name), notes[name])
            # Told its dtype, lest pandas looks what objects might be.
            columns.append(pd.Series(values, index=index, dtype=values.dtype, copy=False))
        else:
            columns.append(series_of(table.column(name)).set_axis(index))
    found: Any
    if restore["object"] == "series" and len(columns) == 1:
        found = columns[0]
        found.name = held_label(restore["name"])
    else:
        found = pd.DataFrame(dict(enumerate(columns)), index=index, copy=False)
        found.columns = _column_labels(names, restore)
    found.attrs = json.loads(json.dumps(restore.get("attrs", {})))
    if restore.get("duplicate_labels") is False:
        found.flags.allows_duplicate_labels = False
    return found


def arrow_from_pandas(table: pa.Table, restore: Mapping[str, Any]) -> pa.Table:
    """The table of a frame for others than pandas: its categories as they were."""
    for place, name in enumerate(table.column_names):
        note = restore.get("fields", {}).get(name)
        if note:
            column = with_categories(table.column(place), note)
            if column is not table.column(place):
                table = table.set_column(place, table.schema.field(place).with_type(column.type), column)
    return table


# ------------------------------------------------------------------------------------------------- columns


def _columns_to_arrow(
    names: Sequence[str], columns: Sequence[Any]
) -> tuple[list[pa.Array | pa.ChunkedArray], list[Note]]:
    """All of them, long ones of numbers together: they are looked through for missing values."""
    import numpy as np

    under_way = {
        name: pool().submit(column_to_arrow, column.array, name)
        for name, column in zip(names, columns, strict=True)
        if len(column) >= _LONG and isinstance(column.dtype, np.dtype) and column.dtype.kind in "fmM"
    }
    found = [
        under_way[name].result() if name in under_way else column_to_arrow(column.array, name)
        for name, column in zip(names, columns, strict=True)
    ]
    return [array for array, _ in found], [note for _, note in found]


def _refuse_duplicates(columns: Any) -> None:
    if columns.is_unique:
        return
    twice = list(dict.fromkeys(columns[columns.duplicated()]))
    told = ", ".join(map(repr, twice[:5])) + (", ..." if len(twice) > 5 else "")
    raise Invalid(
        f"the frame has several columns of the name {told}",
        hint="give each column a name of its own, or keep the first of each: "
        "frame.loc[:, ~frame.columns.duplicated()]",
        details={"field": _text(twice[0]), "duplicates": [_text(label) for label in twice]},
    )


def _refuse_surrogates(names: Iterable[str]) -> None:
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Invalid(
                f"the name {name!r} holds half of a surrogate pair, which is no Unicode",
                hint="rename the column",
                details={"field": ascii(name)},
            ) from None


def _text(label: Any) -> str:
    """A label as the name of a field: ("a", "x") is a.x."""
    if isinstance(label, tuple):
        return ".".join(str(part) for part in label if part != "") or str(label)
    return str(label)


def _field_names(labels: Iterable[Any]) -> list[str]:
    """A name for each label; labels that are written alike, such as 1 and "1", get their type as well."""
    labels = list(labels)
    texts = [_text(label) for label in labels]
    counts = Counter(texts)
    taken = {label for label in labels if isinstance(label, str)}
    names: list[str] = []
    for label, text in zip(labels, texts, strict=True):
        name = text
        if counts[text] > 1 and not isinstance(label, str):
            name = f"{text} ({type(label).__name__})"
            number = 2
            while name in taken:
                name, number = f"{text} ({type(label).__name__} {number})", number + 1
        taken.add(name)
        names.append(name)
    return names


def _column_labels(names: list[str], restore: Mapping[str, Any]) -> Any:
    import pandas as pd

    fields = {name: place for place, name in enumerate(restore["fields"])}
    if "columns" in restore:
        columns = held_index(restore["columns"])
    else:
        columns = pd.Index([held_label(restore["name"])], dtype=object)
    places = [fields.get(name, -1) for name in names]
    if places == list(range(len(columns))):
        return columns
    if min(places, default=0) >= 0:
        return columns.take(places)
    return pd.Index(
        [columns[place] if place >= 0 else name for place, name in zip(places, names, strict=True)]
    )


# --------------------------------------------------------------------------------------------------- index


def _index_to_arrow(index: Any, names: list[str]) -> tuple[dict[str, Any], list[pa.Array]]:
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        held = {"range": [index.start, index.stop, index.step], "rows": len(index)}
        return {**held, "names": [hold_label(index.name, "index")]}, []
    levels = index.levels if isinstance(index, pd.MultiIndex) else [index]
    taken = set(names)
    told, arrays = [], []
    for place, level in enumerate(levels):
        label = index.names[place]
        name = (
            label if isinstance(label, str) and label and label not in taken else f"__index_level_{place}__"
        )
        while name in taken:
            name = f"_{name}"
        taken.add(name)
        codes = index.codes[place] if isinstance(index, pd.MultiIndex) else None
        array, note = _level_to_arrow(level, codes, name)
        entry: dict[str, Any] = {"field": name, "note": note}
        if codes is not None:
            entry |= {"sorted": bool(level.is_monotonic_increasing), "freq": freq_of(level)}
        told.append(entry)
        arrays.append(array)
    held = {"levels": told, "names": [hold_label(name, "index") for name in index.names]}
    return {**held, "multi": isinstance(index, pd.MultiIndex), "freq": freq_of(index)}, arrays


def _level_to_arrow(level: Any, codes: Any, name: str) -> tuple[pa.Array | pa.ChunkedArray, Any]:
    """The values of an index; of a level of a MultiIndex those of its rows, where the code -1 is null."""
    import numpy as np
    import pyarrow as pa

    if codes is None:
        return column_to_arrow(level.array, name)
    codes = np.asarray(codes, np.int64)
    if level.dtype == object:
        # What is noted of objects is noted row by row.
        objects = np.append(level.to_numpy(), [None])[codes]
        return column_to_arrow(objects, name)
    array, note = column_to_arrow(level.array, name)
    return one_array(array).take(pa.array(codes, mask=codes < 0)), note


def _index_from_arrow(table: pa.Table, restore: Mapping[str, Any]) -> Any:
    import pandas as pd

    held = restore["index"]
    names = [held_label(name) for name in held["names"]]
    if "range" in held:
        start, stop, step = held["range"]
        rows = held["rows"] if table.num_columns == 0 else table.num_rows
        return pd.RangeIndex(
            start, stop if rows == held["rows"] else start + step * rows, step, name=names[0]
        )
    levels = held["levels"]
    if not all(level["field"] in table.column_names for level in levels):
        return pd.RangeIndex(table.num_rows)
    columns = [table.column(level["field"]) for level in levels]
    if not held["multi"]:
        return index_of(column_from_arrow(columns[0], levels[0]["note"]), names[0], held["freq"])
    parts = [_level_from_arrow(column, level) for column, level in zip(columns, levels, strict=True)]
    return pd.MultiIndex(
        levels=[values for values, _ in parts], codes=[codes for _, codes in parts], names=names
    )


def _level_from_arrow(column: pa.ChunkedArray, level: Mapping[str, Any]) -> tuple[Any, Any]:
    """The values of a level and the place of each row among them."""
    import numpy as np
    import pandas as pd

    missing = np.asarray(column.is_null())
    codes = np.full(len(column), -1, np.int64)
    found = index_of(column_from_arrow(column.drop_null(), level["note"]), None)
    places, values = pd.factorize(found)
    if level["sorted"]:
        order = values.argsort()
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        places, values = back[places], values.take(order)
    codes[~missing] = places
    return index_of(values.array, None, level["freq"]), codes


# --------------------------------------------------------------------------------------------------- attrs


def _attrs(attrs: Mapping[Any, Any]) -> tuple[dict[str, Any], list[str]]:
    """Those that JSON holds exactly, and the names of the others."""
    kept, lost = {}, []
    for key, value in attrs.items():
        try:
            exact = isinstance(key, str) and same(json.loads(json.dumps(value, allow_nan=False)), value)
        except (TypeError, ValueError, RecursionError):
            exact = False
        if exact:
            kept[key] = json.loads(json.dumps(value))
        else:
            lost.append(str(key))
    return kept, lost
