"""Answers requests.  Everything here may block and is called in worker threads only.

This module draws in pydantic and whatever the rooms need; `host` imports it when the server runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel

from nbproof.core.errors import Invalid, NotFound
from nbproof.core.operation import Download
from nbproof.core.serving import serving
from nbproof.platform.directory import Directory
from nbproof.platform.openapi import document
from nbproof.platform.rooms import operations
from nbproof.server.page import Page, render
from nbproof.server.routes import Match, Routes
from nbproof.server.spool import Spool, remove_left_over
from nbproof.tracking.active import acknowledged_only

if TYPE_CHECKING:
    from nbproof.platform.workspace import Workspace

__all__ = ["Answer", "Desk", "OpenFile", "Question"]

Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A request, taken apart."""

    match: Match
    query: Query
    workspace: str | None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file on its way out; without a size, one that is made while it is sent."""

    stream: IO[bytes]
    size: int | None
    tag: str | None
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: JSON, a file, or nothing but a status."""

    status: int
    body: bytes = b""
    file: OpenFile | None = None


class Desk:
    """Knows every route and every workspace under the root.

    Parameters
    ----------
    root : Path
        The folder that is served.
    home_workspace : Path, optional
        Whose workspace is meant where a request names none.
    address : str
        Path of the API on this server, such as ``/user/ann/nbproof/api/v1``.
    opened : callable
        Called with each workspace when it is opened.
    """

    def __init__(
        self, root: Path, *, home_workspace: Path | None, address: str, opened: Callable[[Workspace], None]
    ) -> None:
        self._address = address
        self.directory = Directory(root, home_workspace=home_workspace, opened=opened)
        self.routes = Routes(operations())
        self._swept: set[Path] = set()

    def answer(self, question: Question, body: bytes, spool: Spool | None = None) -> Answer:
        """Do what is asked; the one hop of a request.

        Parameters
        ----------
        question : Question
        body : bytes
            The JSON body, or the last piece of an upload.
        spool : Spool, optional
            Holds the rest of the upload; gone afterwards.

        Raises
        ------
        PlatformError
            Whatever stands in the way, with the field named where one is at fault.
        """
        if spool is None:
            return self._answer(question, body, None)
        try:
            spool.write(body)
            spool.close()
            return self._answer(question, b"", spool.path)
        finally:
            spool.remove()

    def _answer(self, question: Question, body: bytes, upload: Path | None) -> Answer:
        operation = question.match.operation
        ask = operation.ask_from(question.match.fields, question.query, body, upload=upload)
        with acknowledged_only(), serving(self.directory.root):
            view = self.directory.get(question.workspace).call(operation, ask)
        if isinstance(view, Download):
            return Answer(operation.status, file=_opened(view))
        if view is None:
            return Answer(204)
        assert isinstance(view, BaseModel)
        return Answer(operation.status, view.model_dump_json().encode())

    def begin_upload(self, question: Question, disposition: str | None) -> Spool:
        """Where the bytes of an upload go; what can be refused is refused before the first of them."""
        operation = question.match.operation
        name = _file_name(disposition)
        told = {key for key, _ in question.query}
        if name is None and "name" in operation.query_fields and "name" not in told:
            # By default it is the file's name, and a body has none.
            raise Invalid(
                "field 'name' is required: a body has no name of its own",
                hint="add ?name=NAME, or the header Content-Disposition with a filename",
                details={"field": "name"},
            )
        operation.ask_from(question.match.fields, question.query, upload=Path(name or "upload"))
        workspace = self.directory.get(question.workspace)
        workspace.make()
        folder = workspace.folder / "incoming"
        if folder not in self._swept:
            self._swept.add(folder)
            remove_left_over(folder)
        return Spool(folder, name or "upload")

    @cached_property
    def openapi(self) -> bytes:
        """The OpenAPI document."""
        return json.dumps(self._document, ensure_ascii=False).encode()

    @cached_property
    def page(self) -> Page:
        """The same document for people."""
        return render(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(server=self._address)


def _opened(download: Download) -> OpenFile:
    try:
        stream = download.open()
    except FileNotFoundError:
        raise NotFound(
            f"the content of {download.name!r} is gone from the server's disk", hint="run `nbproof doctor`"
        ) from None
    if download.path is None:
        tag = f'"{download.hash}"' if download.hash else None
        return OpenFile(stream, download.size, tag, download.name, download.media_type)
    state = os.fstat(stream.fileno())
    tag = f'"{download.hash or f"{state.st_size:x}-{state.st_mtime_ns:x}"}"'
    return OpenFile(stream, state.st_size, tag, download.name, download.media_type)


def _file_name(disposition: str | None) -> str | None:
    """The last part of the name that a client gave its file, or None."""
    if not disposition:
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    name = message.get_filename()
    if not name:
        return None
    last = name.replace("\\", "/").rpartition("/")[2].replace("\x00", "").strip()
    while len(last.encode(errors="surrogateescape")) > 200:
        last = last[1:]  # the end holds the suffix
    return last if last not in ("", ".", "..") else None
