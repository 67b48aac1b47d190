"""How reports of moving runs look: text, and HTML that follows the theme around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from nbproof.core.listing import size_text

if TYPE_CHECKING:
    from nbproof.tracking.transfer.models import ExportReport, ImportReport, NotTaken

__all__ = ["export_html", "export_text", "import_html", "import_text"]

_MOST_RUNS = 20
_MOST_NOTES = 20


def export_text(report: ExportReport) -> str:
    """What a file of runs holds."""
    lines = [f"{report.path}: {size_text(report.size_bytes)}", _counts(report.taken)]
    return "\n".join([*lines, *_left_out(report.not_taken)])


def import_text(report: ImportReport) -> str:
    """What was taken and what was not."""
    head = f"{report.path} ({report.format}): {_outcomes(report)}"
    lines = [head, _counts(report.taken) + (", if it were no dry run" if report.dry_run else "")]
    for run in [run for run in report.runs if run.outcome == "differs"][:_MOST_RUNS]:
        lines.append(f"  differs: {run.name} ({run.id[-6:]}): {'; '.join(run.differences[:3])}")
    lines += [f"  note: {note}" for note in report.notes[:_MOST_NOTES]]
    return "\n".join([*lines, *_left_out(report.not_taken)])


def export_html(report: ExportReport) -> str:
    """What a file of runs holds."""
    return _card(
        f"<code>{escape(report.path)}</code>",
        size_text(report.size_bytes),
        report.taken,
        (),
        report.not_taken,
    )


def import_html(report: ImportReport) -> str:
    """What was taken and what was not."""
    rows = [
        (f"differs: {run.name} ({run.id[-6:]})", "; ".join(run.differences[:3]))
        for run in report.runs
        if run.outcome == "differs"
    ][:_MOST_RUNS]
    rows += [("note", note) for note in report.notes[:_MOST_NOTES]]
    told = f"{report.format}; {_outcomes(report)}" + (
        "; dry run: nothing was recorded" if report.dry_run else ""
    )
    return _card(f"<code>{escape(report.path)}</code>", told, report.taken, rows, report.not_taken)


def _card(
    head: str,
    told: str,
    taken: Mapping[str, int],
    rows: Sequence[tuple[str, str]],
    left_out: Sequence[NotTaken],
) -> str:
    from nbproof.tracking.display import STYLE

    counts = "".join(
        f"<tr><th scope=row>{escape(what)}</th><td class=nbproof-number>{number:,}</td></tr>"
        for what, number in taken.items()
    )
    remarks = "".join(f"<tr><th scope=row>{escape(one)}</th><td>{escape(two)}</td></tr>" for one, two in rows)
    left = "".join(
        f"<tr><th scope=row>{escape(each.kind)}</th><td class=nbproof-number>{each.count:,}</td>"
        f"<td>{escape(each.reason)}</td><td class=nbproof-dim>{escape(_names(each))}</td></tr>"
        for each in left_out
    )
    parts = [f"<table><caption>Taken</caption><tbody>{counts}</tbody></table>"]
    if left:
        parts.append(f"<table><caption>Not taken</caption><tbody>{left}</tbody></table>")
    if remarks:
        parts.append(f"<table><caption>Remarks</caption><tbody>{remarks}</tbody></table>")
    return (
        f"{STYLE}<div class=nbproof-card><div class=nbproof-head>"
        f"<span class=nbproof-name>{head}</span><span class=nbproof-dim>{escape(told)}</span></div>"
        f"<div class=nbproof-parts>{''.join(parts)}</div></div>"
    )


def _outcomes(report: ImportReport) -> str:
    return ", ".join(f"{number:,} {outcome}" for outcome, number in report.outcomes.items()) or "no runs"


def _counts(taken: Mapping[str, int]) -> str:
    return "  taken: " + ", ".join(f"{number:,} {what}" for what, number in taken.items())


def _left_out(left_out: Sequence[NotTaken]) -> list[str]:
    return [f"  not taken: {each.count:,} {each.kind}: {each.reason} ({_names(each)})" for each in left_out]


def _names(each: NotTaken) -> str:
    more = each.count - len(each.names)
    return ", ".join(each.names) + (f" and {more:,} more" if more > 0 else "")
