"""A Jupyter Server with the extension inside the test's own process, and a way to ask it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer

from tests.support.http import Reply

Ask = Callable[..., Awaitable[Reply]]

_denied: set[str] = set()
_asked: list[tuple[str, str]] = []


class Strict(Authorizer):
    """Allows what is not denied for the moment, and remembers what it was asked."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        _asked.append((action, resource))
        return action not in _denied


@pytest.fixture
def denied() -> Iterator[set[str]]:
    _denied.clear()
    yield _denied
    _denied.clear()


@pytest.fixture
def authorizations() -> list[tuple[str, str]]:
    _asked.clear()
    return _asked


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"nbproof": True}, "authorizer_class": Strict},
        "NbproofApp": {"max_json_bytes": 1 << 20, "max_upload_bytes": 8 << 20},
    }


@pytest.fixture
def ask(jp_serverapp: Any, jp_base_url: str, http_server_client: Any, jp_auth_header: dict[str, str]) -> Ask:
    """``await ask("POST", "/experiments", {"name": "x"})``; paths are sent as they are."""

    async def send(
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
        **options: Any,
    ) -> Reply:
        sent = dict(jp_auth_header) if authenticated else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        answer = await http_server_client.fetch(
            f"{jp_base_url}nbproof/api/v1{path}",
            method=method,
            body=body,
            headers=sent | (headers or {}),
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
            **options,
        )
        return Reply(answer.code, answer.headers, answer.body or b"")

    return send
