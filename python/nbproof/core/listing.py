"""How a list of things looks: a table in HTML that follows the theme around it, or in plain text.

Standard library only, because every room's lists are shown by it.  Cells are plain values that a user may
have named, so everything is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

__all__ = ["listing_html", "listing_text"]

Row = Mapping[str, object]

_LONG = 120  # characters of one cell
_NOTHING = "nothing found"
# Three times the class, because JupyterLab's own rules for tables in an output are that specific.  The
# fallbacks of the colours can be read on white and on black.
_TABLE = ".nbproof-listing.nbproof-listing.nbproof-listing"
_STYLE = f"""<style>
{_TABLE}{{color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,sans-serif);\
font-size:var(--jp-ui-font-size1,13px);line-height:1.5;padding:2px 0 6px}}
{_TABLE} table{{border-collapse:collapse;margin:0;font-size:inherit;border:0;table-layout:auto;width:auto}}
{_TABLE} tr,{_TABLE} tbody tr:nth-child(n){{background:none;border:0}}
{_TABLE} th,{_TABLE} td{{text-align:left;padding:.15em 1.2em .15em 0;vertical-align:baseline;border:0;\
border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.3));background:none;overflow-wrap:anywhere;\
max-width:28em;font-weight:normal}}
{_TABLE} thead th,{_TABLE} .nbproof-more{{color:var(--jp-ui-font-color2,#808080)}}
{_TABLE} tbody th{{font-weight:600}}
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
    titles = _titles(rows)
    parts = [_STYLE, '<div class="nbproof-listing">']
    if titles:
        numeric = {title for title in titles if _is_numeric(rows, title)}
        kinds = {title: ' class="nbproof-number"' if title in numeric else "" for title in titles}
        heads = "".join(f'<th scope="col"{kinds[title]}>{escape(title)}</th>' for title in titles)
        parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>")
        for row in rows:
            name, *values = (escape(_text(row.get(title))) for title in titles)
            cells = "".join(
                f"<td{kinds[title]}>{value}</td>" for title, value in zip(titles[1:], values, strict=True)
            )
            parts.append(f'<tr><th scope="row"{kinds[titles[0]]}>{name}</th>{cells}</tr>')
        parts.append("</tbody></table>")
    else:
        parts.append(f'<div class="nbproof-more">{_NOTHING}</div>')
    if more:
        parts.append(f'<div class="nbproof-more">{escape(more)}</div>')
    return "".join([*parts, "</div>"])


def listing_text(rows: Sequence[Row], *, more: str | None = None) -> str:
    """The same in plain text.

    Examples
    --------
    >>> print(listing_text([{"name": "churn", "runs": 12}, {"name": "digits", "runs": 3}]))
    name    runs
    churn     12
    digits     3
    """
    titles = _titles(rows)
    lines = [_NOTHING]
    if titles:
        cells = [list(titles), *([_text(row.get(title)) for title in titles] for row in rows)]
        widths = [max(len(line[place]) for line in cells) for place in range(len(titles))]
        right = [_is_numeric(rows, title) for title in titles]
        lines = [
            "  ".join(
                cell.rjust(width) if aligned else cell.ljust(width)
                for cell, width, aligned in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in cells
        ]
    return "\n".join([*lines, more] if more else lines)


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
    text = " ".join(str(value).split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
