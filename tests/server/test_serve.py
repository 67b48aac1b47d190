"""``nbproof serve``, as a plain user."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nbproof.core.errors import Invalid, NotAllowed
from nbproof.server import serve as module
from tests.support.plain_user import PlainUser, stop


class Headless:
    """One that runs; `lines` is what it told until it was ready."""

    def __init__(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        self.process, self.lines = process, lines
        text = "\n".join(lines)
        found = re.search(r"at (http://\S+)/api/v1", text)
        assert found, text
        self.address = found[1]
        told = re.search(r"^token: (\w+)", text, re.MULTILINE)
        self.token = told[1] if told else None

    def ask(self, path: str, *, token: str | None = None, body: object = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.address + path, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Authorization", f"token {token or self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error.read())


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


@contextmanager
def serving(user: PlainUser, *options: str, env: dict[str, str] | None = None) -> Iterator[Headless]:
    process = user.start(
        [sys.executable, "-m", "nbproof.server.serve", *options],
        env=user.environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    with process.stdout:
        lines: list[str] = []
        given = "--token" in options or "NBPROOF_TOKEN" in (env or {})
        last = "serves" if given else "token:"
        for line in process.stdout:
            lines.append(line.rstrip())
            if last in line:
                break
        try:
            yield Headless(process, lines)
        finally:
            stop(process)


@pytest.fixture
def folder(plain_user: PlainUser) -> Path:
    return plain_user.folder("served")


def test_it_makes_the_workspace_says_so_and_answers_at_both_addresses(
    plain_user: PlainUser, folder: Path
) -> None:
    with serving(plain_user, str(folder), "--port", "0") as server:
        assert server.lines[0].startswith(f"nbproof: new workspace {folder / '.nbproof'}")
        assert len(server.lines) == 3
        assert server.ask("/api/v1/experiments", body={"name": "from outside"})[0] == 201
        for base in ("/api/v1", "/nbproof/api/v1"):
            status, told = server.ask(f"{base}/experiments")
            assert (status, [each["name"] for each in told["items"]]) == (200, ["from outside"])
        assert server.ask("/api/v1/experiments", token="wrong")[0] == 401


def test_to_ask_for_content_that_is_not_there_is_no_mistake_and_no_warning(
    plain_user: PlainUser, folder: Path
) -> None:
    with serving(plain_user, str(folder), "--port", "0") as server:
        digest = "0" * 64
        assert server.ask(f"/api/v1/content/{digest}") == (200, {"hash": digest, "location": None})
        assert server.ask("/api/v1/runs/unknown")[0] == 404
        stop(server.process)
        assert server.process.stdout is not None
        log = server.process.stdout.read()
        assert "runs/unknown" in log and digest not in log


def test_nothing_of_jupyter_can_be_reached(plain_user: PlainUser, folder: Path) -> None:
    (folder / "secret.txt").write_text("secret")
    plain_user.own(folder)
    with serving(plain_user, str(folder), "--port", "0") as server:
        for path in (
            "/api/kernels",
            "/api/kernelspecs",
            "/api/contents",
            "/api/contents/secret.txt",
            "/api/sessions",
            "/api/terminals",
            "/api/shutdown",
            "/api/config/x",
            "/api/nbconvert",
            "/api/resolvePath?path=secret.txt",
            "/files/secret.txt",
            "/view/secret.txt",
            "/nbconvert/html/secret.txt",
            "/kernelspecs/python3/logo.png",
            "/lab",
            "/tree",
            "/terminals/websocket/1",
        ):
            assert server.ask(path)[0] == 404, path
            # 403: Jupyter asks for its token against forgery before it looks for a route.
            assert server.ask(path, body={})[0] in (403, 404, 405), path


def test_it_ends_when_it_is_told_to(plain_user: PlainUser, folder: Path) -> None:
    for how in (signal.SIGTERM, signal.SIGINT):
        with serving(plain_user, str(folder), "--port", "0") as server:
            assert server.ask("/api/v1/health")[0] == 200
            assert stop(server.process, how) == 0
            assert server.process.stdout is not None
            assert "Traceback" not in server.process.stdout.read()


def test_the_token_may_be_given_and_is_then_not_shown(plain_user: PlainUser, folder: Path) -> None:
    with serving(plain_user, str(folder), "--port", "0", "--token", "given-one") as server:
        assert not any("given-one" in line for line in server.lines)
        assert server.ask("/api/v1/health", token="given-one")[0] == 200
    with serving(plain_user, str(folder), "--port", "0", env={"NBPROOF_TOKEN": "from-env"}) as server:
        assert server.ask("/api/v1/health", token="from-env")[0] == 200


def test_a_base_url_holds_for_both_addresses(plain_user: PlainUser, folder: Path) -> None:
    with serving(plain_user, str(folder), "--port", "0", "--base-url", "/team/a") as server:
        assert server.address.endswith("/team/a")
        assert server.ask("/api/v1/experiments")[0] == 200
        assert server.ask("/nbproof/api/v1/experiments")[0] == 200
        assert server.ask("/nbproof/api/v1/openapi.json")[1]["servers"] == [{"url": "/team/a/nbproof/api/v1"}]


def test_the_users_jupyter_settings_do_not_count(plain_user: PlainUser, folder: Path) -> None:
    settings = plain_user.folder("config")
    (settings / "jupyter_server_config.py").write_text(
        "c.ServerApp.port = 1\n"
        "c.ServerApp.root_dir = '/nowhere'\nc.IdentityProvider.token = 'theirs'\nbroken("
    )
    (settings / "jupyter_config.json").write_text('{"ServerApp": {"ip": "203.0.113.1"}}')
    plain_user.own(settings)
    env = {"JUPYTER_CONFIG_DIR": str(settings), "JUPYTER_PORT": "1", "JUPYTER_IP": "203.0.113.1"}
    with serving(plain_user, str(folder), "--port", "0", env=env) as server:
        assert server.ask("/api/v1/health")[0] == 200
        assert server.ask("/api/v1/health", token="theirs")[0] == 401


def test_a_named_configuration_brings_its_own_authorizer(plain_user: PlainUser, folder: Path) -> None:
    config = plain_user.folder("config") / "serve.py"
    config.write_text(
        "from jupyter_server.auth.authorizer import Authorizer\n"
        "class ReadOnly(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return action == 'read'\n"
        "c.ServerApp.authorizer_class = ReadOnly\n"
    )
    with serving(plain_user, str(folder), "--port", "0", "--config", str(config)) as server:
        assert server.ask("/api/v1/experiments")[0] == 200
        status, told = server.ask("/api/v1/experiments", body={"name": "x"})
        assert (status, told["error"]["code"]) == (403, "not-allowed")


def test_a_taken_port_is_told(plain_user: PlainUser, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        argv = [sys.executable, "-m", "nbproof.server.serve", str(folder), "--port", port]
        done = plain_user.run(argv)
    assert done.returncode == 6
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_remote_workspace_speaks_to_it(plain_user: PlainUser, folder: Path) -> None:
    code = """
import nbproof as nbp
with nbp.start_run("far away", experiment="remote") as run:
    nbp.log_metric("auc", 0.9)
    nbp.log_param("depth", 3)
print(nbp.get_run("far away").metrics, nbp.get_run("far away").params)
"""
    with serving(plain_user, str(folder), "--port", "0") as server:
        assert server.token is not None
        env = plain_user.environment(NBPROOF_URL=server.address, NBPROOF_TOKEN=server.token)
        done = plain_user.run([sys.executable, "-c", code], env=env, check=True)
    assert done.stdout.splitlines()[-1] == "{'auc': 0.9} {'depth': 3}"


def test_root_is_refused_politely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(NotAllowed, match="as root") as caught:
        module.serve(tmp_path)
    assert "--allow-root" in str(caught.value.hint)
    assert module.main([str(tmp_path)]) == 5
    assert list(tmp_path.iterdir()) == []


def test_home_is_no_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Invalid, match="swallow"):
        module.serve(tmp_path, allow_root=True)
