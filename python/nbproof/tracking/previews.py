"""A small look at an artifact: the head of a text or a table, a small picture, the numbers of a histogram.

What was told when it was logged is taken first; else the head of the content is read, never more than 64 kB
of it but for a picture.  Parquet without such words is read where pyarrow is installed, and its footer and
first rows only.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from html import escape
from itertools import islice, zip_longest
from typing import Any, BinaryIO

from nbproof.core.listing import size_text
from nbproof.plots.figure import drawn
from nbproof.tracking.models import Artifact, ArtifactPreview, Histogram, PreviewColumn

__all__ = ["histogram_of", "picture_size", "preview_html", "preview_of", "preview_text"]

_HEAD_BYTES = 64 << 10
_TEXT_CHARACTERS = 20_000
_ROWS = 20
_COLUMNS = 100
_CELL_CHARACTERS = 200
_IMAGE_BYTES = 1 << 20
_READABLE = frozenset({"text", "data", "html"})


def preview_of(
    artifact: Artifact,
    told: Any,
    content: Callable[[], BinaryIO],
    versions: Sequence[tuple[Artifact, Any]] = (),
) -> ArtifactPreview:
    """A look at an artifact.

    Parameters
    ----------
    artifact : Artifact
    told : optional
        What was told of it when it was logged.
    content : callable
        Opens its content; asked where what was told is not enough.
    versions : sequence
        Every version with what was told of it, for a series of histograms.
    """
    fields: dict[str, Any] = {
        "name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
    }
    if artifact.reference is not None:
        return ArtifactPreview(**fields, shows="reference", text=artifact.reference)
    try:
        found = _told(artifact, told, versions)
        if not found:
            with content() as file:
                found = _looked(artifact, file)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        found = {"note": f"the content is not what {artifact.media_type} says: {error}"}
    return ArtifactPreview.model_validate({"shows": "nothing", **fields, **(found or {"note": _NOTE})})


_NOTE = "there is no preview of this kind; download it"


def histogram_of(told: Any) -> tuple[list[Any], list[Any]] | None:
    """Edges and counts, if that is what it is."""
    if not isinstance(told, dict):
        return None
    edges, counts = told.get("edges"), told.get("counts")
    if not isinstance(edges, list) or not isinstance(counts, list) or len(edges) != len(counts) + 1:
        return None
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in [*edges, *counts]):
        return None
    return edges, counts


def _told(artifact: Artifact, told: Any, versions: Sequence[tuple[Artifact, Any]]) -> dict[str, Any] | None:
    if artifact.kind == "histogram":
        series = [
            Histogram(version=each.version, step=each.step, edges=found[0], counts=found[1])
            for each, words in (versions or [(artifact, told)])
            if (found := histogram_of(words)) is not None
        ]
        return {"shows": "histogram", "histograms": series} if series else None
    if isinstance(told, dict) and isinstance(told.get("columns"), list):
        rows = told.get("rows") or []
        count = artifact.metadata.get("rows")
        return {
            "shows": "table",
            "columns": told["columns"],
            "rows": rows,
            "row_count": count if isinstance(count, int) else None,
            "truncated": not isinstance(count, int) or count > len(rows),
        }
    return None


def _looked(artifact: Artifact, file: BinaryIO) -> dict[str, Any] | None:
    kind = artifact.media_type.partition(";")[0].strip().lower()
    if artifact.kind == "histogram":
        found = histogram_of(json.loads(file.read(_HEAD_BYTES)))
        if found is None:
            raise ValueError("a histogram is an object of edges and counts")
        one = Histogram(version=artifact.version, step=artifact.step, edges=found[0], counts=found[1])
        return {"shows": "histogram", "histograms": [one]}
    if kind.startswith("image/"):
        width, height = picture_size(file.read(_HEAD_BYTES)) or (None, None)
        size: dict[str, Any] = {"width": width, "height": height}
        if artifact.size_bytes > _IMAGE_BYTES:
            note = f"{_picture(artifact, width, height)}: too large to be shown here; download it to see it"
            return {"note": note, **size}
        file.seek(0)
        data = base64.b64encode(file.read()).decode("ascii")
        return {"shows": "image", "image": f"data:{kind};base64,{data}", **size}
    if kind == "application/vnd.apache.parquet":
        return _parquet(file)
    if kind in ("text/csv", "text/tab-separated-values"):
        return _separated(file, "," if kind == "text/csv" else "\t")
    if kind == "application/x-ndjson":
        return _json_lines(file)
    from nbproof.tracking.artifacts import kind_of

    if artifact.kind in _READABLE or kind_of(kind) in _READABLE:
        return _text(file)
    return None


def picture_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, read from the head of a PNG, GIF, JPEG, WebP or BMP; None for others.

    Examples
    --------
    >>> picture_size(b"GIF89a" + bytes([64, 1, 240, 0]))
    (320, 240)
    """
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _two(">II", head, 16)
        if head.startswith((b"GIF87a", b"GIF89a")):
            return _two("<HH", head, 6)
        if head.startswith(b"BM"):
            width, height = _two("<ii", head, 18)
            return width, abs(height)  # one that is less than nothing stands on its head
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp_size(head)
        return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None
    except struct.error:  # it ends before
        return None


def _two(form: str, head: bytes, at: int) -> tuple[int, int]:
    one, other = struct.unpack_from(form, head, at)
    return one, other


def _webp_size(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8 ":
            width, height = _two("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(head) >= 30:
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Of the first frame; before it stand segments that tell their lengths."""
    at = 2
    while True:
        sign, kind, length = struct.unpack_from(">BBH", head, at)
        if sign != 0xFF:
            return None
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = _two(">HH", head, at + 5)
            return width, height
        at += 1 if kind == 0xFF else 2 + length


def _picture(one: Artifact | ArtifactPreview, width: int | None, height: int | None) -> str:
    pixels = f" of {width} × {height} pixels" if width and height else ""
    return f"a picture{pixels}, {size_text(one.size_bytes)}, {one.media_type}"


def _head(file: BinaryIO) -> tuple[str, bool]:
    """The beginning as text, and whether there is more."""
    head = file.read(_HEAD_BYTES + 1)
    more = len(head) > _HEAD_BYTES
    return head[:_HEAD_BYTES].decode("utf-8", "ignore" if more else "replace").removeprefix("\ufeff"), more


def _text(file: BinaryIO) -> dict[str, Any]:
    text, more = _head(file)
    return {
        "shows": "text",
        "text": text[:_TEXT_CHARACTERS],
        "truncated": more or len(text) > _TEXT_CHARACTERS,
    }


def _separated(file: BinaryIO, separator: str) -> dict[str, Any]:
    text, more = _head(file)
    if more:
        text = text[: text.rfind("\n") + 1] or text  # a row that was cut is no row
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    header = next(lines, [])[:_COLUMNS]
    rows = [[cell[:_CELL_CHARACTERS] for cell in row[:_COLUMNS]] for row in islice(lines, _ROWS)]
    rest = sum(1 for _ in lines)
    return {
        "shows": "table",
        "columns": [PreviewColumn(name=name[:_CELL_CHARACTERS], type="text") for name in header],
        "rows": rows,
        "row_count": None if more else len(rows) + rest,
        "truncated": more or rest > 0,
    }


def _json_lines(file: BinaryIO) -> dict[str, Any]:
    text, more = _head(file)
    lines = [line for line in text.splitlines() if line.strip()]
    if more and len(lines) > 1:
        lines.pop()
    found = [json.loads(line) for line in lines[:_ROWS]]
    rows = [each if isinstance(each, dict) else {"value": each} for each in found]
    names = list(dict.fromkeys(name for row in rows for name in row))[:_COLUMNS]
    return {
        "shows": "table",
        "columns": [PreviewColumn(name=name[:_CELL_CHARACTERS], type="json") for name in names],
        "rows": [[_cell(row.get(name)) for name in names] for row in rows],
        "row_count": None if more else len(lines),
        "truncated": more or len(lines) > len(rows),
    }


def _parquet(source: BinaryIO) -> dict[str, Any]:
    try:
        from pyarrow import ArrowInvalid, parquet  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return {"note": "to look into Parquet that log_table did not write, pyarrow must be installed here"}
    try:
        with parquet.ParquetFile(source) as file:
            names = file.schema_arrow.names[:_COLUMNS]
            batch = next(file.iter_batches(_ROWS, columns=names), None)
            rows = [] if batch is None else [[_cell(v) for v in row.values()] for row in batch.to_pylist()]
            columns = [
                PreviewColumn(name=name[:_CELL_CHARACTERS], type=str(file.schema_arrow.field(name).type))
                for name in names
            ]
            count = file.metadata.num_rows
    except ArrowInvalid as error:
        raise ValueError(str(error)[:200]) from None
    return {
        "shows": "table",
        "columns": columns,
        "rows": rows,
        "row_count": count,
        "truncated": count > len(rows),
    }


def _cell(value: Any) -> Any:
    """A cell as JSON holds it: long ones shortened, what JSON has no words for as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_CELL_CHARACTERS]
    return (json.dumps(value, default=str) if isinstance(value, dict | list) else str(value))[
        :_CELL_CHARACTERS
    ]


# -- for people ------------------------------------------------------------------------------------------


def preview_text(preview: ArtifactPreview) -> str:
    """A preview in plain text."""
    if preview.shows in ("text", "reference"):
        return (preview.text or "") + ("\n..." if preview.truncated else "")
    if preview.shows == "table":
        names = [column.name for column in preview.columns]
        cells = [names, *([_said(cell) for cell in row] for row in preview.rows)]
        widths = [min(max(map(len, column)), 30) for column in zip_longest(*cells, fillvalue="")]
        lines = [
            "  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
            for row in cells
        ]
        if preview.truncated:
            lines.append(f"... of {preview.row_count or 'more'} rows")
        return "\n".join(lines)
    if preview.shows == "histogram":
        last = preview.histograms[-1]
        top = max((float(count) for count in last.counts), default=0.0) or 1.0
        return "\n".join(
            f"{float(edge):>12.6g}  {'█' * round(30 * float(count) / top)} {float(count):g}"
            for edge, count in zip(last.edges, last.counts, strict=False)
        )
    if preview.shows == "image":
        return f"{_picture(preview, preview.width, preview.height)}; download it to see it"
    return preview.note or ""


def preview_html(preview: ArtifactPreview) -> str:
    """A preview in HTML, escaped."""
    if preview.shows == "table":
        head = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in preview.columns)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(_said(cell))}</td>' for cell in row)}</tr>" for row in preview.rows
        )
        more = (
            '<caption style="text-align:left;white-space:nowrap">'
            f"the first {len(preview.rows)} of {preview.row_count or 'more'} rows</caption>"
        )
        caption = more if preview.truncated else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    if preview.shows == "histogram":
        return _histogram_svg(preview.histograms[-1], preview.name)
    if preview.shows == "image" and preview.image:
        return f'<img alt="{escape(preview.name)}" style="max-width:100%" src="{escape(preview.image)}">'
    if preview.shows == "text" and preview.media_type == "text/markdown":
        from nbproof.tracking.markdown import markdown_html

        more = "<p>…</p>" if preview.truncated else ""
        return f"<div>{markdown_html(preview.text or '')}{more}</div>"
    return (
        '<pre style="font-family:var(--jp-code-font-family,monospace);'
        'font-size:var(--jp-code-font-size,13px)">'
        f"{escape(preview_text(preview))}</pre>"
    )


def _histogram_svg(histogram: Histogram, name: str) -> str:
    counts = [float(count) for count in histogram.counts]
    top = max((count for count in counts if math.isfinite(count)), default=0.0) or 1.0
    width = 480 / max(len(counts), 1)
    bars = "".join(
        f'<rect x="{at * width:.2f}" y="{120 - 120 * count / top:.2f}" width="{max(width - 1, 0.5):.2f}" '
        f'height="{120 * count / top:.2f}"><title>{float(low):g} to {float(high):g}: {count:g}</title></rect>'
        for at, (count, low, high) in enumerate(
            zip(counts, histogram.edges[:-1], histogram.edges[1:], strict=True)
        )
        if math.isfinite(count)
    )
    first, last = float(histogram.edges[0]), float(histogram.edges[-1])
    said = f"{escape(name)}: {len(counts)} bins from {first:g} to {last:g}"
    svg = (
        f'<svg role="img" aria-label="{said}" viewBox="0 0 480 120" width="480" height="120" '
        f'style="max-width:100%;fill:var(--jp-brand-color1,#1e88e5)">{bars}</svg>'
    )
    return f'<figure style="margin:0">{drawn(svg)}<figcaption>{said}</figcaption></figure>'


def _said(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
