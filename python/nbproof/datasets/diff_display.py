"""How a diff looks in a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbproof.datasets.diff_models import DatasetDiff

__all__ = ["diff_markdown"]

_LONG = 80
_MOST = 50


def diff_markdown(diff: DatasetDiff) -> str:
    """Headings, a line or two, tables; nothing of the data can change how it is read."""
    lines = [f"### {_plain(diff.a)} → {_plain(diff.b)}", ""]
    if diff.same:
        why = "".join(f" ({_plain(each, 10_000)})" for each in diff.notes)
        return "\n".join([*lines, f"Nothing differs{why}.", ""])
    told = diff.told()
    for title in ("rows", "files", "size", "new columns", "columns gone", "types", "notes"):
        if value := told.get(title):
            lines.append(f"- {title}: {_plain(str(value), 10_000)}")
    files = diff.files_added + diff.files_removed + diff.files_changed
    tables: list[tuple[str, Sequence[Mapping[str, object]], int]] = [
        ("Columns that differ", [each.listed() for each in diff.columns[:_MOST]], len(diff.columns)),
        ("Changed rows", [each.listed() for each in diff.changes], 0),
        ("New rows", diff.added, 0),
        ("Rows gone", diff.removed, 0),
        ("Files", [each.listed() for each in diff.files[:_MOST]], files),
    ]
    for title, rows, total in tables:
        if rows:
            lines += ["", f"**{title}**", "", *_table(rows)]
        if total > len(rows):
            lines += ["", f"and {total - len(rows):,} more"]
    return "\n".join([*lines, ""])


def _table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    titles = [
        title
        for title in dict.fromkeys(title for row in rows for title in row)
        if any(row.get(title) not in (None, "") for row in rows)
    ][:12]
    return [
        f"| {' | '.join(_plain(title) for title in titles)} |",
        f"|{' --- |' * len(titles)}",
        *(
            f"| {' | '.join('' if row.get(title) is None else _plain(str(row[title])) for title in titles)} |"
            for row in rows
        ),
    ]


def _plain(text: str, most: int = _LONG) -> str:
    """Text in which no sign means anything, on one line."""
    told = " ".join(text.split())
    told = told if len(told) <= most else f"{told[: most - 1]}…"
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#~@!&" else each for each in told)
