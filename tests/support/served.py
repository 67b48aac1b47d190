"""A real Jupyter Server with nbproof, run as a plain user."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.plain_user import PlainUser, stop

__all__ = ["Served"]

_SECONDS = 60.0


class Served:
    """A server over a folder; `url` is nbproof's base, `token` opens it.

    Parameters
    ----------
    user : PlainUser
    root : Path
        The folder that is served; given to the user.
    options : sequence of str
        More options of ``jupyter server``.
    """

    def __init__(self, user: PlainUser, root: Path, *options: str) -> None:
        self.user, self.root, self.token = user, root, "secret-of-the-tests"
        user.own(root)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/nbproof"
        self.log = user.folder("server") / "log"
        with self.log.open("wb") as log:
            self.process = user.start(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--ServerApp.jpserver_extensions={'nbproof': True}",
                    "--no-browser",
                    f"--port={port}",
                    "--ServerApp.port_retries=0",
                    f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.root_dir={root}",
                    *options,
                ],
                cwd=root,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.get("/health")["status"] == "ok":
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        text = self.log.read_text(errors="replace")
        self.close()
        raise AssertionError(f"the server did not answer\n{text}")

    def get(self, path: str) -> Any:
        """The JSON of a path below the API's base."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def close(self) -> None:
        """Stop it, politely first."""
        stop(self.process)
