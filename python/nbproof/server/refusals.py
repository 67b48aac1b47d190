"""What HTTP itself can refuse, in the one shape of errors.

The table of `core.errors` is about verbs; a wrong method, a body of the wrong kind or size never
reaches one.  Their codes are the table's, their statuses HTTP's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from tornado.web import HTTPError

from nbproof.core.errors import (
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PlatformError,
    Unavailable,
    as_json,
    face,
)

__all__ = ["Refused", "shown", "too_large", "wrong_media_type", "wrong_method"]


class Refused(Invalid):
    """A request that is wrong as HTTP."""

    def __init__(
        self, status: int, message: str, *, hint: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint, details={"status": status})
        self.status = status
        self.headers = dict(headers or {})


def wrong_method(method: str, path: str, known: Iterable[str]) -> Refused:
    """405, with the methods that there are."""
    allowed = ", ".join(sorted(known))
    return Refused(
        405, f"{path} has no {method}", hint=f"methods there: {allowed}", headers={"Allow": allowed}
    )


def wrong_media_type(found: str, wanted: str, hint: str) -> Refused:
    """415."""
    return Refused(415, f"the body is sent as {found!r}, expected {wanted}", hint=hint)


def too_large(limit: int, setting: str) -> Refused:
    """413."""
    return Refused(
        413, f"the body is larger than {limit:,} bytes", hint=f"the server's setting {setting} says so"
    )


def shown(error: BaseException | None, status: int) -> tuple[int, dict[str, str], str]:
    """Status, headers and JSON text for any failure; nothing of an unexpected one is given away.

    Parameters
    ----------
    error : exception, optional
        What was raised.
    status : int
        What tornado would answer; counts where the error is not one of ours.
    """
    headers: dict[str, str] = {}
    if isinstance(error, PlatformError):
        told = error
        status = error.status if isinstance(error, Refused) else face(error).status
        if isinstance(error, Refused):
            headers = error.headers
    elif isinstance(error, HTTPError):
        status = error.status_code
        message = error.log_message
        told = _told(status, message % error.args if message and error.args else message)
    else:
        told = _told(status, None)
    if status == 401:
        headers["WWW-Authenticate"] = 'token realm="Jupyter Server"'
    return status, headers, json.dumps(as_json(told), default=str)


def _told(status: int, message: str | None) -> PlatformError:
    if status == 401:
        return NotAuthenticated(message or "this server wants to know who asks")
    if status == 403:
        return NotAllowed(message or "this is not allowed")
    if status == 404:
        return NotFound(message or "there is nothing here")
    if status == 503:
        return Unavailable(message or "the server can't answer now")
    if status == 405:
        return Invalid(message or "no such method is known here")
    if status < 500:
        return Invalid(message or "the request makes no sense")
    return PlatformError("something went wrong inside nbproof", hint="the server's log says what")
