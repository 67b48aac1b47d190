"""A notebook that is renamed while its kernel runs: the kernel is told its name once, at its start."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from tests.support.served import Served


@pytest.fixture
def server(plain_user):
    served = Served(plain_user, plain_user.folder("served"))
    yield served
    served.close()


def ask(server: Served, method: str, route: str, /, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{server.base}/api/{route}",
        data=json.dumps(body).encode() if body else None,
        method=method,
        headers={"Authorization": f"token {server.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def run(server: Served, kernel: str, code: str) -> None:
    (connection,) = server.user.home.rglob(f"kernel-{kernel}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(hb=False)  # a kernel that is just starting does not beat yet
    client.wait_for_ready(timeout=60)
    reply = client.execute_interactive(code, timeout=60)
    client.stop_channels()
    assert reply["content"]["status"] == "ok", reply


@pytest.mark.parametrize(
    ("last", "status"),
    [("1", "finished"), ("raise KeyboardInterrupt", "interrupted")],
    ids=["done", "cut off"],
)
def test_runs_carry_the_notebooks_new_name_and_end_as_their_last_cell_did(server, last, status):
    notebook = server.root / "Untitled.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    server.user.own(notebook)
    session = ask(
        server,
        "POST",
        "sessions",
        path="Untitled.ipynb",
        type="notebook",
        name="Untitled.ipynb",
        kernel={"name": "python3"},
    )
    ask(server, "PATCH", "contents/Untitled.ipynb", path="coins.ipynb")
    ask(server, "PATCH", f"sessions/{session['id']}", path="coins.ipynb", type="notebook", name="coins.ipynb")
    run(
        server, session["kernel"]["id"], "import nbproof as nbp; nbp.start_run('r'); nbp.log_metric('x', 1.0)"
    )
    if status != "finished":
        with pytest.raises(AssertionError):
            run(server, session["kernel"]["id"], last)
    ask(server, "DELETE", f"sessions/{session['id']}")
    workspace = Workspace(Location(server.root, True, "a test"))
    found = workspace.tracker.get_run("r")
    workspace.close()
    assert (found.experiment, found.source, found.status) == (
        "coins",
        str(server.root / "coins.ipynb"),
        status,
    )
