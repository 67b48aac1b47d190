"""Moving runs: done in this process with a bar, where the other faces queue a job and look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbproof.cli.session import Session
from nbproof.platform.argv import Argument

__all__ = ["BESIDE", "DIRECT"]

BESIDE: dict[str, tuple[Argument, ...]] = {
    "runs.export": (
        Argument(
            "output", "--output", required=True, metavar="FILE", about="file", help="The file to write."
        ),
        Argument("force", "--force", "switch", default=False, help="Replace a file that is there."),
    ),
    "runs.import": (),
}
"""What these commands understand beside their ask's fields."""


def _export(session: Session, ask: Any, values: Mapping[str, Any]) -> int:
    report = session.workspace.transfer.export_runs(
        *ask.id,
        query=ask.query,
        experiment=ask.experiment,
        output=values["output"],
        force=bool(values.get("force")),
        step=_unseen if session.json else None,
    )
    return _told(session, report)


def _import(session: Session, ask: Any, values: Mapping[str, Any]) -> int:
    asked = {field: getattr(ask, field) for field in type(ask).model_fields}
    report = session.workspace.transfer.import_runs(
        asked.pop("path"), **asked, step=_unseen if session.json else None
    )
    return _told(session, report)


def _told(session: Session, report: Any) -> int:
    if session.json:
        session.print_json(report)
    else:
        from nbproof.cli.render import Printer

        printer = Printer(in_notebook=session.in_notebook)
        for line in str(report).splitlines():
            printer.line(line)
    return 0


def _unseen(fraction: float, message: str) -> None:
    """Whoever reads JSON looks at no bar."""


DIRECT: dict[str, Callable[[Session, Any, Mapping[str, Any]], int]] = {
    "runs.export": _export,
    "runs.import": _import,
}
"""How these commands are done, by the name of their operation."""
