"""How a list of things looks, and a thing by itself: tables in HTML that follow the theme around them, or
plain text.

Standard library only, because every room's lists are shown by it.  Cells are plain values that a user may
have named, so everything is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

__all__ = [
    "STYLE",
    "count_text",
    "facts_html",
    "facts_text",
    "listing_html",
    "listing_text",
    "size_text",
    "some_of",
]

Row = Mapping[str, object]

_LONG = 120  # characters of one cell
_MANY = 200  # rows of one table
_NOTHING = "nothing found"
# Three times the class, because JupyterLab's own rules for tables in an output are that specific.  The
# fallbacks of the colours can be read on white and on black.
_TABLE = ".nbproof-listing.nbproof-listing.nbproof-listing"
STYLE = f"""<style>
{_TABLE}{{color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,sans-serif);\
font-size:var(--jp-ui-font-size1,13px);line-height:1.5;padding:2px 0 6px}}
{_TABLE} table{{border-collapse:collapse;margin:0;font-size:inherit;border:0;table-layout:auto;width:auto}}
{_TABLE} tr,{_TABLE} tbody tr:nth-child(n){{background:none;border:0}}
{_TABLE} th,{_TABLE} td{{text-align:left;padding:.15em 1.2em .15em 0;vertical-align:baseline;border:0;\
border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.3));background:none;overflow-wrap:anywhere;\
max-width:28em;font-weight:normal}}
{_TABLE} thead th,{_TABLE} .nbproof-facts th,{_TABLE} .nbproof-more{{color:\
var(--jp-ui-font-color2,#808080)}}
{_TABLE} tbody th{{font-weight:600}}
{_TABLE} .nbproof-facts th{{font-weight:normal}}
{_TABLE} table+table,{_TABLE} table+.nbproof-more,{_TABLE} .nbproof-more+table{{margin-top:.5em}}
{_TABLE} .nbproof-number{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}
</style>"""


def listing_html(rows: Sequence[Row], *, more: str | None = None) -> str:
    """A table in HTML; the first column names the rows, a column that no row fills is left out.

    Parameters
    ----------
    rows : sequence of mappings
        Each row's values by the title of their column.
    more : str, optional
        A sentence below: how to get the rest.
    """
    return _framed(_table_html(rows), _sentence_html(more))


def listing_text(rows: Sequence[Row], *, more: str | None = None) -> str:
    """The same in plain text.

    Examples
    --------
    >>> print(listing_text([{"name": "churn", "runs": 12}, {"name": "digits", "runs": 3}]))
    name    runs
    churn     12
    digits     3
    """
    lines = _table_text(rows)
    return "\n".join([*lines, more] if more else lines)


def facts_html(facts: Mapping[str, object]) -> str:
    """One thing in HTML: its values by their titles; a list of rows among them is a table below.

    Parameters
    ----------
    facts : mapping
        Plain values, mappings, or sequences of mappings, by title.
    """
    alone, tables = _apart(facts)
    parts = []
    if alone:
        body = "".join(
            f'<tr><th scope="row">{escape(title)}</th><td>{escape(_text(value))}</td></tr>'
            for title, value in alone.items()
        )
        parts.append(f'<table class="nbproof-facts"><tbody>{body}</tbody></table>')
    for title, rows in tables.items():
        parts += [_sentence_html(title), _table_html(rows)]
    return _framed(*(parts or [_sentence_html(_NOTHING)]))


def facts_text(facts: Mapping[str, object]) -> str:
    """The same in plain text.

    Examples
    --------
    >>> print(facts_text({"name": "churn", "tags": {"team": "growth"}, "runs": [{"run": "a", "auc": 0.9}]}))
    name  churn
    tags  team growth
    runs
      run  auc
      a    0.9
    """
    alone, tables = _apart(facts)
    width = max(map(len, alone), default=0)
    lines = [f"{title:<{width}}  {_text(value)}".rstrip() for title, value in alone.items()]
    for title, rows in tables.items():
        lines += [title, *(f"  {line}" for line in _table_text(rows))]
    return "\n".join(lines or [_NOTHING])


def count_text(count: int, what: str, many: str | None = None) -> str:
    """So many of something; `many` is its plural, where that is not made with an s.

    Examples
    --------
    >>> count_text(1, "row"), count_text(2500, "row"), count_text(0, "stretch", "stretches")
    ('1 row', '2,500 rows', '0 stretches')
    """
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"


def some_of(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> some_of(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def size_text(size_bytes: int) -> str:
    """A number of bytes.

    Examples
    --------
    >>> [size_text(size) for size in (5, 1500, 5_000_000)]
    ['5 B', '1.5 kB', '5.0 MB']
    """
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


# -- pieces ---------------------------------------------------------------------------------------


def _apart(facts: Mapping[str, object]) -> tuple[dict[str, object], dict[str, Sequence[Row]]]:
    """What stands in a line of its own, and what is a table."""
    alone: dict[str, object] = {}
    tables: dict[str, Sequence[Row]] = {}
    for title, value in facts.items():
        if isinstance(value, (list, tuple)) and value and all(isinstance(each, Mapping) for each in value):
            tables[title] = value
        elif value is not None and value != "" and value != [] and value != {}:
            alone[title] = value
    return alone, tables


def _framed(*parts: str) -> str:
    return f'{STYLE}<div class="nbproof-listing">{"".join(parts)}</div>'


def _sentence_html(sentence: str | None) -> str:
    return f'<div class="nbproof-more">{escape(sentence)}</div>' if sentence else ""


def _table_html(rows: Sequence[Row]) -> str:
    titles = _titles(rows)
    if not titles:
        return _sentence_html(_NOTHING)
    numeric = {title for title in titles if _is_numeric(rows, title)}
    kinds = {title: ' class="nbproof-number"' if title in numeric else "" for title in titles}
    heads = "".join(f'<th scope="col"{kinds[title]}>{escape(title)}</th>' for title in titles)
    parts = [f"<table><thead><tr>{heads}</tr></thead><tbody>"]
    for row in rows[:_MANY]:
        name, *values = (escape(_text(row.get(title))) for title in titles)
        cells = "".join(
            f"<td{kinds[title]}>{value}</td>" for title, value in zip(titles[1:], values, strict=True)
        )
        parts.append(f'<tr><th scope="row"{kinds[titles[0]]}>{name}</th>{cells}</tr>')
    return "".join([*parts, "</tbody></table>", _sentence_html(_left_out(rows))])


def _table_text(rows: Sequence[Row]) -> list[str]:
    titles = _titles(rows)
    if not titles:
        return [_NOTHING]
    cells = [list(titles), *([_text(row.get(title)) for title in titles] for row in rows[:_MANY])]
    widths = [max(len(line[place]) for line in cells) for place in range(len(titles))]
    right = [_is_numeric(rows, title) for title in titles]
    lines = [
        "  ".join(
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    ]
    left_out = _left_out(rows)
    return [*lines, left_out] if left_out else lines


def _left_out(rows: Sequence[Row]) -> str | None:
    return f"... and {len(rows) - _MANY:,} more" if len(rows) > _MANY else None


def _titles(rows: Sequence[Row]) -> list[str]:
    filled = dict.fromkeys(
        title for row in rows for title, value in row.items() if value is not None and value != ""
    )
    # In the order in which a row names them: the first row may lack what the second has.
    order = dict.fromkeys(title for row in rows for title in row)
    return [title for title in order if title in filled]


def _is_numeric(rows: Sequence[Row], title: str) -> bool:
    found = [row.get(title) for row in rows if row.get(title) is not None]
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in found)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        return "NaN" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{key} {_text(each)}" for key, each in value.items()))
    if isinstance(value, (list, tuple)):
        return _cut(", ".join(map(_text, value)))
    return _cut(str(value))


def _cut(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
