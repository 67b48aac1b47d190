"""Requests and answers, through a real Jupyter Server in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbproof.core.errors import PlatformError
from nbproof.core.operation import Ask as CoreAsk
from nbproof.core.operation import View, operation
from nbproof.platform.directory import Directory
from nbproof.platform.rooms import Room, added
from nbproof.storage.journal.writer import JournalWriter
from tests.server.conftest import Ask
from tests.support.http import encoded

NAMES = [
    "plain",
    "a/b",
    "100 %",
    "🙂 snake 🐍",
    "ünïcödé",
    "a?b#c&d=e;f",
    "%2F",
    "." * 3,
    "n" * 500,
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_can_be_used_in_a_path(ask: Ask, name: str) -> None:
    started = await ask("POST", "/experiments/demo/runs", {"name": name})
    assert started.status == 201
    logged = await ask("POST", f"/runs/{started.json['id']}/metrics", {"key": name, "value": 1.5})
    assert logged.status == 204
    history = await ask("GET", f"/runs/{started.json['id']}/metrics/{encoded(name)}")
    assert history.status == 200
    assert [point["value"] for point in history.json["items"]] == [1.5]
    assert (await ask("GET", f"/runs/{encoded(name)}")).json["id"] == started.json["id"]


@pytest.mark.parametrize("word", ["search", "compare", "diff"])
async def test_words_of_the_routes_are_no_names_of_runs(ask: Ask, word: str) -> None:
    refused = await ask("POST", "/experiments/demo/runs", {"name": word})
    assert (refused.status, refused.error["details"]["field"]) == (422, "name")
    run = (await ask("POST", "/experiments/demo/runs", {})).json["id"]
    assert (await ask("PATCH", f"/runs/{run}", {"name": word})).status == 422
    logged = await ask("POST", f"/runs/{run}/metrics", {"key": word, "value": 1})
    assert logged.status == 204


async def test_what_the_disk_did_not_take_is_not_acknowledged(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = (await ask("POST", "/experiments/demo/runs", {"name": "full"})).json["id"]

    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JournalWriter, "event", full)
    for method, path, body in [
        ("POST", "/experiments/demo/runs", {}),
        ("POST", f"/runs/{run}/metrics", {"key": "a", "value": 1}),
        ("POST", f"/runs/{run}/metrics/batch", {"metrics": {"b": 1}}),
        ("POST", f"/runs/{run}/params", {"key": "a", "value": 1}),
        ("POST", f"/runs/{run}/tags", {"key": "a", "value": "b"}),
        ("POST", f"/runs/{run}/resume", {}),
        ("PATCH", f"/runs/{run}", {"notes": "new"}),
        ("PUT", f"/runs/{run}/provenance", {"git": None, "code": "0"}),
        ("POST", f"/runs/{run}/end", {}),
    ]:
        answer = await ask(method, path, body)
        assert (answer.status, answer.error["code"]) == (503, "unavailable"), (method, path)
        assert "No space left" in answer.error["message"]
    upload = await ask("POST", f"/runs/{run}/artifacts?name=a.txt", b"bytes")
    assert upload.status == 503
    monkeypatch.undo()
    assert (await ask("POST", f"/runs/{run}/metrics", {"key": "a", "value": 1})).status == 204
    assert (await ask("POST", f"/runs/{run}/end", {})).status == 200


async def test_a_run_is_recorded_from_start_to_end(ask: Ask) -> None:
    run = (await ask("POST", "/experiments/demo/runs", {"params": {"depth": 3}})).json["id"]
    await ask("POST", f"/runs/{run}/metrics/batch", {"metrics": {"auc": 0.9, "loss": "NaN"}, "step": 2**60})
    await ask("POST", f"/runs/{run}/tags", {"key": "stage", "value": "test"})
    ended = await ask("POST", f"/runs/{run}/end", {"status": "failed"})
    assert ended.status == 200
    assert ended.json["status"] == "failed"
    assert ended.json["params"] == {"depth": 3}
    assert ended.json["metrics"] == {"auc": 0.9, "loss": "NaN"}
    assert ended.json["tags"] == {"stage": "test"}
    assert ended.json["newest_metric"]["step"] == str(2**60)
    assert (await ask("POST", f"/runs/{run}/end", {})).error["code"] == "conflict"


async def test_the_first_look_finds_nothing_and_leaves_nothing(ask: Ask, jp_root_dir: Path) -> None:
    assert (await ask("GET", "/experiments")).json == {"items": [], "next": None}
    assert not (jp_root_dir / ".nbproof").exists()


async def test_an_unknown_field_is_named(ask: Ask) -> None:
    reply = await ask("POST", "/experiments", {"name": "x", "descripton": "y"})
    assert reply.status == 422
    assert reply.error["details"]["field"] == "descripton"
    assert "description" in reply.error["message"]


async def test_a_wrong_value_is_named(ask: Ask) -> None:
    reply = await ask("GET", "/experiments?limit=many")
    assert reply.status == 422
    assert reply.error["details"]["field"] == "limit"


@pytest.mark.parametrize("body", [b"{bad", b"[1]", b"\xff\xfe", b'{"name": "x"', b"1" * 5000, b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(ask: Ask, body: bytes) -> None:
    reply = await ask("POST", "/experiments", body, headers={"Content-Type": "application/json"})
    assert reply.status == 422
    assert reply.error["details"]["field"] == "(body)"


async def test_a_body_of_another_kind_is_refused(ask: Ask) -> None:
    reply = await ask("POST", "/experiments", b"name=x", headers={"Content-Type": "text/plain"})
    assert reply.status == 415
    assert reply.error["hint"] is not None
    assert "application/json" in reply.error["hint"]


async def test_a_body_that_is_too_large_is_refused_without_being_kept(ask: Ask) -> None:
    large = json.dumps({"name": "x" * (2 << 20)}).encode()
    reply = await ask("POST", "/experiments", large, headers={"Content-Type": "application/json"})
    assert reply.status == 413
    assert "max_json_bytes" in str(reply.error["hint"])


async def test_an_unknown_run_comes_with_near_names(ask: Ask) -> None:
    await ask("POST", "/experiments/demo/runs", {"name": "baseline"})
    reply = await ask("GET", "/runs/basline")
    assert reply.status == 404
    assert reply.error["details"]["near"] == ["baseline"]


async def test_a_second_experiment_of_a_name_is_a_conflict(ask: Ask) -> None:
    assert (await ask("POST", "/experiments", {"name": "twice"})).status == 201
    reply = await ask("POST", "/experiments", {"name": "twice"})
    assert (reply.status, reply.error["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["/nothing", "/runs/x/nothing", "/runs/", "//", "/docs/x", "/health/"])
async def test_an_unknown_path_is_told_in_the_one_shape(ask: Ask, path: str) -> None:
    reply = await ask("GET", path)
    assert (reply.status, reply.error["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/experiments", {"GET", "POST"}),
        ("POST", "/health", {"GET"}),
        ("PUT", "/runs/x", {"GET", "PATCH", "DELETE"}),
    ],
)
async def test_a_wrong_method_is_told_in_the_one_shape(
    ask: Ask, method: str, path: str, allowed: set[str]
) -> None:
    reply = await ask(method, path, {} if method != "DELETE" else None)
    assert (reply.status, reply.error["code"]) == (405, "invalid")
    assert set(reply.headers["Allow"].split(", ")) == allowed


async def test_a_method_that_nobody_knows_is_told_in_the_one_shape(ask: Ask) -> None:
    reply = await ask("BREW", "/experiments")
    assert reply.status == 405
    assert reply.error["code"] == "invalid"


@pytest.mark.parametrize("path", ["/runs/%ff", "/experiments?after=%ff"])
async def test_an_address_that_is_not_utf8_is_refused(ask: Ask, path: str) -> None:
    reply = await ask("GET", path)
    assert (reply.status, reply.error["code"]) == (422, "invalid")


async def test_what_belongs_to_jupyter_in_a_query_is_no_field(ask: Ask) -> None:
    reply = await ask("GET", "/experiments?limit=5&no_track_activity=1&_xsrf=abc&1795418255123")
    assert reply.status == 200
    assert (await ask("GET", "/experiments?limits=5")).error["details"]["field"] == "limits"


async def test_an_answer_that_did_not_change_is_not_sent_again(ask: Ask) -> None:
    first = await ask("GET", "/experiments")
    again = await ask("GET", "/experiments", headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_head_answers_with_headers_only(ask: Ask) -> None:
    reply = await ask("HEAD", "/experiments")
    assert (reply.status, reply.body) == (200, b"")


async def test_a_workspace_is_chosen_by_query_or_header(ask: Ask, jp_root_dir: Path) -> None:
    for name in ("one", "two"):
        (jp_root_dir / name / ".nbproof").mkdir(parents=True)
    found = {}
    for name in ("one", "two"):
        reply = await ask("GET", f"/workspaces/resolve?path={name}%2Fbook.ipynb")
        assert (reply.json["path"], reply.json["exists"]) == (name, True)
        found[name] = reply.json["id"]
    await ask("POST", f"/experiments?workspace={found['one']}", {"name": "first"})
    await ask("POST", "/experiments", {"name": "second"}, headers={"X-Nbproof-Workspace": found["two"]})
    listed = {
        name: [item["name"] for item in (await ask("GET", f"/experiments?workspace={which}")).json["items"]]
        for name, which in found.items()
    }
    assert listed == {"one": ["first"], "two": ["second"]}
    assert not (jp_root_dir / ".nbproof").exists()


async def test_a_workspace_that_is_not_served_is_not_found(ask: Ask) -> None:
    reply = await ask("GET", "/experiments?workspace=000000000000")
    assert reply.status == 404
    assert reply.error["details"] == {"field": "workspace"}


@pytest.mark.parametrize(
    "path", ["../outside", "a/../../outside", "%2e%2e%2foutside", "/../outside", "x%00y"]
)
async def test_a_path_that_leaves_the_root_is_refused(ask: Ask, path: str) -> None:
    reply = await ask("GET", f"/workspaces/resolve?path={path}")
    assert (reply.status, reply.error["details"]["field"]) == (422, "path")


@pytest.mark.filterwarnings("ignore:nbproof. .*is not valid TOML:UserWarning")  # for the server's log
async def test_a_malformed_settings_file_is_told_and_does_not_stop_the_server(
    ask: Ask, jp_root_dir: Path
) -> None:
    (jp_root_dir / ".nbproof").mkdir()
    (jp_root_dir / ".nbproof" / "nbproof.toml").write_text("drain_seconds = = 3")
    reply = await ask("GET", "/experiments")
    assert (reply.status, reply.error["code"]) == (422, "invalid")
    assert "nbproof.toml" in reply.error["message"]
    assert (await ask("GET", "/health")).status == 200


# -- what must not be told ---------------------------------------------------------------------------


class _Nothing(CoreAsk):
    pass


class _Empty(View):
    pass


@operation("temporary.break", "POST /temporary/break", action="write")
def _break(directory: Directory, ask: _Nothing) -> _Empty:
    """Fail as no verb should."""
    raise RuntimeError("secret detail")


@operation("temporary.execute", "POST /temporary/execute", action="execute")
def _execute(directory: Directory, ask: _Nothing) -> _Empty:
    """Run code."""
    return _Empty()


@operation("temporary.fail", "GET /temporary/fail", action="read")
def _fail(directory: Directory, ask: _Nothing) -> _Empty:
    """Fail as a verb may."""
    raise PlatformError("no luck", hint="try again", details={"path": Path("x")})


@pytest.fixture
def temporary() -> Any:
    import types

    module = types.ModuleType("temporary")
    vars(module).update({"a": _break, "b": _execute, "c": _fail})
    with added(Room("temporary", module, lambda workspace: workspace.directory)) as room:
        yield room


async def test_an_unexpected_failure_is_logged_and_not_told(
    temporary: Room, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await ask("POST", "/temporary/break", {})
    assert (reply.status, reply.error["code"]) == (500, "error")
    assert b"secret" not in reply.body
    assert "secret detail" in caplog.text


async def test_an_operation_of_a_new_room_is_served(temporary: Room, ask: Ask) -> None:
    assert (await ask("POST", "/temporary/execute", {})).status == 200
    reply = await ask("GET", "/temporary/fail")
    assert (reply.status, reply.error["message"], reply.error["hint"]) == (400, "no luck", "try again")
    assert "/temporary/execute" in (await ask("GET", "/openapi.json")).json["paths"]


async def test_to_carry_everything_away_needs_its_own_permission(ask: Ask, denied: set[str]) -> None:
    assert (await ask("POST", "/experiments", {"name": "x"})).status == 201
    denied.add("backup")
    assert (await ask("POST", "/backups", {})).status == 403
    assert (await ask("GET", f"/backups/{'0' * 32}")).status == 403
    denied.clear()
    denied |= {"read", "write", "execute"}
    assert (await ask("POST", "/backups", {})).status == 202


async def test_what_runs_code_needs_its_own_permission(temporary: Room, ask: Ask, denied: set[str]) -> None:
    denied.add("execute")
    assert (await ask("POST", "/temporary/execute", {})).status == 403
    assert (await ask("POST", "/experiments", {"name": "x"})).status == 201


# -- who may ------------------------------------------------------------------------------------------


async def test_a_cookie_alone_does_not_write(
    ask: Ask, jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    token = jp_serverapp.identity_provider.token
    page = await http_server_client.fetch(
        f"{jp_base_url}login?token={token}", follow_redirects=False, raise_error=False
    )
    cookies = dict(
        cookie.partition(";")[0].split("=", 1)
        for cookie in page.headers.get_list("Set-Cookie")
        if cookie.startswith("username")
    )
    form = await http_server_client.fetch(f"{jp_base_url}login")
    xsrf = next(
        cookie.partition(";")[0].removeprefix("_xsrf=")
        for cookie in form.headers.get_list("Set-Cookie")
        if cookie.startswith("_xsrf")
    )
    jar = "; ".join(f"{name}={value}" for name, value in (cookies | {"_xsrf": xsrf}).items())
    forged = await ask("POST", "/experiments", {"name": "x"}, authenticated=False, headers={"Cookie": jar})
    assert (forged.status, forged.error["code"]) == (403, "not-allowed")
    assert "X-XSRFToken" in str(forged.error["hint"])
    honest = await ask(
        "POST",
        "/experiments",
        {"name": "x"},
        authenticated=False,
        headers={"Cookie": jar, "X-XSRFToken": xsrf},
    )
    assert honest.status == 201


async def test_requests_for_another_host_are_refused(ask: Ask) -> None:
    reply = await ask("GET", "/experiments", headers={"Host": "evil.example"})
    assert (reply.status, reply.error["code"]) == (403, "not-allowed")


async def test_a_browser_that_is_not_logged_in_is_sent_to_the_login_page(ask: Ask) -> None:
    reply = await ask("GET", "/docs", authenticated=False, headers={"Accept": "text/html"})
    assert reply.status == 302
    assert "/login?next=" in reply.headers["Location"]


async def test_health_tells_how_it_is(ask: Ask) -> None:
    await ask("GET", "/experiments")
    told = (await ask("GET", "/health")).json
    assert told["status"] == "ok"
    assert told["version"]
    assert told["uptime_seconds"] >= 0
    assert told["drain"] == {"workspaces": 0, "behind_seconds": None, "failing": {}}


async def test_a_server_that_goes_down_says_so_in_a_way_that_programs_know(
    ask: Ask, jp_serverapp: Any
) -> None:
    assert (await ask("GET", "/experiments")).status == 200
    await jp_serverapp.web_app.settings["nbproof_host"].stop()
    answer = await ask("GET", "/experiments")
    assert answer.status == 503
    assert answer.json["error"] == {
        "code": "unavailable",
        "message": "the server is going down",
        "hint": None,
        "details": {"reason": "stopping"},
    }
