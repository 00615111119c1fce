"""A server on loopback that sends whatever bytes it is told to, whether they are HTTP or not."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable

Say = Callable[[str, dict[str, str]], Iterable[bytes]]
"""Answers a path (with its query) and headers in lower case; the connection is closed behind it."""


class RawServer:
    """Use it as a context manager. `requests` are the paths and headers of all that came."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._closing = threading.Event()
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "RawServer":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, IndexError):
            connection.settimeout(30)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            head, _, body = head.partition(b"\r\n\r\n")
            first, *rest = head.decode("latin-1").split("\r\n")
            headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in rest}
            left = int(headers.get("content-length", 0)) - len(body)
            while left > 0 and (piece := connection.recv(65536)):
                left -= len(piece)
            path = first.split()[1]
            self.requests.append((path, headers))
            for piece in self._say(path, headers):
                if self._closing.is_set():
                    return
                connection.sendall(piece)


def http(body: bytes = b"", status: str = "200 OK", *, length: bool = True, **headers: str) -> bytes:
    """An answer; header names with "_" for "-"."""
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
