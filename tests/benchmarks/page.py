"""The table as a page shows it, and which rows such a page must have."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Sequence
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
_BETTER = "A peer is better in:"
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


def write(page: Path, result: dict[str, Any], names: Sequence[str] = BENCHES) -> None:
    """Put what was measured between the marks of a page; of some benches alone, in the place of theirs."""
    text = page.read_text(encoding="utf-8")
    before, start, rest = text.partition(_START)
    inside, end, after = rest.partition(_END)
    if not start or not end:
        raise SystemExit(f"{page} has no place for the table: it needs {_START} and {_END}")
    tables = _tables(result) if set(names) == set(BENCHES) else _mended(inside, result, names)
    page.write_text(f"{before}{start}\n\n{tables}\n{end}{after}", encoding="utf-8")


def _tables(result: dict[str, Any]) -> str:
    lines = _lines(result)
    tables = [f"{_heading(name)}\n\n{_table(list(bench(name).ROWS.values()), lines)}" for name in BENCHES]
    better = [each for line in lines.values() if (each := _better(line))]
    return "\n\n".join([_facts(result), _verdict("\n\n".join(tables), better), *tables]) + "\n"


def _mended(inside: str, result: dict[str, Any], names: Sequence[str]) -> str:
    """What stands between the marks, with the tables of some benches and what is said of them made anew."""
    lines = _lines(result)
    head, *parts = re.split(r"^(?=### )", inside, flags=re.MULTILINE)
    known = {part.partition("\n")[0]: part.strip() for part in parts}
    made = {
        _heading(
            name
        ): f"{_heading(name)}\n\n{_facts(result)}\n\n{_table(list(bench(name).ROWS.values()), lines)}"
        for name in names
    }
    tables = [made.get(_heading(name)) or known[_heading(name)] for name in BENCHES]
    again = {row.what for name in names for row in bench(name).ROWS.values()}
    told = head.partition(_BETTER)[2].strip().splitlines()
    better = [line for line in told if _plain(line[2:].partition(": ")[0]) not in again]
    better += [each for line in lines.values() if (each := _better(line))]
    facts = head.strip().partition("\n\n")[0]
    return "\n\n".join([facts, _verdict("\n\n".join(tables), better), *tables]) + "\n"


def _heading(name: str) -> str:
    return f"### {bench(name).__doc__.splitlines()[0].rstrip('.')}"


def _lines(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    wanted = {what for what, _ in rows()}
    return {line["what"]: line for line in result["lines"] if line["what"] in wanted}


def _facts(result: dict[str, Any]) -> str:
    machine = result["machine"]
    when = time.strftime("%d %B %Y", time.gmtime(result["time"])).lstrip("0")
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"Measured on {when}: {machine['cores']} cores ({machine['processor']}), {machine['memory']} of"
        f" memory, {machine['system']}, Python {machine['python']}; load average"
        f" {result['load'][0]:.1f} at the start.\n{versions}."
    )


def _verdict(tables: str, better: Sequence[str]) -> str:
    """Which bars are kept, as the tables say it, and in what a peer is better."""
    cells = [re.split(r"(?<!\\)\|", line) for line in tables.splitlines() if line.startswith("| ")]
    measured = [each for each in cells if each[2].strip() != "not measured"]
    bars = [each for each in measured if each[4].strip() in ("kept", "**missed**")]
    missed = [each[1].strip() for each in bars if each[4].strip() != "kept"]
    parts = [f"{len(bars) - len(missed)} of {len(bars)} bars are kept."]
    if missed:
        parts.append("Missed:\n\n" + "\n".join(f"- {what}" for what in missed))
    listed = "\n".join(better)
    parts.append(f"{_BETTER}\n\n{listed}" if better else "No peer is better in any row.")
    return "\n\n".join(parts)


def _better(line: dict[str, Any]) -> str:
    """In what peers are better than we, if any is."""
    names = [
        f"{peer} ({_with_unit(figure, line)} against {_with_unit(line['ours'], line)})"
        for peer, figure in line["peers"].items()
        if not isinstance(figure, str) and _worse(line, figure)
    ]
    return f"- {_cell(line['what'])}: {', '.join(names)}" if names else ""


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
