"""``nbproof serve``: the extension on a Jupyter Server that has nothing else.

Jupyter Server brings who asks (its identity provider) and what they may (its authorizer); kernels, files,
terminals and sessions have no routes here.  The user's own Jupyter settings are not read: a password, a
port or an extension meant for JupyterLab would change this server too.  ``--config FILE`` is.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from traitlets.config import Application, Config

from nbproof._version import __version__
from nbproof.core.errors import Invalid, NotAllowed, PlatformError, Unavailable, face

# jsonschema, which Jupyter Server brings along, imports this where it is installed: a grammar that takes
# longer to build than everything else here to load.  It can do without, and nothing here checks IRIs.
_SLOW = "rfc3987_syntax"
_left_out = _SLOW not in sys.modules and "jsonschema" not in sys.modules
if _left_out:
    sys.modules[_SLOW] = None  # type: ignore[assignment]  # the documented way to say: not there
try:
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.utils import url_path_join
finally:
    if _left_out:
        del sys.modules[_SLOW]

__all__ = ["DEFAULT_PORT", "HeadlessServer", "main", "serve"]

DEFAULT_PORT = 8899


class HeadlessServer(ServerApp):
    """A Jupyter Server with nbproof's routes, the event stream and the login page, and no others."""

    name = "nbproof-serve"
    default_services = ("auth", "security", "events")  # type: ignore[assignment]  # a shorter tuple

    ready: Callable[[HeadlessServer], None] = staticmethod(lambda server: None)

    @property
    def config_file_paths(self) -> list[str]:
        """Nowhere: only what is named is read."""
        return []

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]  # Jupyter's
        """Read the file that was named, if one was; a mistake in it is one too many."""
        if self.config_file:
            path, name = os.path.split(os.path.abspath(self.config_file))
            Application.load_config_file(self, name, path=path)

    def init_signal(self) -> None:
        """End at once when told to: there is no kernel whose state could be lost."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._told_to_stop)

    def _told_to_stop(self, number: int, frame: Any) -> None:
        if not self._stopping:
            self.stop(from_signal=True)

    def _find_http_port(self) -> None:
        try:
            super()._find_http_port()
        except SystemExit:
            raise Unavailable(
                f"nothing can listen on {self.ip or '*'}:{self.port}, perhaps another program does",
                hint="choose another one with --port",
            ) from None

    async def _post_start(self) -> None:
        await super()._post_start()  # type: ignore[no-untyped-call]
        self.ready(self)


def serve(
    folder: Path | str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    base_url: str = "/",
    token: str | None = None,
    config: Path | str | None = None,
    allow_root: bool = False,
    say: Callable[[str], None] | None = None,
) -> int:
    """Serve a folder's workspace, and those below it, until told to stop.

    Parameters
    ----------
    folder : path, optional
        The folder that holds ``.nbproof``, which is made where it is missing; by default the current one.
    host : str
        Address to listen on.
    port : int, optional
        By default 8899, or a free one near it; 0 is any free one.
    base_url : str
        Below which path, for proxies.
    token : str, optional
        What clients send; by default ``NBPROOF_TOKEN``, ``JUPYTER_TOKEN``, or a new one, which is shown.
    config : path, optional
        A configuration file of Jupyter Server (``.py`` or ``.json``), to set an identity provider, an
        authorizer, certificates or limits.
    allow_root : bool
        Root may.
    say : callable, optional
        Takes each line for the user; by default it is printed.

    Returns
    -------
    int
        0 after an orderly end.

    Raises
    ------
    NotAllowed
        Root may not.
    Invalid
        The folder can't be a workspace, or there is no such configuration file.
    Unavailable
        The port is taken.
    """
    tell = say or _print
    if not allow_root and hasattr(os, "geteuid") and os.geteuid() == 0:
        raise NotAllowed(
            "running as root is not recommended: whoever reaches the server could reach every file",
            hint="start it as another user, or add --allow-root",
        )
    root = _workspace(Path(folder or Path.cwd()), tell)
    given = token or os.environ.get("NBPROOF_TOKEN") or os.environ.get("JUPYTER_TOKEN")
    chosen = given or secrets.token_hex(24)
    settings = _settings(root, host, _free_port(host) if port == 0 else port, base_url, chosen)
    if config is not None:
        if not Path(config).is_file():
            raise Invalid(f"there is no configuration file {str(config)!r}", details={"field": "config"})
        settings.HeadlessServer.config_file = str(Path(config).absolute())

    def ready(server: HeadlessServer) -> None:
        address = _address(server)
        tell(f"nbproof {__version__} serves {root} at {address}/api/v1 (pages: {address}/api/v1/docs)")
        if given is None:
            tell(f"token: {chosen}   (clients: NBPROOF_URL={address} NBPROOF_TOKEN=...)")

    server = HeadlessServer.instance(config=settings)
    server.ready = ready
    server.no_browser_open_file = True
    try:
        server.initialize(argv=[], find_extensions=False)
        server.start()
    finally:
        HeadlessServer.clear_instance()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m nbproof.server.serve``; what ``nbproof serve`` takes."""
    parser = argparse.ArgumentParser("nbproof serve", description=(serve.__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="by default the current one")
    parser.add_argument("--workspace", metavar="FOLDER", help="the same")
    parser.add_argument("--host", "--ip", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, metavar="N", help=f"default: {DEFAULT_PORT} or the next free one")
    parser.add_argument("--base-url", default="/", metavar="PATH", help="below which path, for proxies")
    parser.add_argument("--token", metavar="TOKEN", help="what clients must send; default: a new one")
    parser.add_argument("--config", metavar="FILE", help="a configuration file of Jupyter Server")
    parser.add_argument("--allow-root", action="store_true", help="let root do it")
    told = vars(parser.parse_args(argv))
    workspace = told.pop("workspace")
    told["folder"] = told["folder"] or workspace
    try:
        return serve(**told)
    except PlatformError as error:
        sys.stderr.write(f"nbproof: {error}\n")
        return face(error).exit_code


def _settings(root: Path, host: str, port: int | None, base_url: str, token: str) -> Config:
    settings = Config()
    server = settings.HeadlessServer
    server.ip = host
    server.port = DEFAULT_PORT if port is None else port
    server.port_retries = 50 if port is None else 0
    server.base_url = quote(base_url, safe="/%@:+~")
    server.root_dir = str(root)
    server.default_url = url_path_join("/", quote(base_url, safe="/%@:+~"), "nbproof/api/v1/docs")
    server.jpserver_extensions = {"nbproof": True}
    server.open_browser = False
    server.allow_root = True  # asked before, in words of our own
    server.log_level = logging.WARNING
    server.terminals_enabled = False
    settings.ContentsManager.files_handler_class = None  # no /files/...
    settings.NotebookNotary.db_file = ":memory:"
    settings.IdentityProvider.token = token
    settings.PasswordIdentityProvider.allow_password_change = False
    settings.NbproofApp.short_paths = True
    settings.NbproofApp.workspace = str(root)
    return settings


def _free_port(host: str) -> int:
    """A port that nothing listens on; older Jupyter Servers would not tell which one they were given."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        port: int = found.getsockname()[1]
        return port


def _workspace(folder: Path, tell: Callable[[str], None]) -> Path:
    """The root of the workspace in this folder, which is made where it is missing."""
    from nbproof.platform.location import FOLDER, Location
    from nbproof.platform.workspace import Workspace

    root = folder.expanduser().absolute().resolve()
    if root.name == FOLDER:
        root = root.parent
    if root in (Path.home().resolve(), Path(root.anchor)):
        raise Invalid(
            f"{root} can't be a workspace: it would swallow every project below",
            hint="name a project's folder",
            details={"field": "folder"},
        )
    if root.exists() and not root.is_dir():
        raise Invalid(f"{root} is not a folder", details={"field": "folder"})
    try:
        Workspace(Location(root, (root / FOLDER).is_dir(), "named"), say=tell).make()
    except OSError as error:
        raise Unavailable(f"no workspace can be made in {root}: {error.strerror or error}") from None
    return root


def _address(server: HeadlessServer) -> str:
    scheme = "https" if server.certfile else "http"
    host = server.ip if server.ip not in ("", "0.0.0.0", "::") else "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{server.port}{server.base_url.rstrip('/')}"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
