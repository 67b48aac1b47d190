"""What a command line says of artifacts beside an operation: folders, stdin, references."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbproof.cli.session import Session
from nbproof.core.errors import Invalid
from nbproof.core.operation import Operation
from nbproof.platform.argv import Form, ask_from
from nbproof.tracking.models import Artifact

__all__ = ["get_folder", "is_folder", "log_artifact", "runs_check_references"]


def log_artifact(session: Session, operation: Operation, form: Form, values: Mapping[str, Any]) -> int:
    """``runs log-artifact RUN PATH``: a file, a folder, ``-`` for stdin, or with ``--reference`` no copy."""
    given = str(values["path"])
    if values.get("reference"):
        _refer(session, given, values)
    elif given == "-":
        with _stdin(values) as file:
            session.call(operation, ask_from(operation, form, {**values, "path": file}))
    else:
        for file, name in _files(session, given, values):
            session.call(operation, ask_from(operation, form, {**values, "path": file, "name": name}))
    if session.json:
        session.print_json(None)
    return 0


def is_folder(session: Session, values: Mapping[str, Any]) -> bool:
    """Whether artifacts of the run are below the name that was given."""
    folder = str(values["name"]).rstrip("/")
    return bool(session.ask("runs.artifacts", id=values["id"], prefix=f"{folder}/", limit=1).items)


def get_folder(session: Session, values: Mapping[str, Any]) -> int:
    """``runs get-artifact RUN FOLDER``: its files, in a folder of that name below ``--output``."""
    output = values.get("output")
    if output == "-":
        raise Invalid(
            "a folder has no place on stdout",
            hint="get-artifact-folder writes it as one zip",
            details={"field": "output"},
        )
    made = session.workspace.tracker.download_artifact(values["id"], f"{values['name']}/", output or ".")
    if session.json:
        session.print_json({"path": str(made.absolute())})
    else:
        print(made)
    return 0


def runs_check_references(session: Session, values: Mapping[str, Any]) -> int:
    """Print which references still lead to what they led to; 1 if one does not."""
    found = [each for each in _artifacts(session, str(values["id"])) if each.reference is not None]
    states = {each.name: each.check() for each in found}
    if session.json:
        items = [
            {"name": each.name, "reference": each.reference, "state": states[each.name]} for each in found
        ]
        session.print_json({"items": items})
    else:
        from nbproof.cli.render import Printer

        printer = Printer(in_notebook=session.in_notebook)
        rows = [[each.name, states[each.name], each.reference or ""] for each in found]
        if rows:
            printer.table(["ARTIFACT", "STATE", "REFERENCE"], rows)
        elif printer.for_people:
            printer.line("no references")
    return int(any(state in ("changed", "vanished") for state in states.values()))


def _artifacts(session: Session, run: str) -> Iterator[Artifact]:
    after = None
    while True:
        page = session.ask("runs.artifacts", id=run, **({"after": after} if after else {}))
        yield from page.items
        after = page.next
        if after is None:
            return


def _refer(session: Session, target: str, values: Mapping[str, Any]) -> None:
    from nbproof.tracking.references import look_at

    # Looked at here, where the path means something; a server is told and looks at nothing.
    found = look_at(target)
    told = {key: values[key] for key in ("name", "kind", "step") if key in values}
    session.ask(
        "runs.log_reference",
        id=values["id"],
        target=found.target,
        hash=found.hash,
        size_bytes=found.size_bytes,
        metadata={**found.metadata, **values.get("metadata", {})},
        **told,
    )


@contextmanager
def _stdin(values: Mapping[str, Any]) -> Iterator[str]:
    if "name" not in values:
        raise Invalid("what comes from stdin needs a name", hint="--name NAME", details={"field": "name"})
    with tempfile.TemporaryDirectory(prefix="nbproof-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        yield str(path)


def _files(session: Session, given: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """One path as it is given; to a server, a folder travels file by file."""
    if not hasattr(session.workspace, "url") or not Path(given).is_dir():
        yield given, values.get("name")
        return
    from nbproof.tracking.artifacts import items_of

    for item in items_of(Path(given), values.get("name")):
        yield str(item.source), item.name
