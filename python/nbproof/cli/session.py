"""One run of the command: what was asked for on every command, and the workspace it works on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.platform.argv import Argument

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nbproof.core.operation import Operation
    from nbproof.platform.remote import RemoteWorkspace
    from nbproof.platform.workspace import Workspace

__all__ = ["EVERYWHERE", "Session"]

EVERYWHERE = (
    Argument("json", "--json", "switch", default=False, help="Answer in JSON."),
    Argument(
        "workspace",
        "--workspace",
        metavar="FOLDER",
        about="file",
        help="The folder that holds .nbproof; by default it is found from the current folder.",
    ),
    Argument(
        "url", "--url", metavar="URL", help="A server instead of a folder; NBPROOF_TOKEN is sent to it."
    ),
)
"""What every command understands."""


class Session:
    """Opens the workspace when it is first needed, and closes what it opened.

    Parameters
    ----------
    values : mapping
        What was said, by name.
    given : Workspace, optional
        An open workspace to use where the command line names none.
    """

    def __init__(self, values: Mapping[str, Any], given: Workspace | RemoteWorkspace | None = None) -> None:
        self.json = bool(values.get("json", False))
        self._folder: str | None = values.get("workspace")
        self._url: str | None = values.get("url")
        if self._folder is not None and self._url is not None:
            raise Invalid("--workspace and --url are two places; give one", details={"field": "url"})
        self.in_notebook = given is not None
        self._given = given if self._folder is None and self._url is None else None
        self._opened: Workspace | RemoteWorkspace | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def environ(self) -> dict[str, str]:
        """The environment with ``--workspace`` or ``--url`` in it."""
        environ = dict(os.environ)
        if self._folder is not None:
            environ.pop("NBPROOF_URL", None)
            environ["NBPROOF_WORKSPACE"] = self._folder
        if self._url is not None:
            environ["NBPROOF_URL"] = self._url
        return environ

    @property
    def workspace(self) -> Workspace | RemoteWorkspace:
        """The workspace that the command works on."""
        if self._given is not None:
            return self._given
        if self._opened is None:
            from nbproof.platform.workspace import open_workspace

            if self._folder is not None and not Path(self._folder).expanduser().is_dir():
                raise Invalid(
                    f"--workspace: there is no folder {self._folder!r}",
                    hint=f"make one with: nbproof init {self._folder}",
                    details={"field": "workspace"},
                )
            self._opened = open_workspace(Path.cwd(), environ=self.environ, say=self.note)
        return self._opened

    def call(self, operation: Operation, ask: Any) -> Any:
        """Do what an operation asks."""
        workspace = self.workspace
        if operation.action == "read" and not workspace.exists and not self.json:
            folder = getattr(workspace, "folder", workspace)
            self.note(f"nbproof: nothing is recorded here yet; the workspace would be {folder}")
        return workspace.call(operation, ask)

    def ask(self, name: str, /, **values: Any) -> Any:
        """Call an operation by its name."""
        from nbproof.core.operation import validated
        from nbproof.platform.rooms import find_operation

        operation = find_operation(name)
        return self.workspace.call(operation, validated(operation.ask, values))

    def note(self, line: str) -> None:
        """Say something beside the answer."""
        print(line, file=sys.stderr)

    def print_json(self, answer: BaseModel | Mapping[str, Any] | list[Any] | None) -> None:
        """The answer as one JSON document."""
        if answer is None or isinstance(answer, (Mapping, list)):
            print(json.dumps(answer, indent=2, ensure_ascii=False, default=str))
        else:
            print(answer.model_dump_json(indent=2))
