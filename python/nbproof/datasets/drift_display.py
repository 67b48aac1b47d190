"""How drift looks in a cell, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from nbproof.core.ids import short
from nbproof.core.listing import STYLE, count_text, listing_text, some_of
from nbproof.plots.figure import DIM, TEXT, colour_of, drawn, shortened

if TYPE_CHECKING:
    from nbproof.datasets.drift_models import ColumnDriftView, DriftReport

__all__ = ["SIGNS", "bars_svg", "drift_html", "drift_text", "severity_html"]

SIGNS = {"none": "○", "low": "◔", "medium": "◑", "high": "◕", "critical": "●"}
# The fallbacks have a contrast of at least 3 on white and on black.
_COLOURS = {
    "none": "var(--jp-success-color1,#388e3c)",
    "low": "var(--jp-info-color1,#1e88e5)",
    "medium": "var(--jp-warn-color1,#d56d00)",
    "high": "var(--jp-error-color1,#e53935)",
    "critical": "var(--jp-error-color1,#e53935)",
}
_MOST = 30  # drifted columns that are shown
_WIDTH, _HEIGHT = 132, 34


def severity_html(severity: str) -> str:
    """A sign and the word for how bad it is: never by colour alone."""
    return (
        f'<span style="white-space:nowrap"><span aria-hidden="true" style="color:{_COLOURS[severity]}">'
        f"{SIGNS[severity]}</span> {severity}</span>"
    )


def drift_text(report: DriftReport) -> str:
    """The report in words."""
    severity = "" if report.severity == "none" else f"{report.severity}: "
    lines = [
        f"{SIGNS[report.severity]} {severity}{report.sentence}",
        f"  {report.reference} ({count_text(report.reference_rows, 'row')}) → {report.current} "
        f"({count_text(report.current_rows, 'row')}), {_how(report)}; report {short(report.id)}",
    ]
    if drifted := report.drifted:
        table = listing_text(
            [
                {
                    "severity": f"{SIGNS[each.severity]} {each.severity}",
                    "what": _cut(each.sentence),
                    "do": each.action,
                }
                for each in drifted[:_MOST]
            ]
        )
        lines += [f"  {line}" for line in table.split("\n")]
        if len(drifted) > _MOST:
            lines.append(f"  and {len(drifted) - _MOST:,} more columns")
    if report.together is not None and report.together.severity != "none":
        lines.append(f"  together: {report.together.sentence}")
    return "\n".join(lines + [f"  {each}" for each in _notes(report)])


def drift_html(report: DriftReport) -> str:
    """A sentence, and a row for each column that drifted: how bad, the two distributions, what to do."""
    parts = [
        f"<div>{severity_html(report.severity)} <b>{escape(report.sentence)}</b></div>",
        f'<div class="nbproof-more">{escape(report.reference)} '
        f"({count_text(report.reference_rows, 'row')}) → {escape(report.current)} "
        f"({count_text(report.current_rows, 'row')}), {_how(report)}; report {short(report.id)}</div>",
    ]
    if drifted := report.drifted:
        rows = "".join(_row(each) for each in drifted[:_MOST])
        parts.append(
            '<table><thead><tr><th scope="col">column</th><th scope="col">severity</th>'
            f'<th scope="col">{_key()}</th><th scope="col">what</th><th scope="col">what to do</th></tr>'
            f"</thead><tbody>{rows}</tbody></table>"
        )
        if len(drifted) > _MOST:
            parts.append(f'<div class="nbproof-more">and {len(drifted) - _MOST:,} more columns</div>')
    if report.together is not None and report.together.severity != "none":
        parts.append(
            f"<div>{severity_html(report.together.severity)} together: "
            f"{escape(report.together.sentence)} {escape(report.together.action)}</div>"
        )
    parts += [f'<div class="nbproof-more">{escape(each)}</div>' for each in _notes(report)]
    return f'{STYLE}<div class="nbproof-listing nbproof-drift">{"".join(parts)}</div>'


def bars_svg(column: ColumnDriftView) -> str:
    """Two histograms, one over the other: the reference filled, the current one outlined."""
    one, other = column.reference_bars, column.current_bars
    most = max([*one, *other], default=0.0)
    if not most or len(one) != len(other):
        return ""
    step = _WIDTH / len(one)
    said = escape(f"{column.name}: {column.sentence}", quote=True)
    filled = "".join(
        f'<rect x="{place * step:.1f}" y="{_HEIGHT - 1 - (_HEIGHT - 3) * share / most:.1f}" '
        f'width="{max(step - 0.5, 0.5):.1f}" height="{(_HEIGHT - 3) * share / most:.1f}"/>'
        for place, share in enumerate(one)
        if share > 0
    )
    line = _outline(other, most, step)
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{said}"><g fill="{colour_of(8)}" fill-opacity=".55">{filled}</g>'
        f'<path d="{line}" fill="none" stroke="{colour_of(1)}" stroke-width="1.5"/></svg>'
    )


def _outline(shares: Sequence[float], most: float, step: float) -> str:
    points = [f"M0 {_HEIGHT - 1}"]
    for place, share in enumerate(shares):
        y = _HEIGHT - 1 - (_HEIGHT - 3) * share / most
        points.append(f"L{place * step:.1f} {y:.1f}L{(place + 1) * step - 0.5:.1f} {y:.1f}")
    return "".join([*points, f"L{_WIDTH} {_HEIGHT - 1}"])


def _key() -> str:
    return (
        f'<span style="color:{colour_of(8)}">■</span> before <span style="color:{colour_of(1)}">□</span> now'
    )


def _row(column: ColumnDriftView) -> str:
    picture = bars_svg(column)
    more = "".join(
        f'<div style="color:{DIM}">{escape(_own(each.sentence, column.name))}</div>'
        for each in column.findings[1:3]
    )
    return (
        f'<tr><th scope="row">{escape(shortened(column.name, 60))}</th>'
        f"<td>{severity_html(column.severity)}</td>"
        f"<td>{drawn(picture) if picture else ''}</td>"
        f'<td style="color:{TEXT}">{escape(_own(column.sentence, column.name))}{more}</td>'
        f"<td>{escape(column.action)}</td></tr>"
    )


def _own(sentence: str, name: str) -> str:
    """Without the column's name, which stands at the row's head."""
    return sentence.removeprefix(f"{name}: ")


def _cut(sentence: str) -> str:
    return shortened(sentence, 110)


def _how(report: DriftReport) -> str:
    if report.exact:
        return "all data read"
    stored = "@v" in report.reference and "@v" in report.current
    return "from stored profiles" if stored else "from their profiles"


def _notes(report: DriftReport) -> list[str]:
    few = [each.name for each in report.columns if each.too_few_rows and not each.drifted]
    if not few or len(few) == len(report.columns):
        return []
    return [f"too few rows to tell: {some_of(few)}"]
