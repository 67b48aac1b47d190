"""Reads a page as a newcomer would: does what its blocks say, from top to bottom, in an empty folder.

``python -m tests.docs.reader PAGE FOLDER`` ends with 1 and says which line failed.

* ``python`` and ``ipython`` blocks are cells of one notebook, run in a real kernel;
* ``bash`` blocks run in a shell that stops at the first command that fails;
* ``toml`` blocks are settings that exist, ``json`` blocks are JSON; others are not run.

A comment on the line above a fence says what is special about it:

* ``<!-- not run: why -->``
* ``<!-- in the background: PORT -->``: what it starts listens there, until the page ends;
* ``<!-- with a server: PORT -->``: it needs what listens there; where the page has not started it, it is
  `nbproof serve`.  ``$TOKEN`` is its token.

Ports of a page are replaced by free ones.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from queue import Empty
from types import TracebackType

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from nbproof.core.settings import Settings
from tests.docs.markdown import Block, Page

RUN = ("python", "ipython", "bash", "toml", "json")
_SECONDS = 200  # for the slowest block on the slowest machine
_TOKEN = "what-the-page-calls-token"


def is_run(block: Block) -> bool:
    return block.language in RUN and not block.remark.startswith("not run: ")


class Failed(AssertionError):
    """A block did not do what the page says."""


class Reader:
    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.project = folder / "project"
        self.project.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        # Where the package is on the path without being installed there is no command yet.
        command = programs / "nbproof"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nbproof "$@"\n')
        command.chmod(0o755)
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "JPY_SESSION_NAME": str(self.project / "notebook.ipynb"),
            "TOKEN": _TOKEN,
            "TERM": "dumb",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        self._manager: KernelManager | None = None
        self._kernel: BlockingKernelClient | None = None
        self._ports: dict[str, int] = {}
        self._background: list[subprocess.Popen[bytes]] = []

    def read(self) -> None:
        for block in self.page.blocks:
            if is_run(block):
                try:
                    self._follow(block)
                except Failed as failed:
                    raise Failed(f"{self.page.name}:{block.line}: {failed}") from None

    def _follow(self, block: Block) -> None:
        kind, _, port = block.remark.partition(": ")
        text = block.text
        if kind in ("in the background", "with a server"):
            text = text.replace(port, str(self._port(port)))
        if kind == "in the background":
            return self._start(["bash", "-c", f"exec {text.strip()}"], self._port(port))
        if kind == "with a server" and not self._listens(self._port(port)):
            self._start(["nbproof", "serve", "--port", str(self._port(port))], self._port(port))
        if block.language == "bash":
            return self._shell(text)
        if block.language == "toml":
            unknown = set(tomllib.loads(text)) - set(Settings.model_fields)
            if unknown:
                raise Failed(f"no such settings: {sorted(unknown)}")
            return None
        if block.language == "json":
            json.loads(text)
            return None
        return self._cell(text)

    # -- shell -----------------------------------------------------------------------------------------

    def _shell(self, text: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.project,
            env={key: value for key, value in self.environment.items() if key != "JPY_SESSION_NAME"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        if done.returncode:
            raise Failed(f"exit code {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}")

    # -- notebook --------------------------------------------------------------------------------------

    def _cell(self, text: str) -> None:
        kernel = self._kernel or self._start_kernel()
        asked = kernel.execute(text)
        printed: list[str] = []
        while True:
            try:
                message = kernel.get_iopub_msg(timeout=_SECONDS)
            except Empty:
                raise Failed(f"the cell did not end\n{text}") from None
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "error":
                raise Failed("\n".join([content["ename"], content["evalue"], *content["traceback"]]))
            if message["msg_type"] == "stream":
                printed.append(content["text"])
                if content["name"] == "stderr" and "Warning" in content["text"]:
                    raise Failed(f"a warning: {content['text']}")
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        # Magics tell an error of nbproof by its sentence alone.
        if any(
            line.startswith("nbproof: ") and "new workspace" not in line
            for line in "".join(printed).splitlines()
        ):
            raise Failed("".join(printed))

    def _start_kernel(self) -> BlockingKernelClient:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=str(self.project), env=self.environment)
        self._kernel = self._manager.blocking_client()
        self._kernel.start_channels()
        self._kernel.wait_for_ready(timeout=_SECONDS)
        return self._kernel

    # -- servers ---------------------------------------------------------------------------------------

    def _port(self, written: str) -> int:
        if written not in self._ports:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._ports[written] = free.getsockname()[1]
        return self._ports[written]

    def _start(self, argv: list[str], port: int) -> None:
        log = self.project.parent / f"server-{port}.log"
        with log.open("wb") as output:
            self._background.append(
                subprocess.Popen(
                    argv
                    if argv[0] == "bash"
                    else [shutil.which(argv[0], path=self.environment["PATH"]) or argv[0], *argv[1:]],
                    cwd=self.project,
                    env={**self.environment, "JUPYTER_TOKEN": _TOKEN},
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        deadline = time.monotonic() + _SECONDS
        while not self._listens(port):
            if time.monotonic() > deadline or self._background[-1].poll() is not None:
                raise Failed(f"{' '.join(argv)} does not answer\n{log.read_text()}")
            time.sleep(0.1)

    def _listens(self, port: int) -> bool:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/nbproof/api/v1/health", headers={"Authorization": f"token {_TOKEN}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kernel is not None:
            self._kernel.stop_channels()
        if self._manager is not None:
            self._manager.shutdown_kernel(now=kind is not None)
        for process in self._background:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def main(page: str, folder: str) -> int:
    try:
        with Reader(Page(Path(page).resolve()), Path(folder).resolve()) as reader:
            reader.read()
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
