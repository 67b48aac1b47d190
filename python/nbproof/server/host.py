"""What all requests share: the threads for blocking work and, loaded in one of them, the `desk`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nbproof._version import __version__
from nbproof.core.errors import PlatformError, Unavailable
from nbproof.server.changes import ChangeEvents
from nbproof.server.drains import Drains

if TYPE_CHECKING:
    from nbproof.core.settings import Settings
    from nbproof.platform.workspace import Workspace
    from nbproof.server.desk import Desk

__all__ = ["Given", "Host"]

P = ParamSpec("P")
T = TypeVar("T")

_SETTLE_SECONDS = 0.2


@dataclass(frozen=True)
class Given:
    """What the server's own configuration says; None leaves it to the workspace's settings."""

    drain_seconds: float | None = None
    server_threads: int | None = None
    max_json_bytes: int = 32 << 20
    max_upload_bytes: int = 16 << 30


class Host:
    """Lives on the server's event loop, and does what blocks in threads of its own.

    Laws: its methods are called on the loop; making one imports nothing heavy and starts nothing; what
    was started ends with `stop`, which may be called without `start` and again.

    Parameters
    ----------
    root : Path
        The folder that is served.
    home_workspace : Path, optional
        Whose workspace is meant where a request names none.
    address : str
        Path of the API on this server.
    given : Given
    emit : callable
        Sends one change event: workspace id, kind, ids.
    log : logger
    """

    def __init__(
        self,
        root: Path,
        *,
        home_workspace: Path | None,
        address: str,
        given: Given,
        emit: Callable[[str, str, list[str]], None],
        log: logging.Logger,
    ) -> None:
        self.root = root
        self.given = given
        self._home_workspace = home_workspace
        self._address = address
        self._log = log
        self._started = time.monotonic()
        self._loading: asyncio.Future[Desk] | None = None
        self._desk: Desk | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._changes = ChangeEvents(emit)
        self._drains: Drains | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._roots: set[Path] = set()
        self._announcing = False
        self._warm = False
        self._stopped = False

    # -- requests ------------------------------------------------------------------------------------

    async def ready(self) -> Desk:
        """The desk; whoever asks first has it loaded.

        Raises
        ------
        Unavailable
            It can't be loaded, or the server is going down.
        """
        if self._desk is not None:
            return self._desk
        if self._stopped:
            raise _going_down()
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load())
        # Shielded: a client that hangs up must not take the loading along.
        return await asyncio.shield(self._loading)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something that blocks in a worker thread."""
        if self._pool is None or self._stopped:
            raise _going_down()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: function(*args, **kwargs)
            )
        finally:
            if not self._warm:
                self._warm = True
                self.run_soon(_warm_up)

    def run_soon(self, function: Callable[[], object]) -> None:
        """Call something in a worker thread without waiting for it."""
        if self._pool is not None and not self._stopped:
            self._pool.submit(function)
        else:
            function()

    # -- what the outside asks -----------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """What /health tells."""
        drains = self._drains.state() if self._drains is not None else None
        failed = self._loading is not None and self._loading.done() and self._desk is None
        status = "ok" if self._desk is not None else "failing" if failed else "starting"
        if status == "ok" and drains is not None and drains["failing"]:
            status = "degraded"
        return {
            "status": status,
            "version": __version__,
            "uptime_seconds": round(time.monotonic() - self._started, 3),
            "drain": drains,
        }

    def activity(self) -> dict[str, Any] | None:
        """What must not be interrupted, for Jupyter's idle shutdown; None if nothing is going on."""
        if self._desk is None:
            return None
        running = 0
        for workspace in self._desk.directory.opened():
            if "jobs" in vars(workspace):
                running += workspace.jobs.busy
        return {"jobs": running} if running else None

    # -- the background ------------------------------------------------------------------------------

    def start(self) -> None:
        """Load, drain and be announced, from now on."""
        self._announcing = True
        self._task(self._background())

    async def stop(self) -> None:
        """End what goes on, drain once more and let go of every workspace."""
        if self._stopped:
            return
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        await asyncio.to_thread(self._close)
        self._changes.close()

    async def _background(self) -> None:
        # Whoever waits for the server to start is answered first: imports hold up every thread.
        await asyncio.sleep(_SETTLE_SECONDS)
        try:
            desk = await self.ready()
        except PlatformError:
            return  # logged where it happened; requests tell it too
        assert self._drains is not None
        await self._drains.run(desk.directory)

    async def _load(self) -> Desk:
        self._changes.bind(asyncio.get_running_loop())
        try:
            # Not in the pool: how many threads that has is a setting, and settings need loading.
            desk, settings = await asyncio.to_thread(self._load_now)
        except Exception as error:
            self._log.exception("nbproof can't be loaded; its routes answer 503")
            raise Unavailable(
                f"nbproof can't be loaded on the server: {error}", hint="run `nbproof doctor` on its machine"
            ) from error
        self._pool = ThreadPoolExecutor(settings.server_threads, thread_name_prefix="nbproof")
        self._drains = Drains(settings.drain_seconds, log=self._log)
        self._desk = desk
        return desk

    def _load_now(self) -> tuple[Desk, Settings]:
        from nbproof.core.settings import Settings, load_settings
        from nbproof.server.desk import Desk

        desk = Desk(
            self.root, home_workspace=self._home_workspace, address=self._address, opened=self._opened
        )
        given: dict[str, Any] = {
            key: value
            for key in ("drain_seconds", "server_threads")
            if (value := getattr(self.given, key)) is not None
        }
        try:
            settings = load_settings(desk.directory.default().folder, None, **given)
        except PlatformError as error:
            self._log.warning("nbproof: %s; the server goes on with default settings", error)
            settings = Settings(**given)
        self._announce(self.root)
        return desk, settings

    def _opened(self, workspace: Workspace) -> None:
        # Called in worker threads, once for each workspace.
        from nbproof.platform.directory import workspace_id

        identifier = workspace_id(workspace.root)
        workspace.changes.subscribe(lambda change: self._changes.add(identifier, change))
        # It may lie outside of the root: above it, where the git repository begins.
        self._announce(workspace.root)

    def _close(self) -> None:
        if self._pool is not None:
            # What was taken on is finished: among it may be the end of a file or a spool.
            self._pool.shutdown(wait=True)
        if self._drains is not None and self._desk is not None:
            self._drains.close(self._desk.directory)
        if self._roots:
            from nbproof.storage.announce import withdraw_server

            withdraw_server()
        if self._desk is not None:
            self._desk.directory.close()

    def _announce(self, root: Path) -> None:
        """Tell other processes that this server drains what lies below."""
        from nbproof.storage.announce import announce_server

        if not self._announcing or any(root.is_relative_to(known) for known in self._roots):
            return
        self._roots.add(root)
        announce_server(self._roots)

    def _task(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _going_down() -> Unavailable:
    # The panel knows the reason: a server that stops is as good as one that is away.
    return Unavailable("the server is going down", details={"reason": "stopping"})


def _warm_up() -> None:
    """Load what the first record of a new workspace would be kept waiting for: somebody is looking on.

    Where nobody ever asks, the memory is saved.
    """
    import nbproof.storage.drain
    import nbproof.tracking.repository  # noqa: F401
