"""How answers look in a terminal: tables by rich, plain and complete where stdout is no terminal.

A view without a picture of its own here is shown by its fields, so a new operation needs nothing.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nbproof.cli.session import Session
from nbproof.core.ids import is_id, short
from nbproof.core.listing import count_text, size_text
from nbproof.core.operation import Operation, Page, View
from nbproof.datasets.diff_models import DatasetDiff
from nbproof.datasets.drift_models import DriftReport
from nbproof.datasets.leakage import LeakageReport
from nbproof.datasets.models import Dataset, DatasetVersion
from nbproof.lineage.models import LineageGraph
from nbproof.platform.maintenance import GarbageReport
from nbproof.plots.sparkline import sparkline_text
from nbproof.tracking.display import (
    children_text,
    duration_text,
    leaderboard_caption,
    leaderboard_cells,
    number_text,
    short_value,
    spread_text,
)
from nbproof.tracking.display_comparison import IN_COLUMNS, groups_of
from nbproof.tracking.display_environment import environment_facts_text
from nbproof.tracking.domain import param_text
from nbproof.tracking.models import (
    Artifact,
    ArtifactPreview,
    ComparedValues,
    Comparison,
    Environment,
    Experiment,
    Leaderboard,
    Metric,
    MetricHistory,
    MetricLines,
    Run,
)
from nbproof.tracking.trash_models import Children, ParamHistory, Purged, TouchedRuns

__all__ = ["Printer", "relative", "show"]

# What could move the cursor or colour the screen has no place in a name or a value.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STYLES = {
    "running": "blue",
    "finished": "green",
    "done": "green",
    "failed": "red",
    "interrupted": "yellow",
    "cancelled": "bright_black",
}
_ROWS_ON_SCREEN = 20


def show(session: Session, operation: Operation, answer: Any, asked: Mapping[str, Any]) -> None:
    """Print an answer to what was asked."""
    printer = Printer(in_notebook=session.in_notebook)
    if operation.name == "datasets.delete":
        versions = [each.name for each in answer.items]
        some = f" and {len(versions) - 3:,} more" if len(versions) > 3 else ""
        printer.line(f"deleted: {', '.join(versions[:3])}{some}; nbproof gc frees the space")
    elif isinstance(answer, Page):
        _page(printer, answer)
        if not answer.items and not printer.for_people:
            session.note("nothing found")  # beside the records, of which there are none
        if answer.next:
            session.note(f"more: repeat it with --after {answer.next}")
    elif isinstance(answer, MetricHistory):
        _history(printer, answer)
        if answer.next:
            session.note(f"more: repeat it with --after {answer.next}")
    elif isinstance(answer, MetricLines):
        _lines(printer, answer)
    elif isinstance(answer, Run):
        # Those of the system are shown by `runs metrics`; a run that was never logged to has none to ask for.
        every = session.ask("runs.metrics", id=answer.id).items if answer.metrics else []
        _run(printer, answer, [metric for metric in every if metric.name in answer.metrics])
    elif isinstance(answer, Comparison):
        _comparison(printer, answer)
    elif isinstance(answer, Children):
        _children(printer, answer)
    elif isinstance(answer, ParamHistory):
        _param_history(printer, answer)
    elif isinstance(answer, TouchedRuns):
        _touched(printer, operation, answer)
    elif isinstance(answer, Experiment) and answer.moved_runs is not None:
        _moved(printer, answer)
    elif isinstance(answer, Purged):
        _purged(printer, answer)
    elif isinstance(answer, GarbageReport):
        _garbage(printer, answer)
    elif isinstance(answer, ArtifactPreview):
        from nbproof.tracking.previews import preview_text

        for line in preview_text(answer).split("\n"):
            printer.line(line)
        if answer.media_type.startswith("image/") and answer.shows != "reference":
            words = shlex.join([str(asked.get("id")), str(asked.get("name"))])
            printer.line(f"nbproof runs get-artifact {words}")
    elif isinstance(answer, Environment):
        _environment(printer, answer)
    elif isinstance(answer, Leaderboard):
        _leaderboard(printer, answer)
    elif isinstance(answer, DatasetDiff) and asked.get("markdown"):
        _lines_of(printer, answer.to_markdown())
    elif isinstance(answer, (DatasetDiff, DriftReport, LeakageReport, LineageGraph)):
        _lines_of(printer, str(answer))
    else:
        _fields(printer, answer)


def _lines_of(printer: Printer, text: str) -> None:
    for line in text.split("\n"):
        printer.line(line)


class Printer:
    """Prints text and tables to stdout in the manner of what stdout is.

    Parameters
    ----------
    in_notebook : bool
        Below a cell: no colours, and no end of a line.
    """

    def __init__(self, *, in_notebook: bool = False) -> None:
        self.on_screen = sys.stdout.isatty() and not in_notebook
        self.for_people = self.on_screen or in_notebook
        # Not a terminal: as wide as the content, so nothing is cut and a line is a record.
        self._console = Console(
            file=sys.stdout,
            width=None if self.on_screen else 100_000,
            # A width alone is not heeded where TERM is "dumb", which kernels may inherit.
            height=None if self.on_screen else 25,
            highlight=False,
            emoji=False,
            markup=False,
            force_jupyter=False,
            # Kernels set FORCE_COLOR for everything they start, pipes included; a pipe gets none.
            force_terminal=self.for_people,
            color_system="auto" if self.on_screen else "standard" if in_notebook else None,
        )

    def line(self, *parts: str | Text) -> None:
        """One line."""
        self._print(Text.assemble(*(part if isinstance(part, Text) else clean(part) for part in parts)))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, right: Sequence[str] = ()
    ) -> None:
        """A table; the columns named in `right` hold numbers."""
        table = Table(box=box.SIMPLE_HEAD if self.on_screen else None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                Text(column),
                justify="right" if column in right else "left",
                overflow="fold",
                no_wrap=not self.on_screen,
            )
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
        self._print(table)

    def status(self, status: str) -> Text:
        """A status in its colour."""
        return Text(status, style=_STYLES.get(status, ""))

    def time(self, when: datetime | None) -> str:
        """An instant: relative for people, RFC 3339 for programs."""
        if when is None:
            return ""
        return relative(when) if self.for_people else _instant(when)

    def _print(self, what: Text | Table) -> None:
        if self.on_screen:
            self._console.print(what, soft_wrap=isinstance(what, Text))
            return
        with self._console.capture() as captured:
            self._console.print(what, soft_wrap=True)
        sys.stdout.write("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")) + "\n")


def relative(when: datetime, now: datetime | None = None) -> str:
    """How long ago: ``just now``, ``4 min ago``, ``3 d ago``, or the day where that is long gone."""
    seconds = ((now or datetime.now(UTC)) - when).total_seconds()
    if seconds < 0:
        return "just now" if seconds > -60 else when.strftime("%Y-%m-%d %H:%M")
    for size, unit in ((60, ""), (3600, "min"), (86_400, "h"), (30 * 86_400, "d")):
        if seconds < size:
            if not unit:
                return "just now" if seconds < 5 else f"{int(seconds)} s ago"
            return f"{int(seconds // {'min': 60, 'h': 3600, 'd': 86_400}[unit])} {unit} ago"
    return when.strftime("%Y-%m-%d")


def clean(text: str) -> str:
    """Text without what a terminal would take for an order."""
    return _CONTROL.sub("\ufffd", text)


# -- pages ----------------------------------------------------------------------------------------


def _page(printer: Printer, page: Page[Any]) -> None:
    if not page.items:
        if printer.for_people:
            printer.line("nothing found")
        return
    first = page.items[0]
    draw = next((table for kind, table in _TABLES.items() if isinstance(first, kind)), _anything)
    draw(printer, page.items)


def _runs(printer: Printer, runs: Sequence[Run]) -> None:
    several = len({run.experiment for run in runs}) > 1
    printer.table(
        [
            "NAME",
            "RUN",
            *(["EXPERIMENT"] if several else []),
            "STATUS",
            "STARTED",
            "NEWEST METRIC",
            "VALUE",
            "COURSE",
        ],
        (
            [
                run.name,
                short(run.id),
                *([run.experiment] if several else []),
                printer.status(run.status),
                printer.time(run.started),
                run.newest_metric.name if run.newest_metric else "",
                number_text(run.newest_metric.value) if run.newest_metric else "",
                sparkline_text(run.newest_metric.spark, 16) if run.newest_metric else "",
            ]
            for run in runs
        ),
        right=["VALUE"],
    )


def _experiments(printer: Printer, experiments: Sequence[Experiment]) -> None:
    printer.table(
        ["NAME", "EXPERIMENT", "RUNS", "LAST ACTIVITY", "DESCRIPTION"],
        (
            [
                each.name,
                short(each.id),
                str(each.run_count),
                printer.time(each.last_activity or each.created),
                each.description or "",
            ]
            for each in experiments
        ),
        right=["RUNS"],
    )


def _metrics(printer: Printer, metrics: Sequence[Metric]) -> None:
    printer.table(
        ["METRIC", "LAST", "STEP", "LEAST", "GREATEST", "POINTS", "COURSE"],
        (
            [
                metric.name,
                number_text(metric.value),
                str(metric.step),
                "" if metric.min is None else number_text(metric.min),
                "" if metric.max is None else number_text(metric.max),
                str(metric.count),
                sparkline_text(metric.spark, 32),
            ]
            for metric in metrics
        ),
        right=["LAST", "STEP", "LEAST", "GREATEST", "POINTS"],
    )


def _anything(printer: Printer, items: Sequence[Any]) -> None:
    fields = [
        name
        for name in type(items[0]).model_fields
        if not isinstance(getattr(items[0], name), (dict, list))
        and any(getattr(each, name) is not None for each in items)
    ]
    printer.table(
        [name.upper().replace("_", " ") for name in fields],
        ([_cell(printer, name, getattr(each, name)) for name in fields] for each in items),
    )


def _artifacts(printer: Printer, artifacts: Sequence[Artifact]) -> None:
    printer.table(
        ["ARTIFACT", "VERSION", "KIND", "SIZE", "TYPE", "STEP", "CREATED"],
        (
            [
                each.name,
                "" if each.kind == "folder" else f"v{each.version}",
                each.kind if each.reference is None else f"{each.kind}, by reference",
                size_text(each.size_bytes),
                each.media_type,
                "" if each.step is None else str(each.step),
                printer.time(each.created),
            ]
            for each in artifacts
        ),
        right=["SIZE", "STEP"],
    )


def _versions(printer: Printer, versions: Sequence[DatasetVersion]) -> None:
    rows = [{**each.listed(), "version": each.name} for each in versions]
    printer.table(
        [title.upper() for title in rows[0]],
        (
            [
                printer.time(each.created_at) if title == "created" else "" if value is None else str(value)
                for title, value in row.items()
            ]
            for each, row in zip(versions, rows, strict=True)
        ),
        right=["ROWS", "COLUMNS", "SIZE", "NEW"],
    )


def _listed(printer: Printer, items: Sequence[Dataset | DriftReport]) -> None:
    rows = [each.listed() for each in items]
    titles = [title for title in rows[0] if any(row[title] not in (None, "") for row in rows)]
    printer.table(
        [title.upper() for title in titles],
        ([_cell(printer, title, row[title]) for title in titles] for row in rows),
        right=["VERSIONS", "ROWS", "COLUMNS", "SIZE", "STORED", "DRIFTED"],
    )


_TABLES: dict[type, Callable[[Printer, Any], None]] = {
    Run: _runs,
    Experiment: _experiments,
    Metric: _metrics,
    Artifact: _artifacts,
    DatasetVersion: _versions,
    Dataset: _listed,
    DriftReport: _listed,
}


# -- single things --------------------------------------------------------------------------------


def _run(printer: Printer, run: Run, metrics: Sequence[Metric]) -> None:
    printer.line(Text(clean(run.name), style="bold"), f"  {run.id}")
    when = f"started {printer.time(run.started)}"
    if run.ended is not None:
        when += f", took {duration_text((run.ended - run.started).total_seconds())}"
    printer.line(printer.status(run.status), f"  {run.experiment}  {when}")
    facts = []
    if run.parent_id:
        facts.append(("nested in", short(run.parent_id)))
    if run.children:
        facts.append(("children", children_text(run.children)))
    if run.group:
        facts.append(("group", run.group))
    if run.cancel_requested is not None and run.status == "running":
        facts.append(("stop", f"asked {printer.time(run.cancel_requested)}"))
    if run.deleted is not None:
        facts.append(("trash", f"since {printer.time(run.deleted)}"))
    if run.git is not None and run.git.commit:
        branch = f" on {run.git.branch}" if run.git.branch else ""
        facts.append(("git", f"{run.git.commit[:12]}{branch}{', with changes' if run.git.dirty else ''}"))
    if run.source:
        facts.append(("source", run.source))
    if run.code:
        facts.append(("code", run.code[:16]))
    if run.command:
        facts.append(("command", run.command))
    if run.redacted:
        facts.append(("redacted", f"{run.redacted} values that looked like a secret"))
    who = "@".join(part for part in (run.user, run.host) if part)
    if who or run.python:
        facts.append(
            (
                "made by",
                "  ".join(part for part in (who, f"Python {run.python}" if run.python else "") if part),
            )
        )
    if run.environment_hash:
        parts = [run.environment_hash[:12], run.os, run.gpu]
        facts.append(("runs in", "  ".join(part for part in parts if part)))
    for key, value in facts:
        printer.line(Text(f"{key:<10}", style="bright_black"), value)
    if run.notes:
        printer.line("")
        printer.line(run.notes)
    if metrics:
        printer.line("")
        _metrics(printer, metrics)
    for title, pairs in (
        ("PARAM", [(key, short_value(param_text(value))) for key, value in run.params.items()]),
        ("TAG", list(run.tags.items())),
    ):
        if pairs:
            printer.line("")
            printer.table([title, "VALUE"], pairs)
    if run.artifacts:
        printer.line("")
        _artifacts(printer, run.artifacts)


def _history(printer: Printer, history: MetricHistory) -> None:
    values = [point.value for point in history.items]
    count = f"{history.count} points" if history.count != 1 else "1 point"
    if len(values) < history.count:
        count = f"{len(values)} of {count}"
    if printer.for_people:
        printer.line(Text(clean(history.name), style="bold"), f"  {count}  {sparkline_text(values, 60)}")
    points = history.items
    if printer.on_screen and len(points) > _ROWS_ON_SCREEN:
        points = points[-_ROWS_ON_SCREEN:]
        printer.line(f"the last {_ROWS_ON_SCREEN}; all of them with --json or through a pipe")
    number = number_text if printer.for_people else repr
    printer.table(
        ["STEP", "TIME", "VALUE"],
        ([str(point.step), _instant(point.time), number(point.value)] for point in points),
        right=["STEP", "VALUE"],
    )


def _lines(printer: Printer, lines: MetricLines) -> None:
    printer.table(
        ["RUN", "METRIC", "POINTS", "FIRST", "LAST", "COURSE"],
        (
            [
                f"{line.run} ({short(line.run_id)})",
                line.metric,
                str(line.count),
                number_text(line.y[0]) if line.y else "",
                number_text(line.y[-1]) if line.y else "",
                sparkline_text(line.y, 32),
            ]
            for line in lines.items
        ),
        right=["POINTS", "FIRST", "LAST"],
    )


def _touched(printer: Printer, operation: Operation, touched: TouchedRuns) -> None:
    runs = count_text(touched.count, "run")
    if operation.name == "runs.delete_many":
        printer.line(f"{runs} thrown away; bring them back with: nbproof runs restore RUN...")
    else:
        printer.line(f"{runs} brought back")


def _moved(printer: Printer, experiment: Experiment) -> None:
    name, runs = experiment.name, count_text(experiment.moved_runs or 0, "run")
    if experiment.deleted is None:
        printer.line(f"experiment {name!r} is back, with {runs}")
    else:
        printer.line(f"experiment {name!r} is in the trash, and {runs} of it went along")
        printer.line(f"bring it back with: nbproof experiments restore {shlex.quote(name)}")


def _purged(printer: Printer, purged: Purged) -> None:
    what = [
        count_text(purged.runs, "run"),
        *([count_text(purged.experiments, "experiment")] if purged.experiments else []),
        count_text(purged.points, "point"),
        count_text(purged.artifacts, "artifact"),
    ]
    listed = f"{', '.join(what[:-1])} and {what[-1]} ({size_text(purged.artifact_bytes)})"
    if not (purged.runs or purged.experiments):
        printer.line("nothing in the trash to purge")
    elif purged.dry_run:
        printer.line(f"{listed} would go for good; nothing was changed; do it with: --yes")
    else:
        printer.line(f"{listed} are gone for good")
        if purged.artifacts:
            printer.line("free what nothing else refers to with: nbproof gc")


def _garbage(printer: Printer, found: GarbageReport) -> None:
    garbage = f"{count_text(found.objects, 'stretch', 'stretches')} of content that nothing refers to"
    if found.waiting:
        left = size_text(found.left_bytes)
        printer.line(f"somebody is recording content: {left} that nobody needs go the next time")
    elif not found.objects and not found.bytes:
        if not found.graced_bytes:
            printer.line("there is no content that nothing refers to")
    elif found.dry_run:
        printer.line(f"would be deleted: {garbage}, {size_text(found.bytes)} freed; nothing was changed")
    else:
        printer.line(f"deleted: {garbage}, {size_text(found.bytes)} freed")
    if found.graced_bytes:
        graced = size_text(found.graced_bytes)
        printer.line(f"{graced} of what was deleted wait until their grace is over (--grace-hours)")
    if found.left_bytes and not found.waiting:
        left = size_text(found.left_bytes)
        printer.line(f"{left} more stay in packs of which most is needed, or that somebody writes")
    leftovers = [
        count_text(number, what)
        for number, what in ((found.series, "metric name"), (found.environments, "environment"))
        if number
    ]
    if leftovers:
        printer.line(
            f"left behind by purged runs{'' if found.dry_run else ', deleted'}: {' and '.join(leftovers)}"
        )
    needed = count_text(found.kept_objects, "stretch", "stretches")
    printer.line(f"{needed} in use ({size_text(found.kept_bytes)})")


def _children(printer: Printer, children: Children) -> None:
    deeper = children.descendants - children.count
    printer.line(children_text(children.statuses) if children.count else "no runs are nested in it")
    if deeper:
        printer.line(f"{deeper} more nested in these")
    if children.metrics:
        spread = ["MEAN ± STD"] if printer.for_people else ["MEAN", "STD"]
        printer.table(
            ["METRIC", "RUNS", "BEST", "OF RUN", *spread, "LEAST", "GREATEST"],
            (
                [
                    each.name,
                    str(each.count),
                    _number(each.best),
                    short(each.best_run) if each.best_run else "",
                    *(
                        ["" if each.mean is None else spread_text(each.mean, each.std)]
                        if printer.for_people
                        else [_number(each.mean), _number(each.std)]
                    ),
                    _number(each.min),
                    _number(each.max),
                ]
                for each in children.metrics
            ),
            right=["RUNS", "BEST", *spread, "LEAST", "GREATEST"],
        )


def _number(value: float | None) -> str:
    return "" if value is None else number_text(value)


def _param_history(printer: Printer, history: ParamHistory) -> None:
    printer.table(
        ["TIME", history.key],
        ([_instant(each.time), param_text(each.value)] for each in history.items),
    )


def _comparison(printer: Printer, comparison: Comparison) -> None:
    labels = comparison.labels()
    rows: list[list[str | Text]] = [["status", *(printer.status(run.status) for run in comparison.runs)]]
    same: list[list[str | Text]] = []
    for kind, group in groups_of(comparison):
        for row in group:
            line: list[str | Text] = [f"{kind}.{row.key}", *_values(row)]
            (rows if row.differs else same).append(line)
    if len(comparison.runs) <= IN_COLUMNS:
        printer.table(["", *comparison.labels(ids=True)], rows)
    else:
        columns = list(zip(*rows, strict=True))
        printer.table(
            ["", *map(str, columns[0])],
            ([name, *values] for name, values in zip(comparison.labels(ids=True), columns[1:], strict=True)),
        )
    if same and printer.for_people:
        printer.line(f"{len(same)} more are the same in all: ", ", ".join(str(line[0]) for line in same))
    elif same:
        printer.line("")
        printer.table(["THE SAME IN ALL", "VALUE"], [line[:2] for line in same])
    if comparison.same_packages:
        printer.line(f"{comparison.same_packages} packages have the same version in all")
    for difference in comparison.code_differences:
        others = ", ".join(labels[place] for place in difference.runs)
        printer.line("")
        printer.line(Text(f"code of {clean(others)}, against {clean(labels[0])}", style="bold"))
        if difference.missing:
            printer.line(difference.missing)
        for line_ in (difference.patch or "").splitlines():
            style = "green" if line_.startswith("+") else "red" if line_.startswith("-") else ""
            printer.line(Text(clean(line_), style=style))


def _environment(printer: Printer, environment: Environment) -> None:
    facts = {"hash": environment.hash, **environment_facts_text(environment)}
    printer.table(["FACT", "VALUE"], list(facts.items()))
    printer.line("")
    printer.table(["PACKAGE", "VERSION"], list(environment.packages.items()))


def _leaderboard(printer: Printer, board: Leaderboard) -> None:
    if printer.for_people:
        printer.line(leaderboard_caption(board))
    titles, rows = leaderboard_cells(board, whole=not printer.for_people)
    printer.table(
        [title.upper() for title in titles],
        rows,
        right=["RANK", "N", "MEAN ± STD", "MEAN", "STD", "MIN", "MAX"],
    )


def _values(row: ComparedValues) -> list[str | Text]:
    cells: list[str | Text] = []
    for place, value in enumerate(row.values):
        text = "-" if value is None else number_text(value) if isinstance(value, float) else param_text(value)
        best = place == row.best
        cells.append(Text(clean(text + (" *" if best else "")), style="bold" if best else ""))
    return cells


def _fields(printer: Printer, view: View) -> None:
    tables: dict[str, Any] = {}
    rows = []
    for title, value in view.told().items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            tables[title] = value
        elif value not in (None, "", {}, []):
            rows.append([title, _cell(printer, title, value)])
    printer.table(["FIELD", "VALUE"], rows)
    for title, entries in tables.items():
        printer.line("")
        printer.line(Text(clean(title), style="bold"))
        names = list(dict.fromkeys(name for entry in entries for name in entry))
        printer.table(
            [name.upper() for name in names],
            ([_cell(printer, name, entry.get(name)) for name in names] for entry in entries),
        )


def _cell(printer: Printer, name: str, value: Any) -> str | Text:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return printer.time(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number_text(value)
    if name == "status":
        return printer.status(str(value))
    if isinstance(value, str):
        return short(value) if name == "id" and is_id(value) and printer.for_people else value
    return param_text(value.model_dump(mode="json") if hasattr(value, "model_dump") else value)


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
