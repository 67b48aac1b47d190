"""A real JupyterLab, run by a plain user in folders of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .plain_user import REPOSITORY, PlainUser, stop

__all__ = ["Lab"]

_CONFIG = """\
from jupyterlab.handlers.announcements import NeverCheckForUpdate

c.LabApp.news_url = None
c.LabApp.check_for_updates_class = NeverCheckForUpdate
c.LabApp.expose_app_in_browser = True
c.ServerApp.open_browser = False
c.ServerApp.port = 0
c.MultiKernelManager.shutdown_wait_time = 2.0
"""


class Lab:
    """JupyterLab on a folder; started when made, ready after `wait`.

    Parameters
    ----------
    user : PlainUser
    root : Path, optional
        The folder that is served; by default a new one.
    pythonpath : Path, optional
        Where the server takes nbproof from, if not from this checkout.
    kernels : mapping, optional
        Kernel specs besides the environment's own `python3`: name to the content of ``kernel.json``.
    """

    def __init__(
        self,
        user: PlainUser,
        *,
        root: Path | None = None,
        pythonpath: Path | None = None,
        kernels: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._user = user
        self._home = user.folder("lab")
        self.root = root or user.folder("root")
        settings = self._home / "config"
        settings.mkdir()
        (settings / "jupyter_lab_config.py").write_text(_CONFIG)
        # A new user is asked about news from the network; every screenshot would show the question.
        asked = self._home / "settings" / "@jupyterlab" / "apputils-extension"
        asked.mkdir(parents=True)
        answer = {"fetchNews": "false", "checkForUpdates": False}
        (asked / "notification.jupyterlab-settings").write_text(json.dumps(answer))
        for name, spec in (kernels or {}).items():
            folder = self._home / "data" / "kernels" / name
            folder.mkdir(parents=True)
            (folder / "kernel.json").write_text(json.dumps(spec))
        user.own(self._home)
        self._extra = {"PYTHONPATH": str(pythonpath)} if pythonpath else {}
        self.url = self.token = ""
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start the server; again after `stop`, at the same address."""
        port = self.url.rstrip("/").rpartition(":")[2] if self.url else ""
        argv = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={self.root}"]
        argv += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"] if port else []
        if self.token:
            argv.append(f"--IdentityProvider.token={self.token}")
        with self.log.open("a") as log:
            self._process = self._user.start(
                argv, cwd=self.root, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def environment(self, **extra: str) -> dict[str, str]:
        """What the server runs in; for programs that shall share its Jupyter folders."""
        home = self._home
        return self._user.environment(
            HOME=str(home),
            IPYTHONDIR=str(home / "ipython"),
            JUPYTER_CONFIG_DIR=str(home / "config"),
            JUPYTER_DATA_DIR=str(home / "data"),
            JUPYTER_RUNTIME_DIR=str(home / "runtime"),
            JUPYTERLAB_SETTINGS_DIR=str(home / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(home / "workspaces"),
            JUPYTER_PREFER_ENV_PATH="0",
            PYDEVD_DISABLE_FILE_VALIDATION="1",
            **{**self._extra, **extra},
        )

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and not stopped."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self._home / "lab.log"

    def wait(self, seconds: float = 90) -> None:
        """Until JupyterLab and nbproof answer."""
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while True:
            with suppress(OSError, ValueError, KeyError):
                info = json.loads((self._home / "runtime" / f"jpserver-{self._process.pid}.json").read_text())
                self.url, self.token = info["url"], info["token"]
                if self.ask("GET", "health")["status"] in ("ok", "degraded"):
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"JupyterLab did not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def ask(
        self, method: str, path: str, body: object = None, *, api: str = "nbproof/api/v1/", **headers: str
    ) -> Any:
        """Ask nbproof's API on this server, or another one below its address; the decoded answer."""
        request = urllib.request.Request(
            f"{self.url}{api}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def refusal(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and error of a question that must be refused."""
        try:
            answer = self.ask(method, path, body)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["error"]
        raise AssertionError(f"{method} {path} was answered: {answer}")

    def runs(self, folder: str, query: str = "order by started desc") -> list[dict[str, Any]]:
        """The runs of the workspace that a folder or notebook below the root belongs to."""
        from urllib.parse import quote

        workspace = self.ask("GET", f"workspaces/resolve?path={quote(folder)}")["id"]
        found = self.ask("GET", f"runs/search?workspace={workspace}&limit=500&query={quote(query)}")
        items: list[dict[str, Any]] = found["items"]
        return items

    def notebook(self, path: str, *cells: str, kernel: str = "python3") -> str:
        """Write a notebook below the root; its path there."""
        target = self.root / path
        new = [folder for folder in target.parents if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": cell,
                }
                for number, cell in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        target.write_text(json.dumps(document))
        self._user.own(new[-1] if new else target)
        return path

    def stop(self) -> None:
        """End the server and its kernels."""
        if self._process is not None:
            stop(self._process, signal.SIGTERM, timeout=30)
            self._process = None


def editable_python() -> Path:
    """The folder that this checkout's nbproof is imported from."""
    return REPOSITORY / "python"
