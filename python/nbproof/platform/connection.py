"""The way to a server: requests out, answers or the platform's errors back.

Standard library only, and what speaks HTTP is loaded when something is sent: a kernel that only records loads
none of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from nbproof.core.errors import Invalid, NotAuthenticated, PlatformError, Unavailable, error_of
from nbproof.core.redaction import redact_text, without_credentials

if TYPE_CHECKING:
    import urllib.error

__all__ = ["Broken", "Connection", "TooLarge"]

_SECONDS = 30.0


class TooLarge(PlatformError):
    """The server takes no body of that size."""


class Broken(Unavailable):
    """The server does not answer, or not to its end: it may be asked again."""


class Connection:
    """Speaks to one server.

    Parameters
    ----------
    url : str
        ``https://host/base/nbproof`` or the server's base; ``/api/v1`` is added where it is missing.
        ``?workspace=ID`` chooses a workspace of the server.
    token : str, optional
        Sent in the ``Authorization`` header, never in the address; without the white space around it, such as
        the end of the file it was read from.

    Attributes
    ----------
    url, query : str
        The base of the API, and what is added to every request.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        address, _, self.query = url.partition("?")
        if not address.startswith(("http://", "https://")):
            raise Invalid(
                f"NBPROOF_URL must start with http:// or https://, found {redact_text(url).value!r}",
                details={"field": "NBPROOF_URL"},
            )
        try:
            parts = urlsplit(address)
            sound = bool(parts.hostname) and parts.port != 0 and address.isascii() and address.isprintable()
        except ValueError:  # a port that is no number, half of an IPv6 address
            sound = False
        if not sound or " " in address:
            raise Invalid(
                f"NBPROOF_URL is no address of a server: {redact_text(url).value!r}",
                hint="like https://host:8888/nbproof; a name beyond ASCII is written in punycode (xn--...)",
                details={"field": "NBPROOF_URL"},
            )
        token = token.strip() if token else None
        if token and not (token.isascii() and token.isprintable()):
            raise Invalid(
                "NBPROOF_TOKEN has characters that no HTTP header can hold",
                hint="it is one line of ASCII, as `nbproof serve` shows it",
                details={"field": "NBPROOF_TOKEN"},
            )
        address = address.rstrip("/")
        self.url = address if address.endswith("/api/v1") else f"{address}/api/v1"
        self._token = token

    @contextmanager
    def sent(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        data: bytes | IO[bytes] | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = _SECONDS,
    ) -> Iterator[Any]:
        """A request's answer, open for reading.

        Raises
        ------
        PlatformError
            What the server answered; `Unavailable` where it does not answer.
        """
        import http.client
        import urllib.error
        import urllib.request

        told = "&".join(part for part in (urlencode(query), self.query) if part)
        request = urllib.request.Request(
            f"{self.url}{path}{'?' + told if told else ''}",
            data=data,
            method=method,
            headers=dict(headers or {}),
        )
        if self._token:
            # Where a redirect leads, the token does not follow.
            request.add_unredirected_header("Authorization", f"token {self._token}")
        begun = False
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
                begun = True
                yield answer
        except urllib.error.HTTPError as error:
            raise self._refused(_told(error)) from None
        except (OSError, http.client.HTTPException) as error:
            # A URLError is an OSError, too; the other is an answer that was cut off, or no HTTP.
            if begun:
                raise Broken(
                    f"the answer of the server at {without_credentials(self.url)} was cut off",
                    hint="the connection broke; ask again",
                ) from None
            reason = getattr(error, "reason", error)
            raise Broken(
                f"the server at {without_credentials(self.url)} does not answer: {reason}",
                hint="start it with `nbproof serve`, or mend NBPROOF_URL and NBPROOF_TOKEN",
            ) from None

    def _refused(self, error: PlatformError) -> PlatformError:
        """Who speaks through us sets a variable, not a header."""
        if not isinstance(error, NotAuthenticated):
            return error
        how = "does not take the token of NBPROOF_TOKEN" if self._token else "wants a token"
        return NotAuthenticated(
            f"the server at {without_credentials(self.url)} {how}",
            hint="set NBPROOF_TOKEN to its token, as `nbproof serve` or `jupyter server list` prints it",
            details=error.details,
        )


def _told(error: urllib.error.HTTPError) -> PlatformError:
    with error:
        try:
            body = json.loads(error.read())
        except (ValueError, OSError):
            body = {}
    found = error_of(body if isinstance(body, dict) else {}, error.code)
    if error.code == 413:
        return TooLarge(found.message, hint=found.hint, details=found.details)
    return found
