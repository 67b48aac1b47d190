"""Runs a command that an operation declared: builds its ask, calls it, shows the answer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbproof.cli.artifacts import get_folder, is_folder
from nbproof.cli.session import Session
from nbproof.cli.transfer import DIRECT
from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.core.operation import Download, Operation
from nbproof.platform.argv import Form, ask_from

__all__ = ["run_operation"]


def run_operation(session: Session, operation: Operation, form: Form, values: Mapping[str, Any]) -> int:
    """Do what was asked and show the answer; the exit code."""
    ask = ask_from(operation, form, values)
    if operation.name in DIRECT:
        return DIRECT[operation.name](session, ask, values)
    try:
        answer = session.call(operation, ask)
    except NotFound:
        # The name may be one of a folder.
        if operation.name != "runs.artifact" or not is_folder(session, values):
            raise
        return get_folder(session, values)
    if isinstance(answer, Download):
        return _save(session, answer, values)
    if operation.status == 202 and not values.get("no_wait"):
        from nbproof.cli.progress import wait_for

        answer = wait_for(session, answer)
        if operation.name == "content.verify":
            from nbproof.platform.content import VerifiedContent

            answer = VerifiedContent(**answer.result)
    if session.json:
        session.print_json(answer)
    elif answer is not None:
        from nbproof.cli.render import show

        show(session, operation, answer, values)
    wrong = ("damaged_records", "changed", "missing") if operation.name == "content.verify" else ()
    return 1 if any(getattr(answer, each) for each in wrong) else 0


def _save(session: Session, download: Download, values: Mapping[str, Any]) -> int:
    output = values.get("output")
    if output == "-":
        if session.json:
            raise Invalid("--output - and --json both want stdout", details={"field": "output"})
        with download.open() as source:
            shutil.copyfileobj(source, sys.stdout.buffer, 1 << 20)
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
        with download.open() as source, partial.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
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
