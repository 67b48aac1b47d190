"""One request handler for every route.

Rooms declare verbs; which there are is known only when the rooms have been imported, and that waits until
the server answers.  So Jupyter Server is given one handler, which finds the operation by method and path.
The order of things, for every request: host and origin (Jupyter's), who asks, cross-site forgery (Jupyter's),
which operation, may they, and only then the body.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.httputil import url_concat
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated, stream_request_body

from nbproof.core.errors import Invalid, NotAllowed, NotAuthenticated, PlatformError
from nbproof.server.ranges import byte_range
from nbproof.server.refusals import shown, too_large, wrong_media_type, wrong_method

if TYPE_CHECKING:
    from nbproof.server.desk import OpenFile, Question
    from nbproof.server.host import Host
    from nbproof.server.spool import Spool

__all__ = ["RESOURCE", "ApiHandler"]

RESOURCE = "nbproof"

# Words of a query that belong to Jupyter or to us, never to an operation.
_OURS = frozenset({"workspace", "token", "_xsrf", "no_track_activity"})
_TIME_STAMP = re.compile(r"[0-9]{10,}")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)
_BLOCK = 1 << 20
# So much of a refused body is still taken in: who gets no answer before its last byte would see a broken
# connection instead of the reason.
_LINGER_BYTES = 64 << 20
_PAGES = frozenset({"", "/", "/health", "/openapi.json", "/docs"})


@stream_request_body
class ApiHandler(ExtensionHandlerMixin, APIHandler):
    """Answers ``<base_url><prefix>/...``."""

    def initialize(self, name: str, prefix: str) -> None:
        """Take the place below which paths are looked up."""
        self.name = name
        self._prefix = prefix
        self._question: Question | None = None
        self._body = bytearray()
        self._limit = 0
        self._spool: Spool | None = None
        self._file: OpenFile | None = None
        self._refusal: Exception | None = None
        self._dropped = 0
        # A panel that polls is no reason to keep an idle server alive.
        self._track_activity = self.request.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def host(self) -> Host:
        """What all requests share."""
        host: Host = self.settings["nbproof_host"]
        return host

    # -- before the body -----------------------------------------------------------------------------

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own API handlers do
        """Everything that can be refused before the body is read."""
        try:
            await super().prepare()
            if not self._finished and self.request.method != "OPTIONS":
                await self._admit()
        except (PlatformError, HTTPError) as error:
            if not self._body_is_coming():
                raise
            self._refusal = error

    async def _admit(self) -> None:
        path = self._path()
        if not self.current_user:
            if path in ("", "/", "/docs") and "text/html" in self.request.headers.get("Accept", ""):
                self.redirect(url_concat(self.settings["login_url"], {"next": self.request.uri}))
                return
            raise NotAuthenticated(
                "this server wants to know who asks",
                hint="send the header `Authorization: token TOKEN`, or log in",
            )
        method = self.request.method or ""
        if path in _PAGES:
            await self._may("read")
            if method not in ("GET", "HEAD"):
                raise wrong_method(method, path, ["GET"])
            return
        desk = await self.host.ready()
        try:
            match = desk.routes.find(method, path)
        except PlatformError:
            await self._may("read")  # what there is, is not told to everybody either
            raise
        await self._may(match.operation.action)
        from nbproof.server.desk import Question

        query, workspace = self._query()
        self._question = Question(match, query, workspace)
        if match.operation.upload is not None:
            self._limit = self.host.given.max_upload_bytes
            self._check_length("max_upload_bytes")
            if self._media_type().startswith("multipart/"):
                raise wrong_media_type(
                    self._media_type(),
                    "the bytes of the file alone",
                    "curl: --data-binary @FILE instead of -F",
                )
            # Jupyter's own limit is meant for bodies that are kept in memory.
            self.request.connection.set_max_body_size(self._limit + _LINGER_BYTES)  # type: ignore[union-attr]
            self._spool = await self.host.run(
                desk.begin_upload, self._question, self.request.headers.get("Content-Disposition")
            )
        elif match.operation.method not in ("GET", "DELETE"):
            self._limit = self.host.given.max_json_bytes
            self._check_length("max_json_bytes")
            kind = self._media_type()
            if self._body_is_coming() and kind not in ("", "application/json") and not kind.endswith("+json"):
                raise wrong_media_type(kind, "application/json", "curl: -H 'Content-Type: application/json'")

    async def _may(self, action: str) -> None:
        """Ask the server's authorizer; raises where it says no."""
        checks: dict[str, Any] = {
            "read": self._may_read,
            "write": self._may_write,
            "execute": self._may_execute,
            "backup": self._may_back_up,
        }
        await checks[action]()

    # Action and resource are spelled out: without them the decorator keeps those of its first call.

    @authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def _may_read(self) -> None:
        pass

    @authenticated
    @authorized("write", RESOURCE)  # type: ignore[untyped-decorator]
    async def _may_write(self) -> None:
        pass

    @authenticated
    @authorized("execute", RESOURCE)  # type: ignore[untyped-decorator]
    async def _may_execute(self) -> None:
        pass

    @authenticated
    @authorized("backup", RESOURCE)  # type: ignore[untyped-decorator]
    async def _may_back_up(self) -> None:
        pass

    def check_host(self) -> bool:
        """Jupyter's guard against DNS rebinding, in our shape."""
        if super().check_host():
            return True
        self.current_user = self._jupyter_current_user = None
        raise NotAllowed(
            f"requests for the host {self.request.host!r} are refused",
            hint="set ServerApp.local_hostnames or ServerApp.allow_remote_access",
        )

    def check_xsrf_cookie(self) -> None:
        """Jupyter's guard against cross-site requests, in our shape."""
        if hasattr(self, "_jupyter_current_user") and not self.current_user:
            return  # refused right after this, with a better reason
        try:
            super().check_xsrf_cookie()
        except HTTPError as error:
            raise NotAllowed(
                f"the request may come from another site: {error.log_message}",
                hint="send the cookie _xsrf again as the header X-XSRFToken, or a token instead of a cookie",
            ) from None

    # -- the body ------------------------------------------------------------------------------------

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body; nothing is kept of what nobody wants."""
        if self._refusal is not None:
            self._dropped += len(chunk)
            if self._dropped > _LINGER_BYTES and not self._finished:
                self._answer_refusal()
            return
        if self._question is None or self._limit == 0:
            return
        arrived = len(self._body) + (self._spool.size if self._spool else 0) + len(chunk)
        try:
            if arrived > self._limit:
                raise too_large(self._limit, "max_upload_bytes" if self._spool else "max_json_bytes")
            self._body += chunk
            if self._spool and len(self._body) >= _BLOCK:
                await self._spill()
        except PlatformError as error:
            self._refusal = error
            self._body = bytearray()
            self._drop_spool()

    async def _spill(self) -> None:
        assert self._spool is not None
        piece, self._body = bytes(self._body), bytearray()
        await self.host.run(self._spool.write, piece)

    def on_connection_close(self) -> None:
        """The client is gone: nothing of its upload stays."""
        super().on_connection_close()
        self._drop_spool()

    def on_finish(self) -> None:
        """Clean up behind the request."""
        self._drop_spool()
        if self._file is not None:
            self.host.run_soon(self._file.stream.close)

    def _drop_spool(self) -> None:
        if self._spool is not None:
            self.host.run_soon(self._spool.remove)

    # -- the answer ----------------------------------------------------------------------------------

    @authenticated
    async def get(self) -> None:
        """Answer; that the caller may do what is asked was seen before the body was read."""
        await self._respond()

    @authenticated
    async def head(self) -> None:
        """Headers of what GET would answer."""
        await self._respond()

    @authenticated
    async def post(self) -> None:
        """As `get`."""
        await self._respond()

    @authenticated
    async def put(self) -> None:
        """As `get`."""
        await self._respond()

    @authenticated
    async def patch(self) -> None:
        """As `get`."""
        await self._respond()

    @authenticated
    async def delete(self) -> None:
        """As `get`."""
        await self._respond()

    async def _respond(self) -> None:
        if self._finished:
            return
        if self._refusal is not None:
            raise self._refusal
        if self._question is None:
            await self._page()
            return
        # A browser may keep the answer, if it asks each time whether it still holds.
        self.set_header("Cache-Control", "private, no-cache")
        desk = await self.host.ready()
        answer = await self.host.run(desk.answer, self._question, bytes(self._body), self._spool)
        self.set_status(answer.status)
        if answer.file is not None:
            self._file = answer.file
            await self._send(answer.file)
        elif answer.body:
            await self.finish(answer.body)
        else:
            await self.finish()

    async def _send(self, file: OpenFile) -> None:
        # Whatever the file is, a browser keeps it and runs nothing of it.
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.set_header("X-Content-Type-Options", "nosniff")
        kind = file.media_type if _MEDIA_TYPE.fullmatch(file.media_type) else "application/octet-stream"
        self.set_header("Content-Type", kind)
        self.set_header("Content-Disposition", _attachment(file.name))
        if file.tag is not None:
            self.set_header("Etag", file.tag)
        if self.check_etag_header():
            self.set_status(304)
            await self.finish(set_content_type=kind)
            return
        if file.size is None:
            await self._send_made(file, kind)
            return
        self.set_header("Accept-Ranges", "bytes")
        first, left = 0, file.size
        if (part := self._part(file, file.size)) is not None:
            first, left = part
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {first}-{first + left - 1}/{file.size}")
        self.set_header("Content-Length", str(left))
        if self.request.method == "HEAD":
            await self.finish(set_content_type=kind)
            return
        with suppress(StreamClosedError):
            await self.host.run(file.stream.seek, first)
            while left > 0:
                block = await self.host.run(file.stream.read, min(_BLOCK, left))
                if not block:
                    # It became shorter under our hands.  Only a broken connection tells the client so.
                    self.log.error("nbproof: %s became shorter while it was sent", file.name)
                    self.request.connection.stream.close()  # type: ignore[union-attr]
                    return
                left -= len(block)
                self.write(block)
                await self.flush()
            await self.finish(set_content_type=kind)

    async def _send_made(self, file: OpenFile, kind: str) -> None:
        """Send what nobody knows the length of before it is made."""
        if self.request.method == "HEAD":
            await self.finish(set_content_type=kind)
            return
        with suppress(StreamClosedError):
            while True:
                try:
                    block = await self.host.run(file.stream.read, _BLOCK)
                except Exception:
                    # The answer has begun.  Only a broken connection tells the client that it has no end.
                    self.log.exception("nbproof: %s broke off while it was sent", file.name)
                    self.request.connection.stream.close()  # type: ignore[union-attr]
                    return
                if not block:
                    break
                self.write(block)
                await self.flush()
            await self.finish(set_content_type=kind)

    def _part(self, file: OpenFile, size: int) -> tuple[int, int] | None:
        """Start and length of the part that is asked for; None for the whole."""
        wanted = self.request.headers.get("Range")
        if wanted is None or self.request.method != "GET":
            return None
        # A part of another content than the client has would make a file of two halves.  Dates are not told.
        if self.request.headers.get("If-Range", file.tag) != file.tag:
            return None
        return byte_range(wanted, size)

    async def _page(self) -> None:
        path = self._path()
        if path == "/health":
            self.set_header("Cache-Control", "no-store")
            health = self.host.health()
            if health["status"] == "failing":
                self.set_status(503)
            await self.finish(json.dumps(health))
            return
        if path in ("", "/"):
            self.redirect(f"{self.base_url}{self._prefix}/docs")
            return
        self.set_header("Cache-Control", "private, no-cache")
        desk = await self.host.ready()
        if path == "/openapi.json":
            await self.finish(await self.host.run(lambda: desk.openapi))
            return
        page = await self.host.run(lambda: desk.page)
        self.set_header("Content-Security-Policy", page.policy)
        await self.finish(page.html, set_content_type="text/html; charset=UTF-8")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every failure in the one shape."""
        error = self._refusal or (kwargs["exc_info"][1] if "exc_info" in kwargs else None)
        status, headers, text = shown(error, status_code)
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)
        if hasattr(self, "_jupyter_current_user"):
            self.set_cors_headers()  # or a page of another origin could not read the reason
        self.finish(text)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What a client did wrong is no news; anything else is logged with all there is."""
        if isinstance(value, PlatformError):
            self.log.debug("nbproof: %s %s: %s", self.request.method, self.request.path, value)
        elif isinstance(value, HTTPError):
            super().log_exception(typ, value, tb)
        else:
            self.log.error(
                "nbproof: %s %s failed", self.request.method, self.request.path, exc_info=(typ, value, tb)
            )

    def options(self, *args: Any, **kwargs: Any) -> None:
        """Tell another origin's browser what it may send."""
        super().options(*args, **kwargs)
        named = self._headers.get("Access-Control-Allow-Headers")
        if named and named != "*":
            self.set_header(
                "Access-Control-Allow-Headers", f"{named}, x-nbproof-workspace, content-disposition"
            )

    # Keeps the mark by which Jupyter Server knows that anybody may ask this.
    options.__dict__.update(APIHandler.options.__dict__)

    # -- reading the request -------------------------------------------------------------------------

    def _path(self) -> str:
        # The raw path: a decoded one would not tell a slash inside a name from one between names.
        return self.request.path[len(self.base_url) + len(self._prefix) :]

    def _query(self) -> tuple[list[tuple[str, str]], str | None]:
        """The operation's part of the query, and the workspace's id."""
        try:
            unquote_to_bytes(self.request.path).decode()
            pairs = parse_qsl(self.request.query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Invalid("the address is not UTF-8", hint="percent-encode names as UTF-8") from None
        except ValueError as error:
            raise Invalid(f"the query can't be read: {error}") from None
        workspace = self.request.headers.get("X-Nbproof-Workspace") or None
        for key, value in pairs:
            if key == "workspace":
                workspace = value or None
        # JupyterLab adds a nameless time stamp where it does not want to be answered from a cache.
        kept = [
            (key, value)
            for key, value in pairs
            if key not in _OURS and not (value == "" and _TIME_STAMP.fullmatch(key))
        ]
        return kept, workspace

    def _media_type(self) -> str:
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _length(self) -> int | None:
        text = self.request.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def _body_is_coming(self) -> bool:
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            return False  # the client waits for our word
        return bool(self._length()) or "Transfer-Encoding" in self.request.headers

    def _check_length(self, setting: str) -> None:
        if (self._length() or 0) > self._limit:
            raise too_large(self._limit, setting)

    def _answer_refusal(self) -> None:
        error = self._refusal
        assert error is not None
        self.send_error(500, exc_info=(type(error), error, None))


def _attachment(name: str) -> str:
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
