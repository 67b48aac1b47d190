"""Runs a command that an operation declared: builds its ask, calls it, shows the answer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbproof.cli.session import Session
from nbproof.cli.transfer import DIRECT
from nbproof.core.errors import Conflict, Invalid
from nbproof.core.operation import Download, Operation
from nbproof.platform.argv import Form, ask_from

__all__ = ["run_operation"]


def run_operation(session: Session, operation: Operation, form: Form, values: Mapping[str, Any]) -> int:
    """Do what was asked and show the answer; the exit code."""
    ask = ask_from(operation, form, values)
    if operation.name in DIRECT:
        return DIRECT[operation.name](session, ask, values)
    answer = session.call(operation, ask)
    if isinstance(answer, Download):
        return _save(session, answer, values)
    if operation.status == 202 and not values.get("no_wait"):
        from nbproof.cli.progress import wait_for

        answer = wait_for(session, answer)
    if session.json:
        session.print_json(answer)
    elif answer is not None:
        from nbproof.cli.render import show

        show(session, operation, answer, form)
    return 0


def _save(session: Session, download: Download, values: Mapping[str, Any]) -> int:
    output = values.get("output")
    if output == "-":
        if session.json:
            raise Invalid("--output - and --json both want stdout", details={"field": "output"})
        with download.path.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        return 0
    target = Path(output).expanduser() if output else Path(download.name)
    if target.is_dir():
        target = target / download.name
    if target.exists() and not values.get("force"):
        raise Conflict(
            f"{str(target)!r} is there already",
            hint="replace it with --force, or name another place with --output",
            details={"field": "output"},
        )
    if not target.parent.is_dir():
        raise Invalid(f"there is no folder {str(target.parent)!r}", details={"field": "output"})
    # Beside its place first, so that an interrupted copy is never taken for the file.
    partial = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(download.path, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    size = target.stat().st_size
    if session.json:
        session.print_json(
            {"path": str(target.absolute()), "size_bytes": size, "media_type": download.media_type}
        )
    else:
        print(target)
    return 0
