"""The Jupyter Server extension.

Jupyter Server imports this at its start, so it imports next to nothing: pydantic, SQLAlchemy and the rooms
come in a worker thread once the server answers, or with the first request.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from traitlets import Bool, Float, Integer, Unicode

from nbproof._version import __version__
from nbproof.server.changes import SCHEMA, SCHEMA_ID
from nbproof.server.handlers import ApiHandler
from nbproof.server.host import Given, Host

__all__ = ["PREFIX", "NbproofApp"]

PREFIX = "nbproof/api/v1"


class NbproofApp(ExtensionApp):
    """Experiments and runs of the workspaces under the server's folder, over HTTP."""

    name = "nbproof"
    version = __version__
    description = "The notebook-native data-science platform that proves its results"
    extension_url = f"/{PREFIX}/docs"
    load_other_extensions = True

    drain_seconds = Float(
        None,
        allow_none=True,
        help="How often journals are emptied; by default as the workspace's settings say.",
    ).tag(config=True)
    server_threads = Integer(
        None,
        allow_none=True,
        help="Threads for blocking work; by default as the workspace's settings say.",
    ).tag(config=True)
    workspace = Unicode(
        help="Folder whose workspace is meant where a request names none; by default the root folder.",
    ).tag(config=True)
    max_json_bytes = Integer(Given.max_json_bytes, help="Largest JSON body.").tag(config=True)
    max_upload_bytes = Integer(Given.max_upload_bytes, help="Largest file that can be sent.").tag(config=True)
    short_paths = Bool(help="Whether /api/v1 is answered as well; for servers that are nbproof's alone.").tag(
        config=True
    )

    host: Host | None = None

    def initialize_settings(self) -> None:
        """Make what requests share; nothing is loaded or started yet."""
        server = self.serverapp
        assert server is not None
        root = Path(server.root_dir or os.getcwd())
        # Kernels inherit the server's variables, and each belongs to the workspace of its own notebook.
        inherited = os.environ.pop("NBPROOF_WORKSPACE", "")
        named = self.workspace or inherited
        if server.event_logger is not None and SCHEMA_ID not in server.event_logger.schemas:
            server.event_logger.register_event_schema(SCHEMA)
        self.host = Host(
            root,
            home_workspace=(root / Path(named).expanduser()) if named else None,
            address=url_path_join(server.base_url, PREFIX),
            given=Given(self.drain_seconds, self.server_threads, self.max_json_bytes, self.max_upload_bytes),
            emit=self._emit,
            log=self.log,
        )
        self.settings["nbproof_host"] = self.host

    def initialize_handlers(self) -> None:
        """One handler, at one place or two."""
        for prefix in [PREFIX, "api/v1"] if self.short_paths else [PREFIX]:
            self.handlers.append((rf"{prefix}(?:/.*)?", ApiHandler, {"prefix": prefix}))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        assert self.host is not None
        self.host.start()

    async def stop_extension(self) -> None:
        """End what goes on in the background."""
        if self.host is not None:
            await self.host.stop()

    def current_activity(self) -> dict[str, Any] | None:
        """Running jobs keep the server alive."""
        return self.host.activity() if self.host is not None else None

    def _emit(self, workspace: str, kind: str, ids: list[str]) -> None:
        if self.serverapp is not None and self.serverapp.event_logger is not None:
            self.serverapp.event_logger.emit(
                schema_id=SCHEMA_ID, data={"workspace": workspace, "kind": kind, "ids": ids}
            )
