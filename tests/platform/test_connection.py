"""The way to a server, where what answers is cut off or is no server of ours."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from nbproof.core.errors import Invalid, Unavailable
from nbproof.platform.connection import Connection
from nbproof.platform.queue import Queue
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.sender import _send_on
from nbproof.tracking.references import look_at

_FILE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n"
    b"Content-Length: 100\r\nConnection: close\r\n\r\nonly this"
)
_JSON = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"drained":'
_OTHER = b"SSH-2.0-OpenSSH_9.2\r\n"


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Gives the address of something that answers every request with these bytes and hangs up."""
    listeners: list[socket.socket] = []

    def answer(listener: socket.socket, said: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(1 << 16)
                    connection.sendall(said)

    def begin(said: bytes) -> str:
        listeners.append(listener := socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=answer, args=(listener, said), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    for each in listeners:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.mark.parametrize("said", [_JSON, _OTHER, b""])
def test_an_answer_that_is_cut_off_or_no_http_is_a_server_that_does_not_answer(answering, said):
    with (
        pytest.raises(Unavailable, match="was cut off" if said == _JSON else "does not answer"),
        Connection(answering(said)).sent("GET", "/x") as answer,
    ):
        answer.read()


def test_a_sender_outlives_such_an_answer(answering, tmp_path, monkeypatch):
    url = answering(_JSON)
    workspace = RemoteWorkspace(url, environ={"XDG_DATA_HOME": str(tmp_path)})
    workspace.queue.make()
    workspace.journal.event("run.start")
    told: list[str] = []
    monkeypatch.setattr(Queue, "tell_trouble", lambda self, message: told.append(message))
    monkeypatch.setattr("nbproof.platform.sender._GIVE_UP_SECONDS", 0.0)

    assert _send_on(workspace.queue, workspace.sender) == 1

    assert "was cut off" in told[0]
    workspace.journal.close()


def test_an_artifact_that_was_cut_off_is_not_taken_for_whole(answering, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    workspace = RemoteWorkspace(answering(_FILE), environ={"XDG_DATA_HOME": str(tmp_path)})

    with pytest.raises(Unavailable, match=r"cut off after 9 of 100 bytes"):
        workspace.ask("runs.artifact", id="r", name="a.txt")

    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_reference_to_what_is_no_http_is_kept_all_the_same(answering):
    address = f"{answering(_OTHER)}/model.bin"
    assert look_at(address).target == address


@pytest.mark.parametrize(
    "url", ["http://", "http://exa mple", "http://host:port", "http://[::1", "http://h\u00f6st", "ftp://host"]
)
def test_what_is_no_address_is_said_at_once(url):
    with pytest.raises(Invalid, match="NBPROOF_URL"):
        Connection(url)


def test_a_token_is_one_line_of_ascii():
    assert Connection("http://host", token="abc\n")._token == "abc"
    with pytest.raises(Invalid, match="NBPROOF_TOKEN"):
        Connection("http://host", token="t\u00f6ken")
