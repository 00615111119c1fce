"""A Hugging Face hub on loopback: real folders as repositories, a storage host behind redirects, and faults.

`python -m tests.support.hub FOLDER --repo owner/name --port N` serves until it is interrupted; set
HF_ENDPOINT to the address it prints. What follows the real hub: https://huggingface.co/docs/hub/api, and the
headers that huggingface_hub reads (X-Repo-Commit, X-Linked-Etag, X-Linked-Size, X-Error-Code).
"""

import argparse
import hashlib
import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.certificates import Certificate, make_certificate

LFS_SUFFIXES = (".safetensors", ".gguf", ".bin")
_BLOCK = 64 << 10
_BLOCKS_PER_S = 100


@dataclass
class Fault:
    """Something that goes wrong on requests for `path` ("" is every storage request), `times` times.

    kinds: "status" (answers `status` with `headers`), "cut" (closes after `after` body bytes), "stall" (goes
    silent after `after` body bytes until the hub closes), "expire" (403, as an old signed link), "whole"
    (ignores Range), "corrupt" (flips one bit of the first byte sent), "gone" (404 at the hub), "moved"
    (another commit in X-Repo-Commit), "loop" (redirects to itself), "metadata" (`status` for the API).
    With `together`, "storage-status" answers only once so many requests wait for it.
    """

    kind: str
    path: str = ""
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))


@dataclass
class HostedRepo:
    folder: Path
    commit: str
    gated: bool = False
    token: str = ""
    lfs_suffixes: tuple[str, ...] = LFS_SUFFIXES
    card: dict[str, object] = field(default_factory=dict)
    """More that a search tells of it, beside its name and files."""

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


class LoopbackHub:
    """The server; `endpoint` is its address. Use it as a context manager.

    With `certificate` its storage host speaks TLS only.
    """

    def __init__(
        self, port: int = 0, bytes_per_s: float = 0.0, certificate: Certificate | None = None
    ) -> None:
        self.repos: dict[str, HostedRepo] = {}
        self.renamed: dict[str, str] = {}
        self.accounts: dict[str, str] = {}
        """The owner of each token."""
        self.faults: list[Fault] = []
        self.bytes_per_s = bytes_per_s
        self.block_bytes = max(_BLOCK, int(bytes_per_s / _BLOCKS_PER_S))
        self.bytes_served: Counter[str] = Counter()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.served = threading.Condition()
        self.closing = threading.Event()
        self.links: set[str] = set()
        self.handshakes = 0
        self.stores_itself = False
        """Redirect to storage addresses of the hub's own origin."""
        self._hashes: dict[tuple[Path, int, int], tuple[str, str]] = {}
        self.lock = threading.Lock()
        self._budget_at = time.monotonic()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", port), handler)
        # The storage "host" differs from the hub's in its port, so it is another origin for the token.
        self._storage = _Server(("127.0.0.1", 0), handler)
        self._storage_scheme = "http"
        if certificate is not None:
            self._storage_scheme = "https"
            self._storage.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._storage.tls.load_cert_chain(certificate.path, certificate.key)
            self._storage.on_tls = self._count_handshake
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in (self._server, self._storage)
        ]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def storage(self) -> str:
        return f"{self._storage_scheme}://127.0.0.1:{self._storage.server_address[1]}"

    def __enter__(self) -> "LoopbackHub":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for server in (self._server, self._storage):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def add(
        self, repo: str, folder: Path, *, commit: str = "", gated: bool = False, token: str = ""
    ) -> HostedRepo:
        """Serve `folder` as `repo`; `token` makes it private to that token, `gated` refuses downloads."""
        commit = commit or hashlib.sha1(repo.encode()).hexdigest()
        self.repos[repo] = HostedRepo(folder, commit, gated, token)
        return self.repos[repo]

    def fail(self, kind: str, path: str = "", **values: object) -> Fault:
        fault = Fault(kind, path, **values)  # type: ignore[arg-type]
        with self.lock:
            self.faults.append(fault)
        return fault

    def take_fault(self, path: str, *kinds: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.kind in kinds and fault.times > 0 and fault.path in ("", path):
                    fault.times -= 1
                    return fault
        return None

    def hashes(self, path: Path) -> tuple[str, str]:
        """SHA-256 and git object id of a file's content."""
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._hashes:
            sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % stat.st_size)
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    sha256.update(block)
                    git.update(block)
            self._hashes[key] = (sha256.hexdigest(), git.hexdigest())
        return self._hashes[key]

    def _count_handshake(self) -> None:
        with self.lock:
            self.handshakes += 1

    def pace(self, count: int) -> None:
        """Hold the sender back so that all together keep to `bytes_per_s`."""
        if not self.bytes_per_s:
            return
        with self.lock:
            now = time.monotonic()
            self._budget_at = max(self._budget_at, now) + count / self.bytes_per_s
            wait_s = self._budget_at - now
        self.closing.wait(wait_s)

    def count(self, path: str, count: int) -> None:
        with self.served:
            self.bytes_served[path] += count
            self.served.notify_all()

    def wait_served(self, path: str, count: int, timeout_s: float = 60.0) -> bool:
        """Wait until `count` bytes of `path` have been sent since the start."""
        with self.served:
            return self.served.wait_for(lambda: self.bytes_served[path] >= count, timeout_s)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Without joining: a stalled sender must not hold up the end of a test.
    block_on_close = False
    tls: ssl.SSLContext | None = None
    on_tls: Callable[[], None]

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self.tls is not None:
            # Hands are shaken with the first byte that is read, on the connection's own thread.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self.on_tls()
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"
    # A small buffer keeps "sent" close to "received", which the byte counters are about.
    wbufsize = 0
    timeout = 60
    # Otherwise a body waits up to 40 ms for the head to be acknowledged, which no real hub does.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        with self.hub.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.hub.requests.append((self.command, self._origin() + self.path, headers))
        if path == "/api/whoami-v2":
            self._who()
        elif path == "/api/models":
            self._search(parse_qs(parts.query))
        elif match := re.fullmatch(r"/api/(?:models|datasets)/([^/]+/[^/]+?)(?:/revision/(.+))?", path):
            self._metadata(match[1], match[2])
        elif match := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1], match[2], match[3])
        elif match := re.fullmatch(r"/storage/([^/]+/[^/]+)/(.+)", path):
            link = parse_qs(parts.query).get("signature", [""])[0]
            self._store(match[1], match[2], link, body=body)
        else:
            self._send(404, b"no such page")

    def _origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def _who(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.hub.accounts:
            self._send(401, json.dumps({"error": "Invalid credentials in Authorization header"}).encode())
            return
        auth = {"type": "access_token", "accessToken": {"displayName": "for-stillroom", "role": "read"}}
        who = {
            "type": "user",
            "id": "5e67",
            "name": self.hub.accounts[token],
            "fullname": "A. User",
            "orgs": [],
        }
        self._send(200, json.dumps(who | {"auth": auth}).encode(), {"Content-Type": "application/json"})

    def _search(self, query: dict[str, list[str]]) -> None:
        """Answer as the hub does to `expand`, and in its order: the most downloaded first."""
        if fault := self.hub.take_fault("", "metadata"):
            self._send(fault.status, b"{}", fault.headers)
            return
        words = query.get("search", [""])[0].lower().split()
        limit = int(query.get("limit", ["1000"])[0])
        found = []
        for repo, hosted in self.hub.repos.items():
            if (hosted.token and not self._has_token(hosted)) or not all(
                word in repo.lower() for word in words
            ):
                continue
            files = [file.relative_to(hosted.folder).as_posix() for file in hosted.files()]
            found.append(
                {"_id": "64", "id": repo, "gated": "manual" if hosted.gated else False}
                | {"siblings": [{"rfilename": name} for name in files]}
                | hosted.card
            )
        found.sort(key=lambda model: -int(str(model.get("downloads", 0))))
        self._send(200, json.dumps(found[:limit]).encode(), {"Content-Type": "application/json"})

    def _metadata(self, repo: str, revision: str | None) -> None:
        if fault := self.hub.take_fault("", "metadata"):
            self._send(fault.status, b"{}", fault.headers)
            return
        if repo in self.hub.renamed:
            tail = f"/revision/{revision}" if revision else ""
            query = urlsplit(self.path).query
            self._send(307, b"", {"Location": f"/api/models/{self.hub.renamed[repo]}{tail}?{query}"})
            return
        hosted = self.hub.repos.get(repo)
        if hosted is None or (hosted.token and not self._has_token(hosted)):
            self._send(
                401, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            )
            return
        if revision not in (None, "main", hosted.commit):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = []
        for file in hosted.files():
            name = file.relative_to(hosted.folder).as_posix()
            sha256, oid = self.hub.hashes(file)
            entry: dict[str, object] = {"rfilename": name, "size": file.stat().st_size, "blobId": oid}
            if name.endswith(hosted.lfs_suffixes):
                entry["lfs"] = {"sha256": sha256, "size": file.stat().st_size, "pointerSize": 134}
            siblings.append(entry)
        info: dict[str, object] = {"id": repo, "modelId": repo, "sha": hosted.commit, "siblings": siblings}
        info |= {"private": False, "gated": hosted.gated, "tags": [], "downloads": 0, "likes": 0}
        config = hosted.folder / "config.json"
        settings = json.loads(config.read_text()) if config.is_file() else None
        if isinstance(settings, dict):
            info["config"] = {"architectures": settings.get("architectures", [])}
        self._send(200, json.dumps(info | hosted.card).encode(), {"Content-Type": "application/json"})

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        hosted = self.hub.repos.get(self.hub.renamed.get(repo, repo))
        if hosted is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            return
        if hosted.gated or (hosted.token and not self._has_token(hosted)):
            self._send(401, b"", {"X-Error-Code": "GatedRepo"})
            return
        if fault := self.hub.take_fault(name, "status", "loop", "gone", "moved"):
            if fault.kind == "loop":
                self._send(302, b"", {"Location": self.path})
            elif fault.kind == "gone":
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            elif fault.kind == "moved":
                self._send(302, b"", {"Location": "/nowhere", "X-Repo-Commit": "0" * 40})
            else:
                self._send(fault.status, b"", fault.headers)
            return
        file = hosted.folder / name
        if revision not in ("main", hosted.commit) or not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        sha256, oid = self.hub.hashes(file)
        headers = {"X-Repo-Commit": hosted.commit}
        if name.endswith(hosted.lfs_suffixes):
            headers |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(file.stat().st_size)}
            with self.hub.lock:
                link = f"{len(self.hub.links)}-secret"
                self.hub.links.add(link)
            storage = self.hub.endpoint if self.hub.stores_itself else self.hub.storage
            headers["Location"] = f"{storage}/storage/{repo}/{name}?signature={link}"
            self._send(302, b"", headers)
            return
        self._content(file, name, headers | {"ETag": f'"{oid}"'}, body=True)

    def _store(self, repo: str, name: str, link: str, *, body: bool) -> None:
        if self.hub.take_fault(name, "expire"):
            with self.hub.lock:
                self.hub.links.discard(link)
        if link not in self.hub.links:
            self._send(403, b"<Error><Code>AccessDenied</Code></Error>")
            return
        if fault := self.hub.take_fault(name, "storage-status"):
            fault.together.wait()
            self._send(fault.status, b"", fault.headers)
            return
        hosted = self.hub.repos[self.hub.renamed.get(repo, repo)]
        self._content(hosted.folder / name, name, {"ETag": '"storage-etag"'}, body=body)

    def _content(self, file: Path, name: str, headers: dict[str, str], *, body: bool) -> None:
        size = file.stat().st_size
        start, end = 0, size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted and not self.hub.take_fault(name, "whole"):
            start, end = int(wanted[1]), min(size, int(wanted[2]) + 1 if wanted[2] else size)
            if start >= size:
                self._send(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            headers = headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
            self.send_response(206)
        else:
            self.send_response(200)
        for key, value in {**headers, "Content-Length": str(end - start), "Accept-Ranges": "bytes"}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self._stream(file, name, start, end)

    def _stream(self, file: Path, name: str, start: int, end: int) -> None:
        fault = self.hub.take_fault(name, "cut", "stall", "corrupt")
        stop = start + fault.after if fault is not None and fault.kind != "corrupt" else end
        with file.open("rb") as stream:
            position = start
            stream.seek(position)
            while position < min(end, stop):
                count = min(self.hub.block_bytes, min(end, stop) - position)
                self.hub.pace(count)
                if fault is not None and fault.kind == "corrupt" and position == start:
                    block = stream.read(count)
                    self.wfile.write(bytes([block[0] ^ 1]) + block[1:])
                else:
                    self.connection.sendfile(stream, position, count)
                self.hub.count(name, count)
                position += count
        if position < end:
            if fault is not None and fault.kind == "stall":
                self.hub.closing.wait()
            self.close_connection = True

    def _has_token(self, hosted: HostedRepo) -> bool:
        return self.headers.get("Authorization") == f"Bearer {hosted.token}"

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a folder as a Hugging Face repository on loopback.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repo", required=True, help="owner/name")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bytes-per-s", type=float, default=0.0)
    parser.add_argument("--tls", type=Path, help="where to put loopback.pem, the storage host's certificate")
    arguments = parser.parse_args()
    certificate = make_certificate(arguments.tls, "loopback", "127.0.0.1") if arguments.tls else None
    with LoopbackHub(arguments.port, arguments.bytes_per_s, certificate) as hub:
        hub.add(arguments.repo, arguments.folder.absolute())
        print(hub.endpoint, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped", flush=True)


if __name__ == "__main__":
    main()
