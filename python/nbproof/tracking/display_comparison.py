"""How compared runs look in a cell and in a terminal.

Few runs stand in columns, as people compare them; many stand in rows, one below the other.  What differs is
shown, what does not is folded away; charts follow the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from nbproof.core.listing import size_text
from nbproof.plots.axis import numbers_only, spans_ratios
from nbproof.plots.figure import Figure, Frame, drawn
from nbproof.tracking.display import STYLE, number_text, short_value, status_html
from nbproof.tracking.domain import param_text
from nbproof.tracking.figures import (
    box_figure,
    differing_params,
    first_metric,
    line_figure,
    parallel_figure,
    scatter_figure,
)

if TYPE_CHECKING:
    from nbproof.tracking.models import ComparedValues, Comparison

__all__ = ["IN_COLUMNS", "comparison_html", "comparison_table", "comparison_text", "groups_of"]

IN_COLUMNS = 6
"""Runs that stand in columns; more stand in rows."""

_CHARTS = 6
_SMALL = Frame(width=380, height=220, left=54, right=12, top=26, bottom=36)
_MOST_CELLS = 40  # columns of a table that has runs in rows
_MOST_PATCH_LINES = 400

_COMPARE_STYLE = """<style>
.nbproof-card.nbproof-card.nbproof-card.nbproof-wide{max-width:none}
.nbproof-wide .nbproof-scroll{overflow-x:auto}
.nbproof-wide .nbproof-scroll table{white-space:nowrap}
.nbproof-card.nbproof-card.nbproof-card th .nbproof-name{font-size:1em}
.nbproof-wide .nbproof-scroll table th[scope=row]{position:sticky;left:0;\
background:var(--jp-layout-color0,Canvas)}
.nbproof-wide .nbproof-charts{display:flex;flex-wrap:wrap;gap:.5em 1em;margin:.4em 0}
.nbproof-wide pre.nbproof-patch{font-family:var(--jp-code-font-family,monospace);\
font-size:var(--jp-code-font-size,12px);line-height:1.45;overflow-x:auto;margin:.3em 0 .8em;\
padding:.5em .7em;\
border:1px solid var(--jp-border-color2,rgba(128,128,128,.3));color:var(--jp-ui-font-color1,inherit);\
background:var(--jp-layout-color1,transparent);white-space:pre}
.nbproof-wide pre .nbproof-plus{color:var(--jp-success-color1,#388e3c)}
.nbproof-wide pre .nbproof-minus{color:var(--jp-error-color1,#e53935)}
.nbproof-wide pre .nbproof-place{color:var(--jp-info-color1,#1e88e5)}
.nbproof-wide pre .nbproof-file{font-weight:600}
.nbproof-wide details{margin:.2em 0}
</style>"""


def groups_of(comparison: Comparison) -> list[tuple[str, list[ComparedValues]]]:
    """The kinds of values, in the order shown."""
    return [
        ("metrics", comparison.metrics),
        ("params", comparison.params),
        ("tags", comparison.tags),
        ("git", comparison.git),
        ("environment", comparison.environment),
        ("packages", comparison.packages),
    ]


def comparison_table(comparison: Comparison, *, differing: bool = True) -> list[list[str]]:
    """The rows that differ, or those that don't, as text; the first row names the columns.

    The best value of a metric has a star.
    """
    rows = [["status", *(run.status for run in comparison.runs)]] if differing else []
    for title, group in groups_of(comparison):
        rows += [[f"{title}.{row.key}", *_cells(row)] for row in group if row.differs == differing]
    table = [["", *comparison.labels(ids=True)], *rows]
    if len(comparison.runs) > IN_COLUMNS:
        table = [list(column) for column in zip(*table, strict=True)]
    return table


def comparison_text(comparison: Comparison) -> str:
    """Runs side by side in plain text."""
    table = comparison_table(comparison)
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    same = sum(not row.differs for _, group in groups_of(comparison) for row in group)
    same += comparison.same_packages
    if same:
        lines.append(f"({same} more are the same in all)")
    for difference in comparison.code_differences:
        lines.append(
            f"code of {_named(comparison, difference.runs)}: {_said(difference.patch, difference.missing)}"
        )
    return "\n".join(lines)


def comparison_html(comparison: Comparison) -> str:
    """Runs side by side in HTML: what differs, charts, code, and folded away what does not differ."""
    count = len(comparison.runs)
    star = ""
    if any(row.best is not None for row in comparison.metrics):
        star = ' <span class="nbproof-dim">★ best value: of scores the greatest, of losses the least</span>'
    parts = [
        f'{STYLE}{_COMPARE_STYLE}<div class="nbproof-card nbproof-wide">',
        f'<div class="nbproof-head"><span class="nbproof-name">Comparison of {count} runs</span>{star}</div>',
        _table_html(comparison),
        *_charts_html(comparison),
        *_figures_html(comparison),
        *_code_html(comparison),
        _same_html(comparison),
        "</div>",
    ]
    return "".join(parts)


# -- tables ------------------------------------------------------------------------------------------


def _table_html(comparison: Comparison) -> str:
    rows = [(title, row) for title, group in groups_of(comparison) for row in group if row.differs]
    if len(comparison.runs) <= IN_COLUMNS:
        heads = "".join(
            f'<th scope="col">{_run_html(comparison, place)}</th>' for place in range(len(comparison.runs))
        )
        body = "".join(f"<tr>{_name_html(title, row)}{_cells_html(row)}</tr>" for title, row in rows)
        span = len(comparison.runs) + 1
    else:
        shown = rows[:_MOST_CELLS]
        heads = "".join(_name_html(title, row, "col") for title, row in shown)
        body = "".join(
            f'<tr><th scope="row">{_run_html(comparison, place)}</th>'
            + "".join(_cell_html(row, place) for _, row in shown)
            + "</tr>"
            for place in range(len(comparison.runs))
        )
        span = len(shown) + 1
        if len(rows) > len(shown):
            body += f'<tr><td colspan="{span}">{len(rows) - len(shown)} more columns in .to_frame()</td></tr>'
    if not rows:
        body = f'<tr><td colspan="{span}">Nothing differs.</td></tr>'
    return (
        f'<div class="nbproof-scroll"><table><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _run_html(comparison: Comparison, place: int) -> str:
    run = comparison.runs[place]
    between = "<br>" if len(comparison.runs) <= IN_COLUMNS else " "
    label, digits = comparison.labels()[place], run.id[-6:]
    # Where name and parent are not enough, the label has the id already.
    told = "" if digits in label.removeprefix(run.name) else f" <code>{digits}</code>"
    return f'<span class="nbproof-name">{escape(label)}</span>{told}{between}{status_html(run.status)}'


def _name_html(title: str, row: ComparedValues, scope: str = "row") -> str:
    return f'<th scope="{scope}"><span class="nbproof-dim">{title}</span> {escape(row.key)}</th>'


def _cells_html(row: ComparedValues) -> str:
    return "".join(_cell_html(row, place) for place in range(len(row.values)))


def _cell_html(row: ComparedValues, place: int) -> str:
    best = ' class="nbproof-best"' if place == row.best else ""
    return f"<td{best}>{escape(_cells(row)[place])}</td>"


def _cells(row: ComparedValues) -> list[str]:
    cells = []
    for place, value in enumerate(row.values):
        if value is None:
            text = "—"
        elif row.key == "memory_bytes" and isinstance(value, int):
            text = size_text(value)
        elif isinstance(value, float):
            text = number_text(value)
        elif isinstance(value, str) and re.fullmatch("[0-9a-f]{40,64}", value):
            text = value[:12]  # a commit, a fingerprint
        else:
            text = short_value(param_text(value))
        cells.append(f"{text} ★" if place == row.best else text)
    return cells


def _same_html(comparison: Comparison) -> str:
    rows = [(title, row) for title, group in groups_of(comparison) for row in group if not row.differs]
    total = len(rows) + comparison.same_packages
    if not total:
        return ""
    body = "".join(
        f"<tr>{_name_html(title, row)}<td>{escape(_cells(row)[0])}</td></tr>" for title, row in rows
    )
    packages = f"<div>and {comparison.same_packages} packages</div>" if comparison.same_packages else ""
    table = f"<table><tbody>{body}</tbody></table>"
    return f"<details><summary>{total} the same in all</summary>{table}{packages}</details>"


# -- figures -----------------------------------------------------------------------------------------


def _charts_html(comparison: Comparison) -> Iterator[str]:
    charts = comparison.charts
    if not charts:
        return
    figures = [line_figure(comparison, chart.name, frame=_SMALL) for chart in charts[:_CHARTS]]
    widest = max(figures, key=lambda figure: len(figure.legend))
    rest = len(charts) - len(figures) + comparison.more_metrics
    more = f'<div class="nbproof-dim">{rest} more metrics: .line(name)</div>' if rest else ""
    yield f"<details open><summary>Charts</summary>{_grid(figures)}{widest.legend_html()}{more}</details>"


def _figures_html(comparison: Comparison) -> Iterator[str]:
    params, metric = differing_params(comparison), first_metric(comparison)
    if not params or metric is None or len(comparison.runs) < 3:
        return
    yield (
        f"<details><summary>Parallel coordinates to {escape(metric)}</summary>"
        f"{parallel_figure(comparison).html()}</details>"
    )
    figures = []
    for key in params[:_CHARTS]:
        values = next(row.values for row in comparison.params if row.key == key)
        if numbers_only(values):
            log = spans_ratios(values)
            figures.append(scatter_figure(comparison, key, metric, log_x=log, frame=_SMALL))
        else:
            figures.append(box_figure(comparison, key, metric, frame=_SMALL))
    yield f"<details><summary>{escape(metric)} by param</summary>{_grid(figures)}</details>"


def _grid(figures: Sequence[Figure]) -> str:
    cells = "".join(f"<div>{drawn(figure.svg)}</div>" for figure in figures)
    return f'<div class="nbproof-charts">{cells}</div>'


# -- code --------------------------------------------------------------------------------------------


def _code_html(comparison: Comparison) -> Iterator[str]:
    first = escape(comparison.labels()[0])
    for difference in comparison.code_differences:
        others = escape(_named(comparison, difference.runs))
        note = f'<div class="nbproof-dim">{escape(difference.missing)}</div>' if difference.missing else ""
        patch = _patch_html(difference.patch) if difference.patch else ""
        yield f"<details><summary>Code: from {first} to {others}</summary>{note}{patch}</details>"


def _patch_html(patch: str) -> str:
    lines = patch.splitlines()
    shown = []
    for line in lines[:_MOST_PATCH_LINES]:
        kind = (
            "file" if line.startswith(("diff --", "+++ ", "--- ", "# "))
            else "place" if line.startswith("@@")
            else "plus" if line.startswith("+")
            else "minus" if line.startswith("-")
            else ""
        )  # fmt: skip
        text = escape(short_value(line))
        shown.append(f'<span class="nbproof-{kind}">{text}</span>' if kind else text)
    if len(lines) > len(shown):
        shown.append(f"… {len(lines) - len(shown):,} more lines")
    return f'<pre class="nbproof-patch">{chr(10).join(shown)}</pre>'


def _named(comparison: Comparison, places: Sequence[int]) -> str:
    labels = comparison.labels()
    names = [labels[place] for place in places[:3]]
    return ", ".join(names) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def _said(patch: str | None, missing: str | None) -> str:
    if patch is None:
        return missing or "no difference that can be shown"
    lines = patch.splitlines()
    more = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    less = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{more} -{less} lines" + (f" ({missing})" if missing else "")
