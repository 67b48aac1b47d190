"""The table as a page shows it, and which rows such a page must have."""

from __future__ import annotations

import importlib
import re
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.table import Row, is_better, number, ratio

__all__ = ["BENCHES", "bench", "rows", "rows_of_page", "write"]

# In the order of the page: what is asked first comes first.
BENCHES = (
    "log_metric",
    "lost",
    "metrics",
    "search",
    "lineage",
    "artifacts",
    "datasets",
    "drift",
    "profile",
    "cold",
    "capture",
    "serve",
    "server",
    "team",
    "install",
)
_HEAD = "| what |"
_START, _END = "<!-- measured -->", "<!-- end of measured -->"


def bench(name: str) -> Any:
    """The module that measures it."""
    return importlib.import_module(f"tests.benchmarks.bench_{name}")


def rows() -> list[tuple[str, str]]:
    """What all benches measure, in their order: words and bar."""
    return [(row.what, row.bar) for name in BENCHES for row in bench(name).ROWS.values()]


def rows_of_page(text: str) -> list[tuple[str, str]]:
    """The same as a page says it."""
    inside = text.partition(_START)[2].partition(_END)[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ") and not line.startswith(_HEAD)]
    cells = [[_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return [(each[1], each[3]) for each in cells]


def write(page: Path, result: dict[str, Any]) -> None:
    """Put what was measured between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, start, rest = text.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise SystemExit(f"{page} has no place for the table: it needs {_START} and {_END}")
    page.write_text(f"{before}{start}\n\n{_tables(result)}\n{end}{after}", encoding="utf-8")


def _tables(result: dict[str, Any]) -> str:
    wanted = {what for what, _ in rows()}
    lines: dict[str, dict[str, Any]] = {
        line["what"]: line for line in result["lines"] if line["what"] in wanted
    }
    parts = [_facts(result), _verdict(lines)]
    for name in BENCHES:
        heading = bench(name).__doc__.splitlines()[0].rstrip(".")
        parts.append(f"### {heading}\n\n{_table(list(bench(name).ROWS.values()), lines)}")
    return "\n\n".join(parts) + "\n"


def _facts(result: dict[str, Any]) -> str:
    machine = result["machine"]
    when = time.strftime("%d %B %Y", time.gmtime(result["time"])).lstrip("0")
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"Measured on {when}: {machine['cores']} cores ({machine['processor']}), {machine['memory']} of"
        f" memory, {machine['system']}, Python {machine['python']}; load average"
        f" {result['load'][0]:.1f} at the start.\n{versions}."
    )


def _verdict(lines: dict[str, dict[str, Any]]) -> str:
    bars = [line for line in lines.values() if line["passed"] is not None]
    missed = [line["what"] for line in bars if not line["passed"]]
    parts = [f"{len(bars) - len(missed)} of {len(bars)} bars are kept."]
    if missed:
        parts.append("Missed:\n\n" + "\n".join(f"- {_cell(what)}" for what in missed))
    better = []
    for line in lines.values():
        names = [
            f"{peer} ({_with_unit(figure, line)} against {_with_unit(line['ours'], line)})"
            for peer, figure in line["peers"].items()
            if not isinstance(figure, str) and _worse(line, figure)
        ]
        if names:
            better.append(f"- {_cell(line['what'])}: {', '.join(names)}")
    parts.append(
        "A peer is better in:\n\n" + "\n".join(better) if better else "No peer is better in any row."
    )
    return "\n\n".join(parts)


def _with_unit(figure: float, line: dict[str, Any]) -> str:
    return f"{number(figure)} {line['unit']}".rstrip()


def _worse(line: dict[str, Any], figure: float) -> bool:
    row = Row(line["what"], line["unit"], line["at_most"], line["at_least"], line["all"], line["ahead"])
    return figure != line["ours"] and not is_better(row, line["ours"], figure)


def _table(wanted: list[Row], lines: dict[str, dict[str, Any]]) -> str:
    known = [lines[row.what] for row in wanted if row.what in lines]
    peers = list(dict.fromkeys(peer for line in known for peer in line["peers"]))
    heads = ["what", "nbproof", "bar", "", *peers, "beside"]
    table = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in wanted:
        line = lines.get(row.what)
        if line is None:
            cells = [
                row.what,
                "not measured",
                row.bar,
                "**missed**" if row.bar else "",
                *("" for _ in peers),
                "",
            ]
        else:
            verdict = {True: "kept", False: "**missed**", None: ""}[line["passed"]]
            figures = [_figure(line["peers"].get(peer, ""), line["ours"]) for peer in peers]
            cells = [row.what, _with_unit(line["ours"], line), row.bar, verdict, *figures, line["note"]]
        table.append(f"| {' | '.join(_cell(cell) if cell != '**missed**' else cell for cell in cells)} |")
    return "\n".join(table)


def _figure(figure: float | str, ours: float) -> str:
    return figure if isinstance(figure, str) else f"{number(figure)}{ratio(figure, ours)}"


def _cell(text: str) -> str:
    """Markdown reads it as it is."""
    return re.sub(r"([|*_<>\[\]`~\\])", r"\\\1", text)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
