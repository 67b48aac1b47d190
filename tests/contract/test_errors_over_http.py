"""Every route: who is not known, who may not, and what every refusal looks like."""

from __future__ import annotations

import re

import pytest

from nbproof.core.operation import Operation
from nbproof.platform.rooms import operations
from tests.server.conftest import (  # noqa: F401  # fixtures
    Ask,
    ask,
    authorizations,
    denied,
    jp_server_config,
)

OPERATIONS = operations()
PAGES = ["/health", "/openapi.json", "/docs", "", "/"]


def _path(operation: Operation) -> str:
    return re.sub(r"\{\w+\}", "nothing-of-that-name", operation.path)


def _body(operation: Operation) -> object:
    if operation.upload is not None:
        return b"the bytes"
    return {} if operation.method not in ("GET", "DELETE") else None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_no_operation_answers_somebody_unknown(ask: Ask, operation: Operation) -> None:  # noqa: F811
    reply = await ask(operation.method, _path(operation), _body(operation), authenticated=False)
    assert (reply.status, reply.error["code"]) == (401, "not-authenticated")
    assert "token" in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_every_operation_asks_for_its_own_permission(
    ask: Ask,  # noqa: F811
    denied: set[str],  # noqa: F811
    authorizations: list[tuple[str, str]],  # noqa: F811
    operation: Operation,
) -> None:
    denied.add(operation.action)
    reply = await ask(operation.method, _path(operation), _body(operation))
    assert (reply.status, reply.error["code"]) == (403, "not-allowed")
    assert authorizations == [(operation.action, "nbproof")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_every_operation_needs_no_other_permission(
    ask: Ask,  # noqa: F811
    denied: set[str],  # noqa: F811
    operation: Operation,
) -> None:
    denied |= {"read", "write", "execute"} - {operation.action}
    reply = await ask(operation.method, _path(operation), _body(operation))
    assert reply.status not in (401, 403, 405, 500)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_every_failure_has_the_one_shape(ask: Ask, operation: Operation) -> None:  # noqa: F811
    unknown = await ask(operation.method, f"{_path(operation)}?workspace=nowhere", _body(operation))
    if unknown.status < 300:
        assert operation.name.startswith("workspaces.")
    else:
        assert unknown.status in (404, 422)
        assert unknown.error["code"] in ("not-found", "invalid")
    if operation.body_fields:
        surplus = await ask(operation.method, _path(operation), {"nonsense": 1})
        assert surplus.status == 422
        fields = [fault["field"] for fault in surplus.error["details"]["errors"]]
        assert "nonsense" in fields
    else:
        surplus = await ask(operation.method, f"{_path(operation)}?nonsense=1", _body(operation))
        assert surplus.status == 422


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_a_method_that_a_path_lacks_is_refused(ask: Ask, operation: Operation) -> None:  # noqa: F811
    known = {each.method for each in OPERATIONS if each.path == operation.path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
        reply = await ask(method, _path(operation), None if method in ("GET", "DELETE") else {})
        # A fixed word may be a name where only the template knows the method.
        assert reply.status in (404, 405, 422)
        assert reply.error["code"] in ("not-found", "invalid")


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_answers_somebody_unknown(ask: Ask, path: str) -> None:  # noqa: F811
    reply = await ask("GET", path, authenticated=False)
    assert (reply.status, reply.error["code"]) == (401, "not-authenticated")


@pytest.mark.parametrize("path", [*PAGES, "/no-such-page"])
async def test_pages_need_permission_to_read(
    ask: Ask,  # noqa: F811
    denied: set[str],  # noqa: F811
    path: str,
) -> None:
    denied.add("read")
    reply = await ask("GET", path)
    assert (reply.status, reply.error["code"]) == (403, "not-allowed")


@pytest.mark.parametrize("path", ["/nothing", "/runs/a/b/c/d"])
async def test_somebody_unknown_is_not_told_what_there_is(ask: Ask, path: str) -> None:  # noqa: F811
    reply = await ask("GET", path, authenticated=False)
    assert reply.status == 401
