"""A network between a client and a server that can be taken away, at any byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

__all__ = ["Gate"]

Way = Literal["open", "closed", "no answers", "half requests", "errors"]
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


class Gate:
    """Passes connections on to a port, as long as it is open.

    Attributes
    ----------
    way : str
        What happens to connections from now on: ``open``; ``closed`` (cut at once); ``no answers`` (the
        request arrives, its answer does not); ``half requests`` (cut in the middle of a body); ``errors``
        (somebody else answers 500).
    target : int
        The port of the server.
    passed : int
        Connections that were passed on.
    """

    def __init__(self, port: int) -> None:
        self.way: Way = "open"
        self.passed = 0
        self.target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._start(self._listen)

    @property
    def url(self) -> str:
        """Where clients come in."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def being(self, way: Way) -> Iterator[None]:
        """Another way for the length of a block; connections that are open are cut."""
        before, self.way = self.way, way
        try:
            yield
        finally:
            self.way = before

    def close(self) -> None:
        """Cut everything."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _cut(each)
        for thread in self._threads:
            thread.join(20)

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.way == "closed":
                _cut(client)
                continue
            self._start(self._serve, client, self.way)

    def _serve(self, client: socket.socket, way: Way) -> None:
        self._open.add(client)
        try:
            if way == "errors":
                client.recv(1 << 16)
                client.sendall(_ERROR)
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                self._open.add(server)
                self.passed += 1
                answers = threading.Thread(target=self._pump, args=(server, client, way), daemon=True)
                answers.start()
                self._requests(client, server, way)
                answers.join(20)
                self._open.discard(server)
        except OSError:
            pass
        finally:
            self._open.discard(client)
            _cut(client)

    def _requests(self, client: socket.socket, server: socket.socket, way: Way) -> None:
        left = 200 if way == "half requests" else None
        with contextlib.suppress(OSError):
            while piece := client.recv(1 << 16 if left is None else left):
                server.sendall(piece)
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        _cut(server)
                        return
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _pump(self, server: socket.socket, client: socket.socket, way: Way) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(1 << 16):
                if way == "no answers":
                    break
                client.sendall(piece)
        _cut(client)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
