"""A Python package index on loopback, shaped like the real one: JSON or HTML pages, files behind a redirect
on another origin, ranges, and faults."""

import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BLOCK = 16 << 10


class LoopbackIndex:
    """Serves the wheels of `folder`; use it as a context manager. `address` is the "simple" root.

    `as_html` gives the older form of the pages; `missing` names files that are 404 at their storage;
    `corrupt` those whose first byte arrives changed; `hold_after` stops sending any file after so many bytes
    until the server closes (a stall); `false_hash` puts another checksum on the page.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.as_html = False
        self.missing: set[str] = set()
        self.corrupt: set[str] = set()
        self.hold_after = 0
        self.false_hash = False
        self.bytes_sent: Counter[str] = Counter()
        self.requests: list[str] = []
        self.held = threading.Event()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"index": self})
        self._servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            for server in self._servers
        ]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_port}/simple"

    @property
    def storage(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].server_port}"

    def __enter__(self) -> "LoopbackIndex":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is killed in the middle is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    index: LoopbackIndex
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass

    def do_GET(self) -> None:
        self.index.requests.append(self.path)
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "simple":
            self._page(rest.strip("/"))
        elif kind == "files":
            self._answer(302, b"", {"Location": f"{self.index.storage}/storage/{rest}"})
        else:
            self._file(rest)

    def _page(self, project: str) -> None:
        found = sorted(self.index.folder.glob(f"{project.replace('-', '_')}-*.whl"))
        if not found:
            self._answer(404, b"Not Found", {})
            return
        files = [
            (path.name, "0" * 64 if self.index.false_hash else hashlib.sha256(path.read_bytes()).hexdigest())
            for path in found
        ]
        if self.index.as_html:
            links = "".join(f'<a href="../../files/{n}#sha256={h}">{n}</a><br/>' for n, h in files)
            page = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
            self._answer(200, page, {"Content-Type": "text/html"})
            return
        entries = [{"filename": n, "url": f"/files/{n}", "hashes": {"sha256": h}} for n, h in files]
        document = {"meta": {"api-version": "1.1"}, "name": project, "files": entries}
        content = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
        self._answer(200, json.dumps(document).encode(), content)

    def _file(self, name: str) -> None:
        path = self.index.folder / name
        if name in self.index.missing or not path.is_file():
            self._answer(404, b"Not Found", {})
            return
        data = path.read_bytes()
        if name in self.index.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2]) + 1) if asked else (0, len(data))
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(end - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        for position in range(start, end, BLOCK):
            if self.index.hold_after and self.index.bytes_sent[name] >= self.index.hold_after:
                self.index.held.set()
                self.index.closing.wait()
                return
            block = data[position : min(end, position + BLOCK)]
            try:
                self.wfile.write(block)
            except OSError:
                return
            self.index.bytes_sent[name] += len(block)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
