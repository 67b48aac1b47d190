"""How runs look in a cell: text, and HTML that follows the theme around it.

Colours come from JupyterLab's ``--jp-*`` variables with a fallback that can be read on light and dark alike,
so the same output is right in JupyterLab, on GitHub and in an exported page.  Everything that a user may
have named is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from nbproof.core.clock import datetime_of, microseconds_of
from nbproof.core.listing import size_text
from nbproof.plots.sparkline import sparkline_svg, sparkline_text
from nbproof.tracking.domain import param_text

if TYPE_CHECKING:
    from nbproof.tracking.active import ActiveRun
    from nbproof.tracking.models import Leaderboard, Run

__all__ = [
    "STYLE",
    "MetricCard",
    "RunCard",
    "active_bundle",
    "card_html",
    "card_text",
    "children_text",
    "duration_text",
    "leaderboard_caption",
    "leaderboard_cells",
    "leaderboard_html",
    "leaderboard_text",
    "number_text",
    "run_card",
    "run_html",
    "run_text",
    "short_value",
    "spread_text",
    "status_html",
    "status_text",
]

_MANY = 40  # rows of params shown before the rest is folded away
_LONG = 200  # characters of one value
_NAMED = 10  # datasets of a run that are named
_KEYS = 6  # columns that tell the groups of a leaderboard apart

_SIGNS = {"running": "●", "finished": "✓", "failed": "✗", "interrupted": "!", "cancelled": "–"}
# The fallbacks have a contrast of at least 3 on white and on black.
_COLOURS = {
    "running": "var(--jp-brand-color1, #1e88e5)",
    "finished": "var(--jp-success-color1, #388e3c)",
    "failed": "var(--jp-error-color1, #e53935)",
    "interrupted": "var(--jp-warn-color1, #d56d00)",
    "cancelled": "var(--jp-ui-font-color2, #808080)",
}
# Three times the class, because JupyterLab's own rules for tables and code in an output are that specific.
_CARD = ".nbproof-card.nbproof-card.nbproof-card"
STYLE = f"""<style>
{_CARD}{{color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,sans-serif);\
font-size:var(--jp-ui-font-size1,13px);line-height:1.5;max-width:64em;padding:2px 0 6px}}
{_CARD} .nbproof-head{{display:flex;flex-wrap:wrap;gap:0 .75em;align-items:baseline;margin-bottom:.35em}}
{_CARD} .nbproof-name{{font-weight:600;font-size:1.1em;overflow-wrap:anywhere}}
{_CARD} thead .nbproof-name{{font-size:1em;color:var(--jp-ui-font-color1,inherit)}}
{_CARD} .nbproof-dim{{color:var(--jp-ui-font-color2,#808080)}}
{_CARD} code{{font-family:var(--jp-code-font-family,monospace);font-size:inherit;background:none;\
color:inherit;padding:0;border:0}}
{_CARD} .nbproof-parts{{display:flex;flex-wrap:wrap;gap:0 2.5em;align-items:flex-start}}
{_CARD} table{{border-collapse:collapse;margin:.25em 0 .6em;font-size:inherit;border:0;table-layout:auto;\
width:auto}}
{_CARD} caption{{text-align:left;color:var(--jp-ui-font-color2,#808080);padding:0 0 .2em;white-space:nowrap}}
{_CARD} tr,{_CARD} tbody tr:nth-child(n){{background:none;border:0}}
{_CARD} th,{_CARD} td{{text-align:left;padding:.15em 1.2em .15em 0;vertical-align:baseline;line-height:1.5;\
border:0;border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.3));background:none;\
font-weight:normal;overflow-wrap:anywhere;max-width:28em}}
{_CARD} th[scope]{{overflow-wrap:break-word}}
{_CARD} .nbproof-board{{overflow-x:auto}}
{_CARD} .nbproof-board td{{overflow-wrap:break-word}}
{_CARD} td.nbproof-number{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}
{_CARD} td svg{{color:var(--jp-brand-color1,#1e88e5)}}
{_CARD} td.nbproof-best{{font-weight:600}}
{_CARD} summary{{cursor:pointer;color:var(--jp-ui-font-color2,#808080)}}
{_CARD} .nbproof-notes{{margin:.25em 0;max-width:44em}}
{_CARD} .nbproof-notes :is(h1,h2,h3,h4,h5,h6){{font-size:1em;font-weight:600;margin:.6em 0 .2em}}
{_CARD} .nbproof-notes :is(p,ul,ol,pre,blockquote){{margin:.2em 0 .5em}}
{_CARD} .nbproof-notes :is(ul,ol){{padding-left:1.5em}}
</style>"""


@dataclass(frozen=True, slots=True)
class MetricCard:
    """What is shown of a metric."""

    name: str
    value: float
    step: int | None = None
    count: int | None = None
    min: float | None = None
    max: float | None = None
    recent: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class RunCard:
    """What is shown of a run, wherever it comes from."""

    id: str
    name: str
    experiment: str
    status: str
    started_us: int | None = None
    ended_us: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[MetricCard] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Sequence[tuple[str, int]] = ()
    notes: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    unacknowledged: int = 0

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        if self.started_us is None or self.ended_us is None:
            return None
        return (self.ended_us - self.started_us) / 1e6


def run_card(run: Run) -> RunCard:
    """The card of a recorded run."""
    known = run.known_metrics()
    metrics = [
        MetricCard(name, value, found.step, found.count, found.min, found.max, found.spark)
        if (found := known.get(name)) is not None
        else MetricCard(name, value)
        for name, value in run.metrics.items()
    ]
    facts = {}
    for how in ("read", "wrote"):
        if names := [each.name for each in run.datasets if each.how == how]:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            facts[how] = ", ".join(names[:_NAMED]) + more
    if run.git is not None and run.git.commit:
        dirty = " with changes" if run.git.dirty else ""
        facts["git"] = f"{run.git.commit[:10]}{f' ({run.git.branch})' if run.git.branch else ''}{dirty}"
    if run.source:
        facts["source"] = run.source
    if run.code:
        facts["code"] = run.code[:12]
    if run.user or run.host:
        facts["by"] = "@".join(part for part in (run.user, run.host) if part)
    if run.python:
        facts["python"] = run.python
    if run.environment_hash:
        facts["environment"] = run.environment_hash[:12]
    if run.redacted:
        facts["secrets blanked"] = str(run.redacted)
    if run.parent_id:
        facts["nested in"] = run.parent_id[-6:]
    if run.children:
        facts["children"] = children_text(run.children)
    if run.group:
        facts["group"] = run.group
    if run.cancel_requested and run.status == "running":
        facts["asked to stop"] = run.cancel_requested.isoformat(timespec="seconds")
    if run.deleted:
        facts["in the trash"] = f"since {run.deleted.isoformat(timespec='seconds')}"
    return RunCard(
        id=run.id,
        name=run.name,
        experiment=run.experiment,
        status=run.status,
        started_us=microseconds_of(run.started),
        ended_us=None if run.ended is None else microseconds_of(run.ended),
        params=run.params,
        metrics=metrics,
        tags=run.tags,
        artifacts=[(artifact.name, artifact.size_bytes) for artifact in run.artifacts],
        notes=run.notes,
        facts=facts,
    )


def children_text(statuses: Mapping[str, int]) -> str:
    """Nested runs by status, in words: ``12 (10 finished, 2 running)``; of one status ``12 finished``."""
    told = ", ".join(f"{count} {status}" for status, count in statuses.items())
    return told if len(statuses) < 2 else f"{sum(statuses.values())} ({told})"


def run_text(run: Run) -> str:
    """A run in plain text."""
    return card_text(run_card(run))


def run_html(run: Run) -> str:
    """A run in HTML."""
    return card_html(run_card(run))


def active_bundle(run: ActiveRun) -> dict[str, str]:
    """A live run where the notebook extension is not loaded: what the process itself knows of it."""
    card = RunCard(run.id, run.name, run.experiment, run.status, unacknowledged=run.unacknowledged)
    return {"text/plain": repr(run), "text/html": card_html(card)}


def card_text(card: RunCard) -> str:
    """A card in plain text."""
    head = (
        f"{_SIGNS.get(card.status, '?')} run {card.name} ({card.id[-6:]}) of {card.experiment}: {card.status}"
    )
    if (seconds := card.seconds) is not None:
        head += f", took {duration_text(seconds)}"
    lines = [head]
    if card.unacknowledged:
        lines.append(f"  {card.unacknowledged} log calls could not be recorded")
    lines += [f"  {line}".rstrip() for line in (card.notes or "").splitlines()]
    for title, rows in (
        ("metrics", [(metric.name, _metric_text(metric)) for metric in card.metrics]),
        ("params", [(key, short_value(param_text(value))) for key, value in card.params.items()]),
        ("tags", [(key, short_value(value)) for key, value in card.tags.items()]),
        ("artifacts", [(name, size_text(size)) for name, size in card.artifacts]),
        ("", list(card.facts.items())),
    ):
        if not rows:
            continue
        if title:
            lines.append(f"  {title}")
        width = min(max(len(key) for key, _ in rows), 40)
        shown = rows[:_MANY]
        lines += [f"    {key:<{width}}  {value}" for key, value in shown]
        if len(rows) > len(shown):
            lines.append(f"    ... and {len(rows) - len(shown)} more")
    return "\n".join(lines)


def card_html(card: RunCard) -> str:
    """A card in HTML, escaped."""
    parts = [STYLE, '<div class="nbproof-card">', _head(card)]
    if card.unacknowledged:
        parts.append(
            f'<div role="alert" style="color:{_COLOURS["failed"]}">'
            f"{card.unacknowledged} log calls could not be recorded</div>"
        )
    if card.notes:
        from nbproof.tracking.markdown import markdown_html

        parts.append(f'<div class="nbproof-notes">{markdown_html(card.notes)}</div>')
    parts.append(_metric_table(card.metrics))
    parts.append('<div class="nbproof-parts">')
    parts.append(_pairs("Params", [(key, param_text(value)) for key, value in card.params.items()]))
    parts.append(_pairs("Tags", list(card.tags.items())))
    parts.append(_pairs("Artifacts", [(name, size_text(size)) for name, size in card.artifacts]))
    parts.append("</div>")
    if card.facts:
        told = " · ".join(f"{escape(key)} <code>{escape(value)}</code>" for key, value in card.facts.items())
        parts.append(f'<div class="nbproof-dim">{told}</div>')
    return "".join([*parts, "</div>"])


def leaderboard_cells(board: Leaderboard, *, whole: bool = False) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of a leaderboard, as text.

    Of many keys those that most groups have, and mean and std in one column; `whole` for programs: every key,
    each number in a column of its own.
    """
    keyed = board.group_by if whole else _told_keys(board)
    titles = ["rank", *keyed, "n", *(["mean", "std"] if whole else ["mean ± std"]), "min", "max", "best run"]
    rows = []
    for group in board.groups:
        spread = [_or_dash(group.mean), _or_dash(group.std)]
        if not whole:
            spread = ["NaN in all" if group.mean is None else spread_text(group.mean, group.std)]
        cells = [*spread, _or_dash(group.min), _or_dash(group.max)]
        keys = [
            "—" if (key := group.keys.get(name)) is None else short_value(param_text(key)) for name in keyed
        ]
        best = "—" if group.best_run is None else f"{group.best_name} ({group.best_run[-6:]})"
        count = f"{group.n} (+{group.nan} NaN)" if group.nan else str(group.n)
        rows.append([str(group.rank), *keys, count, *cells, best])
    return titles, rows


def _or_dash(value: float | None) -> str:
    return "—" if value is None else number_text(value)


def _told_keys(board: Leaderboard) -> list[str]:
    missing = {name: sum(group.keys.get(name) is None for group in board.groups) for name in board.group_by}
    chosen = set(sorted(board.group_by, key=lambda name: missing[name])[:_KEYS])
    return [name for name in board.group_by if name in chosen]


def leaderboard_caption(board: Leaderboard) -> str:
    """What a leaderboard shows, in a line."""
    which = {"last": "value logged last", "min": "least value", "max": "greatest value", "best": "best value"}
    most = f"{len(board.groups)} of {board.total_groups} groups" if board.groups else "no groups"
    order = "the least first" if board.less_is_better else "the greatest first"
    spread = "; one run has no std" if any(group.n == 1 for group in board.groups) else ""
    return (
        f"{board.metric} ({which[board.value]}): {most}, {board.total_runs} runs; by mean, {order}; "
        f"std of the sample{spread}"
    )


def leaderboard_text(board: Leaderboard) -> str:
    """A leaderboard in plain text."""
    titles, rows = leaderboard_cells(board)
    more = _more_keys(board)
    table = [titles, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(titles))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return "\n".join([leaderboard_caption(board), *lines, *([more] if more else [])])


def _more_keys(board: Leaderboard) -> str:
    rest = len(board.group_by) - _KEYS
    return f"{rest} more columns tell them apart: .to_frame()" if rest > 0 else ""


def leaderboard_html(board: Leaderboard) -> str:
    """A leaderboard in HTML, escaped."""
    titles, rows = leaderboard_cells(board)
    numbers = range(len(titles) - 5, len(titles) - 1)

    def cell(place: int, text: str) -> str:
        number = ' class="nbproof-number"' if place in numbers or place == 0 else ""
        return f"<td{number}>{escape(text)}</td>"

    # A narrow cell breaks a name at its dots, not within a word.
    heads = "".join(f'<th scope="col">{escape(title).replace(".", ".<wbr>")}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(cell(at, text) for at, text in enumerate(row))}</tr>" for row in rows)
    return (
        f'{STYLE}<div class="nbproof-card"><div class="nbproof-board"><table><caption class="nbproof-dim">'
        f"{escape(leaderboard_caption(board))}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<div class="nbproof-dim">{_more_keys(board)}</div></div>'
    )


# -- words for numbers ------------------------------------------------------------------------------


def number_text(value: float) -> str:
    """A metric's value as people read it: six digits, NaN, ∞.

    Examples
    --------
    >>> [number_text(value) for value in (0.123456789, 1e-9, 3.0, float("-inf"))]
    ['0.123457', '1e-09', '3', '-∞']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.6g}"


def spread_text(mean: float, std: float | None) -> str:
    """A mean and its spread: the spread to two digits, the mean to the same place; without one the mean.

    Examples
    --------
    >>> [spread_text(*each) for each in ((0.851234, 0.0123), (1234.5, 56.78), (0.5, None), (0.5, 0.0))]
    ['0.851 ± 0.012', '1234 ± 57', '0.5', '0.5 ± 0']
    >>> [spread_text(*each) for each in ((2.345e-7, 1.2e-9), (6.54321e9, 1.2e7), (0.5, 1e-12), (0.0, 0.0996))]
    ['(2.345 ± 0.012)e-07', '(6.543 ± 0.012)e+09', '0.5 ± 1.0e-12', '0.00 ± 0.10']
    """
    if std is None or not (math.isfinite(mean) and math.isfinite(std)):
        return number_text(mean)
    if std == 0:
        return f"{number_text(mean)} ± 0"
    last = int(f"{std:.1e}".partition("e")[2]) - 1  # the place of the spread's second digit, of tens
    first = int(f"{max(abs(mean), std):.1e}".partition("e")[2])
    if first - last > 9:
        return f"{number_text(mean)} ± {std:.1e}"
    if -5 < first < 6:
        digits = max(-last, 0)
        shown = [f"{round(each, -last):.{digits}f}" for each in (mean, std)]
        return f"{shown[0]} ± {shown[1]}"
    digits = first - last
    shown = [f"{Decimal(each).scaleb(-first):.{digits}f}" for each in (mean, std)]
    return f"({shown[0]} ± {shown[1]})e{first:+03d}"


def duration_text(seconds: float) -> str:
    """How long, in at most two units.

    Examples
    --------
    >>> [duration_text(seconds) for seconds in (0.0123, 4.24, 61, 3720, 90_000)]
    ['12 ms', '4.2 s', '1 min 1 s', '1 h 2 min', '1 d 1 h']
    """
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{round(seconds)} s"
    whole = round(seconds)
    for unit, below, size, small in (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86400, 3600)):
        if unit == "d" or whole < size * (60 if unit == "min" else 24):
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    raise AssertionError  # days have no upper end


def status_text(status: str) -> str:
    """A status with its sign.

    Examples
    --------
    >>> status_text("finished")
    '✓ finished'
    """
    return f"{_SIGNS.get(status, '?')} {status}"


# -- pieces -----------------------------------------------------------------------------------------


def _head(card: RunCard) -> str:
    when = ""
    if card.started_us is not None:
        started = datetime_of(card.started_us)
        when = f'<time class="nbproof-dim" datetime="{started.isoformat()}">{_day(started)}</time>'
        if (seconds := card.seconds) is not None:
            when += f' <span class="nbproof-dim">took {duration_text(seconds)}</span>'
    return (
        f'<div class="nbproof-head"><span class="nbproof-name">{escape(card.name)}</span> '
        f'<code class="nbproof-dim" title="{escape(card.id)}">{escape(card.id[-6:])}</code> '
        f'<span class="nbproof-dim">{escape(card.experiment)}</span> {status_html(card.status)} {when}</div>'
    )


def status_html(status: str) -> str:
    """A status with its sign, in its colour."""
    colour = _COLOURS.get(status, _COLOURS["cancelled"])
    sign = f'<span aria-hidden="true">{_SIGNS.get(status, "?")}</span>'
    return f'<span style="color:{colour};white-space:nowrap">{sign} {escape(status)}</span>'


def _metric_table(metrics: Sequence[MetricCard]) -> str:
    if not metrics:
        return ""
    rows = []
    for metric in metrics:
        spark = ""
        if len(metric.recent) > 1:
            said = f"{metric.name}: {len(metric.recent)} values, last {number_text(metric.recent[-1])}"
            spark = sparkline_svg(metric.recent, label=said)
        step = "" if metric.step is None else f"step {metric.step}"
        rows.append(
            f'<tr><th scope="row">{escape(metric.name)}</th>'
            f'<td class="nbproof-number"><strong>{number_text(metric.value)}</strong></td>'
            f'<td class="nbproof-dim">{step}</td><td>{spark}</td></tr>'
        )
    return _folded("Metrics", rows)


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    return _folded(
        title,
        [
            f'<tr><th scope="row">{escape(key)}</th><td><code>{escape(short_value(value))}</code></td></tr>'
            for key, value in pairs
        ],
    )


def _folded(title: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    table = f"<table><caption>{title}</caption><tbody>{''.join(rows[:_MANY])}</tbody></table>"
    rest = rows[_MANY:]
    if rest:
        more = f"<table><tbody>{''.join(rest)}</tbody></table>"
        table += f"<details><summary>{len(rest)} more</summary>{more}</details>"
    return f"<div>{table}</div>"


def _metric_text(metric: MetricCard) -> str:
    text = f"{number_text(metric.value):>12}"
    if metric.step is not None:
        text += f"  step {metric.step}"
    if len(metric.recent) > 1:
        text += f"  {sparkline_text(metric.recent, 32)}"
    return text


def short_value(text: str) -> str:
    """Text cut where it is too long for a table."""
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _day(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
