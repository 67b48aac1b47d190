"""Objects of notebooks as artifacts: pictures, figures, tables, text, mappings, pages, histograms.

A library is used only where the object given is its own, so that it is loaded already; what an object is, its
class's module says.  Nothing that is given is changed.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from nbproof.core.errors import Invalid
from nbproof.tracking.artifacts import Item, items_of, media_type_of, versioned_name
from nbproof.tracking.values import plain, step_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "data_items",
    "figure_items",
    "histogram_items",
    "html_items",
    "image_items",
    "table_items",
    "text_items",
]

_LIBRARIES = frozenset(["matplotlib", "plotly", "PIL", "numpy", "torch", "pandas", "polars", "pyarrow"])
_DEEPEST = 100
_PNG_MODES = frozenset(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"))
_PIXELS = 100_000_000
_BINS = 512
_PREVIEW_ROWS = 10
_PREVIEW_COLUMNS = 50
_CELL_CHARACTERS = 200
_SVG_POINTS = 50_000  # more make a drawing that no browser shows
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tiff"),
    (b"MM\0*", ".tiff"),
)


def _library(thing: object) -> str:
    """The package whose object it is: of the first class in its line that is not our users' own."""
    for kind in type(thing).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _LIBRARIES:
            return package
    return type(thing).__module__.partition(".")[0]


def _suffixed(name: str, suffixes: Sequence[str]) -> str:
    """The name, with the first of the suffixes where it has none of them."""
    checked = versioned_name(name)
    return checked if checked.lower().endswith(tuple(suffixes)) else checked + suffixes[0]


# -- text, mappings, pages -------------------------------------------------------------------------------


def text_items(text: object, name: str, *, step: int | None = None) -> list[Item]:
    """Text as UTF-8."""
    if not isinstance(text, str):
        raise Invalid(
            f"log_text takes text, found {type(text).__name__}",
            hint="str(...) makes text of it; log_dict takes mappings",
            details={"field": "text"},
        )
    called = versioned_name(name)
    media_type = media_type_of(called)
    if media_type == "application/octet-stream":
        media_type = "text/plain"
    return items_of(_encoded(text), called, kind="text", step=step, media_type=media_type)


def html_items(html: object, name: str, *, step: int | None = None) -> list[Item]:
    """A page; anything with ``_repr_html_`` gives its own."""
    own = getattr(html, "_repr_html_", None)
    if not isinstance(html, str) and callable(own):
        html = own()
    if not isinstance(html, str):
        raise Invalid(
            f"log_html takes text or an object with _repr_html_, found {type(html).__name__}",
            details={"field": "html"},
        )
    return items_of(_encoded(html), _suffixed(name, (".html", ".htm")), kind="html", step=step)


def data_items(data: object, name: str, *, step: int | None = None) -> list[Item]:
    """A mapping or a list as JSON, or as YAML where the name ends so."""
    if not isinstance(data, Mapping | list | tuple):
        raise Invalid(
            f"log_dict takes a mapping or a list, found {type(data).__name__}",
            hint="vars(...) makes a mapping of its attributes" if hasattr(data, "__dict__") else None,
            details={"field": "data"},
        )
    called = _suffixed(name, (".json", ".yaml", ".yml"))
    value = _json_ready(_whole(data))
    text = _yaml(value) if called.lower().endswith((".yaml", ".yml")) else _json_text(value)
    return items_of(_encoded(text), called, kind="data", step=step)


def _whole(value: Any, depth: int = 0) -> Any:
    """Plain values with nothing left out: arrays of any size as lists, text as it is."""
    if depth > _DEEPEST:
        raise Invalid(f"nested deeper than {_DEEPEST} levels, or within itself", details={"field": "data"})
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _whole(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_whole(item, depth + 1) for item in value]
    if getattr(value, "shape", None) and callable(getattr(value, "tolist", None)):
        return _whole(value.tolist(), depth + 1)
    return plain(value)


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _yaml(value: Any) -> str:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return _json_text(value)  # which is YAML, too
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def _json_ready(value: Any) -> Any:
    """NaN and the infinities as the strings that stand for them everywhere in our JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    return [_json_ready(item) for item in value] if isinstance(value, list) else value


def _encoded(text: str) -> BytesIO:
    return BytesIO(text.encode("utf-8", "replace"))


# -- pictures --------------------------------------------------------------------------------------------


def image_items(
    image: Any, name: str | None = None, *, step: int | None = None, caption: str | None = None
) -> list[Item]:
    """A picture: a file, the bytes of one, a PIL image, an array or a tensor.

    Arrays are (height, width) or (height, width, 1, 3 or 4 channels); tensors of torch may have their
    channels first.  Unsigned bytes are taken as they are, unsigned 16-bit numbers make a picture of 16 bits,
    booleans are black and white, floats must lie from 0 to 1 and other integers from 0 to 255.
    """
    metadata: dict[str, Any] = {}
    if caption is not None:
        metadata["caption"] = str(caption)[:2000]
    library = _library(image)
    if isinstance(image, str | os.PathLike):
        [item] = items_of(image, name, kind="image", step=step, metadata=metadata)
        if not item.media_type.startswith("image/"):
            raise Invalid(
                f"{str(image)!r} does not look like a picture: {item.media_type}",
                hint="log_artifact keeps any file",
                details={"field": "image"},
            )
        return [item]
    if name is None:
        raise Invalid(
            "a picture without a file needs a name",
            hint='log_image(image, "sample.png")',
            details={"field": "name"},
        )
    if isinstance(image, bytes | bytearray | memoryview):
        suffix = _picture_suffix(bytes(image[:4096]))
        called = _suffixed(name, (suffix,) if suffix != ".jpg" else (".jpg", ".jpeg"))
        return items_of(image, called, kind="image", step=step, metadata=metadata)
    called = _suffixed(name, (".png",))
    if library == "PIL":
        buffer = BytesIO()
        picture = image if image.mode in _PNG_MODES else image.convert("RGBA")
        picture.save(buffer, "PNG", compress_level=1)
        metadata |= {"width": image.width, "height": image.height}
        return items_of(buffer, called, kind="image", step=step, metadata=metadata)
    pixels = _pixels(_array(image, library), channels_first=library == "torch")
    metadata |= {"width": pixels.shape[1], "height": pixels.shape[0]}
    return items_of(BytesIO(_png(pixels)), called, kind="image", step=step, metadata=metadata)


def _picture_suffix(head: bytes) -> str:
    for signature, suffix in _SIGNATURES:
        if head.startswith(signature):
            return suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if b"<svg" in head:
        return ".svg"
    raise Invalid(
        f"these bytes are no picture that is known: they begin {head[:8]!r}",
        hint="PNG, JPEG, GIF, WebP, BMP, TIFF and SVG are; log_artifact keeps any bytes",
        details={"field": "image"},
    )


def _array(thing: Any, library: str) -> NDArray[Any]:
    """An array of numpy from an array or tensor of any library."""
    if library == "torch":
        thing = thing.detach().cpu()
        if str(thing.dtype) in ("torch.bfloat16", "torch.float16"):
            thing = thing.float()
        return cast("NDArray[Any]", thing.numpy())
    if not hasattr(thing, "__array__"):
        raise Invalid(
            f"log_image takes a file, bytes, a PIL image, an array or a tensor; found {type(thing).__name__}",
            hint="log_figure takes figures" if library in ("matplotlib", "plotly") else None,
            details={"field": "image"},
        )
    import numpy as np

    return np.asarray(thing)


def _pixels(array: NDArray[Any], *, channels_first: bool) -> NDArray[Any]:
    """The array as (height, width, channels) of 8 or 16 bits without sign; `Invalid` says what is wrong."""
    import numpy as np

    shape = "x".join(map(str, array.shape))
    if array.ndim == 3:
        first, last = array.shape[0] in (1, 3, 4), array.shape[2] in (1, 3, 4)
        if first and (channels_first or not last):
            array = np.moveaxis(array, 0, 2)
        elif not last:
            raise _no_picture(f"shape {shape} has no axis of 1, 3 or 4 channels", None)
    elif array.ndim == 2:
        array = array[:, :, None]
    else:
        hint = "log the pictures of a batch one by one" if array.ndim == 4 else None
        raise _no_picture(f"shape {shape} is not (height, width) or (height, width, channels)", hint)
    if array.size == 0:
        raise _no_picture(f"shape {shape} has no pixels", None)
    if array.shape[0] * array.shape[1] > _PIXELS:
        raise _no_picture(
            f"{array.shape[0] * array.shape[1]:,} pixels, at most {_PIXELS:,}", "make it smaller"
        )
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            raise _no_picture(
                f"{int((~finite).sum()):,} of {array.size:,} values to be NaN or infinite",
                "np.nan_to_num(image)",
            )
        low, high = float(array.min()), float(array.max())
        if low < 0 or high > 1:
            raise _no_picture(
                f"floats from {low:g} to {high:g}; a picture's lie from 0 to 1",
                "image / 255" if low >= 0 and high <= 255 else "(image - image.min()) / np.ptp(image)",
            )
        scaled: NDArray[Any] = np.rint(array * 255).astype(np.uint8)
        return scaled
    if array.dtype == np.uint8 or (array.dtype == np.uint16 and int(array.max()) > 255):
        return array
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise _no_picture(f"integers from {low} to {high}; a picture's lie from 0 to 255", None)
        return array.astype(np.uint8)
    raise _no_picture(f"numbers of type {array.dtype}", None)


def _no_picture(found: str, hint: str | None) -> Invalid:
    return Invalid(f"an array as a picture: found {found}", hint=hint, details={"field": "image"})


def _png(pixels: NDArray[Any]) -> bytes:
    """A PNG of (height, width, 1, 3 or 4 channels), written by hand: no library of pictures is needed."""
    import struct
    import zlib

    import numpy as np

    height, width, channels = pixels.shape
    depth = pixels.dtype.itemsize
    rows = np.ascontiguousarray(pixels.astype(">u2") if depth == 2 else pixels).view(np.uint8)
    rows = rows.reshape(height, width * channels * depth)
    # Each row as its difference to the one above (filter 2), which packs smooth pictures well.
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    colour = {1: 0, 3: 2, 4: 6}[channels]

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8 * depth, colour, 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# -- figures ---------------------------------------------------------------------------------------------


def figure_items(
    figure: Any, name: str, *, step: int | None = None, caption: str | None = None
) -> list[Item]:
    """A figure of matplotlib (or anything that has one, such as axes) or of plotly.

    matplotlib's becomes a PNG and an SVG; a name that ends in .png, .svg or .pdf only that.  plotly's becomes
    its JSON, from which it is shown again, and a page for browsers, which loads plotly's script from the web.
    """
    metadata = {} if caption is None else {"caption": str(caption)[:2000]}
    if _library(figure) == "plotly":
        return _plotly(figure, name, step, metadata)
    drawn = figure
    for attribute in ("figure", "fig"):
        if not callable(getattr(drawn, "savefig", None)) or _library(drawn) != "matplotlib":
            drawn = getattr(drawn, attribute, drawn)
    if _library(drawn) != "matplotlib" or not callable(getattr(drawn, "savefig", None)):
        raise Invalid(
            f"log_figure takes figures of matplotlib and plotly, found {type(figure).__name__}",
            hint="log_html takes what has _repr_html_, log_image pictures",
            details={"field": "figure"},
        )
    called = versioned_name(name)
    stem, suffix = os.path.splitext(called)
    formats = [suffix[1:].lower()] if suffix.lower() in (".png", ".svg", ".pdf") else ["png", "svg"]
    stem = stem if suffix.lower() in (".png", ".svg", ".pdf") else called
    if len(formats) > 1 and (points := _points(drawn)) > _SVG_POINTS:
        formats = ["png"]
        metadata["note"] = f"no SVG: it would have {points:,} points"
    items = []
    for kind in formats:
        items += items_of(_drawn(drawn, kind), f"{stem}.{kind}", kind="figure", step=step, metadata=metadata)
    return items


def _drawn(figure: Any, kind: str) -> BytesIO:
    import matplotlib  # type: ignore[import-not-found,unused-ignore]  # the figure is its own

    # Without date and random ids the same figure is the same content.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    buffer = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "nbproof"}):
        figure.savefig(buffer, format=kind, bbox_inches="tight", metadata=metadata)
    return buffer


def _points(figure: Any) -> int:
    count = 0
    for axes in figure.axes:
        for line in axes.lines:
            count += len(line.get_xdata(orig=False))
        for collection in axes.collections:
            count += max(len(collection.get_offsets()), len(collection.get_paths()))
    return count


def _plotly(figure: Any, name: str, step: int | None, metadata: dict[str, Any]) -> list[Item]:
    called = versioned_name(name)
    stem = called
    for suffix in (".plotly.json", ".json", ".html"):
        if called.lower().endswith(suffix):
            stem = called[: -len(suffix)]
            break
    items = []
    if not called.lower().endswith(".html"):
        items += items_of(
            _encoded(figure.to_json()), f"{stem}.plotly.json", kind="figure", step=step, metadata=metadata,
            media_type="application/vnd.plotly.v1+json",
        )  # fmt: skip
    if not called.lower().endswith(".json"):
        page = figure.to_html(include_plotlyjs="cdn", div_id="figure")
        items += items_of(_encoded(page), f"{stem}.html", kind="figure", step=step, metadata=metadata)
    return items


# -- tables ----------------------------------------------------------------------------------------------


@contextmanager
def table_items(
    table: Any, name: str, *, step: int | None = None, caption: str | None = None
) -> Iterator[list[Item]]:
    """A table: a frame of pandas or polars, a table of pyarrow, rows as mappings, or a mapping of columns.

    It becomes Parquet where that can be written (polars and pyarrow can, pandas with pyarrow), else CSV; rows
    and columns of plain Python become JSON lines.  A name that ends in .parquet, .csv or .jsonl decides.  The
    file that it is written to on the way is gone after the block.
    """
    metadata: dict[str, Any] = {} if caption is None else {"caption": str(caption)[:2000]}
    library = _library(table)
    with tempfile.TemporaryFile(prefix="nbproof-") as file:
        if library in ("pandas", "polars", "pyarrow"):
            columns, head, told, suffix = _frame(table, library, name, cast(BinaryIO, file))
        else:
            columns, head, told, suffix = _rows(table, name, cast(BinaryIO, file))
        metadata |= told
        preview = {
            "columns": columns[:_PREVIEW_COLUMNS],
            "rows": [[_cell(cell) for cell in row[:_PREVIEW_COLUMNS]] for row in head],
        }
        [item] = items_of(
            file, _suffixed(name, (suffix,)), kind="table", step=step, metadata=metadata, preview=preview
        )
        yield [item]


Described = tuple[list[dict[str, str]], list[list[Any]], dict[str, Any], str]


def _frame(table: Any, library: str, name: str, file: BinaryIO) -> Described:
    wanted = _wanted(name)
    if library == "pandas" and type(table).__name__ == "Series":
        table = table.to_frame(table.name if table.name is not None else "value")
    shape = getattr(table, "shape", None)
    if shape is None or len(shape) != 2 or not hasattr(table, "columns"):
        raise _no_table(table)
    if library == "pandas":
        types = {str(column): str(kind) for column, kind in zip(table.columns, table.dtypes, strict=True)}
        head = table.head(_PREVIEW_ROWS).values.tolist()
        suffix = _write_pandas(table, wanted, file)
        told: dict[str, Any] = {}
        if suffix == ".csv":
            told["types"] = dict(list(types.items())[:_PREVIEW_COLUMNS])
            if not _plain_index(table):
                told["index"] = list(range(table.index.nlevels))
    elif library == "polars":
        types = {column: str(kind) for column, kind in zip(table.columns, table.dtypes, strict=True)}
        head = [list(row) for row in table.head(_PREVIEW_ROWS).rows()]
        suffix = wanted or ".parquet"
        {".parquet": table.write_parquet, ".csv": table.write_csv, ".jsonl": table.write_ndjson}[suffix](file)
        told = {}
    else:
        types = {field.name: str(field.type) for field in table.schema}
        head = [list(row.values()) for row in table.slice(0, _PREVIEW_ROWS).to_pylist()]
        suffix = _write_arrow(table, wanted, file)
        told = {}
    columns = [{"name": column[:_CELL_CHARACTERS], "type": kind} for column, kind in types.items()]
    return columns, head, {"rows": int(shape[0]), "columns": int(shape[1]), **told}, suffix


def _write_pandas(table: Any, wanted: str | None, file: BinaryIO) -> str:
    import importlib.util

    if wanted is None:
        # pandas itself loads pyarrow where it is installed; a column of mixed objects Parquet can't hold.
        wanted = ".parquet" if importlib.util.find_spec("pyarrow") is not None else ".csv"
        if wanted == ".parquet":
            try:
                _parquet_of_pandas(table, file)
                return wanted
            except (TypeError, ValueError, OverflowError):
                file.seek(0)
                file.truncate()
                wanted = ".csv"
    if wanted == ".parquet":
        try:
            _parquet_of_pandas(table, file)
        except ImportError:
            raise Invalid(
                "pandas writes Parquet with pyarrow, which is not installed",
                hint="pip install pyarrow, or give a name that ends in .csv",
                details={"field": "name"},
            ) from None
        except (TypeError, ValueError, OverflowError) as error:
            raise Invalid(
                f"Parquet can't hold this frame: {error}",
                hint="give a name that ends in .csv",
                details={"field": "table"},
            ) from error
    elif wanted == ".csv":
        table.to_csv(file, index=not _plain_index(table))
    else:
        table.to_json(file, orient="records", lines=True, date_format="iso")
    return wanted


def _parquet_of_pandas(table: Any, file: BinaryIO) -> None:
    # Parquet wants columns named by text; the frame itself is left as it is.
    if not all(isinstance(column, str) for column in table.columns):
        table = table.set_axis([str(column) for column in table.columns], axis=1)
    # pandas closes what it is given, and we still have to read it.
    with os.fdopen(os.dup(file.fileno()), "wb") as own:
        table.to_parquet(own, engine="pyarrow")


def _plain_index(table: Any) -> bool:
    return type(table.index).__name__ == "RangeIndex" and table.index.name is None


def _write_arrow(table: Any, wanted: str | None, file: BinaryIO) -> str:
    if wanted == ".csv":
        from pyarrow import csv  # type: ignore[import-not-found,unused-ignore]

        csv.write_csv(table, file)
        return wanted
    if wanted == ".jsonl":
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                file.write(_json_line(row))
        return wanted
    from pyarrow import parquet

    parquet.write_table(table, file)
    return ".parquet"


def _rows(table: Any, name: str, file: BinaryIO) -> Described:
    """Rows as mappings, or a mapping of columns, as JSON lines (or as CSV, where the name asks for it)."""
    if isinstance(table, Mapping):
        columns = {
            str(key): list(values)
            for key, values in table.items()
            if isinstance(values, Iterable) and not isinstance(values, str | bytes)
        }
        lengths = {len(values) for values in columns.values()}
        if len(columns) != len(table) or len(lengths) > 1:
            raise Invalid(
                "a mapping as a table has columns of one length",
                hint="{'name': ['a', 'b'], 'score': [1, 2]}; log_dict keeps any mapping",
                details={"field": "table"},
            )
        rows: Iterable[Any] = (
            dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
        )
    elif isinstance(table, Iterable) and not isinstance(table, str | bytes) and not hasattr(table, "shape"):
        rows = table
    else:
        raise _no_table(table)
    wanted = _wanted(name) or ".jsonl"
    if wanted == ".parquet":
        raise Invalid(
            "rows of plain Python are kept as .jsonl or .csv",
            hint="pandas.DataFrame(rows) is kept as Parquet",
            details={"field": "name"},
        )
    names: dict[str, str] = {}
    head: list[dict[str, Any]] = []
    count = 0
    checked: list[dict[str, Any]] = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise Invalid(
                f"row {count} of the table is a {type(row).__name__}, not a mapping",
                hint="[{'name': 'a', 'score': 1}, ...]",
                details={"field": "table"},
            )
        value = {str(key): _json_ready(plain(cell)) for key, cell in row.items()}
        for key, cell in value.items():
            names.setdefault(key, type(cell).__name__)
        if count < _PREVIEW_ROWS:
            head.append(value)
        if wanted == ".jsonl":
            file.write(_json_line(value))
        else:
            checked.append(value)
        count += 1
    if wanted == ".csv":
        import csv
        from io import TextIOWrapper

        text = TextIOWrapper(file, "utf-8", newline="", write_through=True)
        writer = csv.DictWriter(text, list(names))
        writer.writeheader()
        writer.writerows(checked)
        text.detach()
    described = [{"name": key[:_CELL_CHARACTERS], "type": kind} for key, kind in names.items()]
    return (
        described,
        [[row.get(key) for key in names] for row in head],
        {"rows": count, "columns": len(names)},
        wanted,
    )


def _json_line(row: Mapping[str, Any]) -> bytes:
    return (json.dumps(row, ensure_ascii=False, default=str, separators=(",", ":")) + "\n").encode(
        "utf-8", "replace"
    )


def _wanted(name: str) -> str | None:
    """The format that a name's suffix asks for."""
    suffix = os.path.splitext(versioned_name(name))[1].lower()
    return {".parquet": ".parquet", ".csv": ".csv", ".jsonl": ".jsonl", ".ndjson": ".jsonl"}.get(suffix)


def _no_table(table: Any) -> Invalid:
    lazy = type(table).__name__ in ("LazyFrame", "Dataset")
    return Invalid(
        f"log_table takes a frame, an Arrow table, rows as mappings or a mapping of columns; found "
        f"{type(table).__name__}",
        hint="collect it first" if lazy else None,
        details={"field": "table"},
    )


def _cell(value: Any) -> Any:
    """A cell of a preview: plain, short."""
    found = _json_ready(plain(value))
    if isinstance(found, str):
        return found[:_CELL_CHARACTERS]
    if isinstance(found, dict | list):
        return json.dumps(found, default=str)[:_CELL_CHARACTERS]
    return found


# -- histograms ------------------------------------------------------------------------------------------


def histogram_items(
    values: Any, name: str, *, bins: int | Sequence[float] = 64, step: int | None = None
) -> list[Item]:
    """How values are distributed: counts between edges.

    NaN and the infinities are left out and counted.  What is kept is the counts, not the values.
    """
    called = _suffixed(name, (".json",))
    if step is not None:
        step = step_of(step)
    edges, counts, facts = _counted(values, _checked_bins(bins))
    told = {"edges": edges, "counts": counts}
    return items_of(
        _encoded(_json_text({**told, **facts})), called, kind="histogram", step=step,
        metadata=facts, preview=told,
    )  # fmt: skip


def _checked_bins(bins: Any) -> int | list[float]:
    if isinstance(bins, int) and not isinstance(bins, bool):
        if not 1 <= bins <= _BINS:
            raise Invalid(f"a histogram has 1 to {_BINS} bins, found {bins}", details={"field": "bins"})
        return bins
    try:
        edges = [float(edge) for edge in bins]
    except (TypeError, ValueError):
        raise Invalid(
            f"bins are a number or their edges, found {type(bins).__name__}", details={"field": "bins"}
        ) from None
    rising = all(low < high for low, high in itertools.pairwise(edges))
    if not 2 <= len(edges) <= _BINS + 1 or not rising or not all(map(math.isfinite, edges)):
        raise Invalid(
            f"edges of bins rise and are finite, 2 to {_BINS + 1} of them", details={"field": "bins"}
        )
    return edges


def _counted(values: Any, bins: int | list[float]) -> tuple[list[float], list[int], dict[str, Any]]:
    library = _library(values)
    if library == "torch" or hasattr(values, "__array__") or "numpy" in sys.modules:
        return _counted_by_numpy(values, library, bins)
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        raise _no_numbers(values) from None
    finite = [number for number in numbers if math.isfinite(number)]
    edges = (
        bins if isinstance(bins, list) else _edges(min(finite, default=0.0), max(finite, default=1.0), bins)
    )
    counts = [0] * (len(edges) - 1)
    from bisect import bisect_right

    for number in finite:
        if edges[0] <= number <= edges[-1]:
            counts[min(bisect_right(edges, number) - 1, len(counts) - 1)] += 1
    mean = math.fsum(finite) / len(finite) if finite else None
    return edges, counts, _facts(numbers, finite, mean, counts)


def _facts(numbers: Any, finite: Any, mean: float | None, counts: Sequence[int]) -> dict[str, Any]:
    told: dict[str, Any] = {"count": len(numbers)}
    if len(finite):
        told |= {"min": float(min(finite)), "max": float(max(finite)), "mean": mean}
    if len(finite) < len(numbers):
        told["not_finite"] = len(numbers) - len(finite)
    if (outside := len(finite) - sum(counts)) > 0:
        told["outside"] = outside
    return told


def _edges(low: float, high: float, bins: int) -> list[float]:
    if low == high:
        low, high = low - 0.5, high + 0.5
    if not math.isfinite(high - low):
        raise Invalid(
            "the values lie too far apart for bins", hint="give the edges", details={"field": "values"}
        )
    edges = [low + (high - low) * place / bins for place in range(bins)]
    return [*edges, high]


def _counted_by_numpy(
    values: Any, library: str, bins: int | list[float]
) -> tuple[list[float], list[int], dict[str, Any]]:
    import numpy as np

    try:
        array = _array(values, library) if library == "torch" else np.asarray(values)
        if array.dtype.kind not in "biuf":
            array = array.astype(np.float64)
        if array.ndim == 0:
            raise ValueError("one number has no distribution")
    except (TypeError, ValueError):
        raise _no_numbers(values) from None
    flat = array.ravel()
    if flat.dtype.kind == "b":
        flat = flat.astype(np.uint8)
    keep = np.isfinite(flat)
    finite: NDArray[np.floating[Any]] = flat if keep.all() else flat[keep]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    edges = bins if isinstance(bins, list) else _edges(low, high, bins)
    counts, _ = np.histogram(finite, np.asarray(edges))
    told: dict[str, Any] = {"count": int(flat.size)}
    if finite.size:
        told |= {"min": low, "max": high, "mean": float(finite.mean(dtype=np.float64))}
    if finite.size < flat.size:
        told["not_finite"] = int(flat.size - finite.size)
    if (outside := int(finite.size - counts.sum())) > 0:
        told["outside"] = outside
    return list(edges), [int(count) for count in counts], told


def _no_numbers(values: Any) -> Invalid:
    return Invalid(
        f"a histogram is of numbers, found {type(values).__name__}",
        hint="an array, a tensor, a series or a list of numbers",
        details={"field": "values"},
    )
