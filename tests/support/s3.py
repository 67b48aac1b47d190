"""An object store on this machine that speaks S3: moto's server, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["CREDENTIALS", "ObjectStore", "object_store"]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "of-a-test",
    "AWS_SECRET_ACCESS_KEY": "of-a-test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass
class ObjectStore:
    """A server and how it is reached."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def options(self) -> dict[str, Any]:
        """What a file system is told to find it; it gives up soon when the server is away."""
        config = {"retries": {"max_attempts": 0}, "connect_timeout": 2, "read_timeout": 10}
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "config_kwargs": config}

    def bucket(self, name: str) -> str:
        """The address of a new bucket."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            return f"s3://{name}/data"

    def stop(self) -> None:
        """As if it had lost its power."""
        self.process.kill()
        self.process.wait()


@contextmanager
def object_store(environ: Mapping[str, str] | None = None) -> Iterator[ObjectStore]:
    """One for the time of a block, empty."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        command,
        env={**(os.environ if environ is None else environ), **CREDENTIALS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        store = ObjectStore(process, port)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
                        break
                except OSError:
                    assert process.poll() is None and time.monotonic() < deadline, "no object store"
                    time.sleep(0.1)
            yield store
        finally:
            store.stop()
