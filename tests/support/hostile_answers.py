"""Answers of a hub, a package index, a release feed and a server elsewhere that nobody should send."""

import functools
import gzip
import itertools
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.raw_server import http

REPO = "owner/tiny"
COMMIT = "c" * 40
FILE = "model.safetensors"
HEADER = json.dumps({"a": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}}).encode()
CONTENT = len(HEADER).to_bytes(8, "little") + HEADER + bytes(range(64))
SHA256 = "5" * 64
WHEEL = "w.whl"

Sent = bytes | Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Case:
    """`asks` is what is asked of the server: "resolve", "download", "header", "index", "feed", "models" or
    "reply". `fine`: the answer may be accepted. `drips`: it is judged only once its time is over."""

    name: str
    asks: str
    sent: Sent
    fine: bool = False
    drips: bool = False


def repository(**changes: Any) -> dict[str, Any]:
    """Return what a hub says about a repository with one file."""
    return {"id": REPO, "sha": COMMIT, "siblings": [sibling()], **changes}


def sibling(**changes: Any) -> dict[str, Any]:
    return {
        "rfilename": FILE,
        "size": len(CONTENT),
        "blobId": "b" * 40,
        "lfs": {"sha256": SHA256, "size": len(CONTENT), "pointerSize": 134},
        **changes,
    }


@functools.cache
def cases() -> list[Case]:
    """All of them; their names are unique."""
    found = [*_metadata(), *_packed(), *_wire(), *_statuses(), *_files(), *_headers(), *_index(), *_feed()]
    found += [*_models(), *_replies()]
    assert len({case.name for case in found}) == len(found)
    return found


def bomb(unpacked_bytes: int, begin: bytes = b"") -> Iterator[bytes]:
    """Spaces behind `begin`, packed as gzip does: a few kilobytes for a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    first = packer.compress(b" " * (16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(unpacked_bytes >> 24):
        yield first
    yield packer.flush()


def _json(document: object) -> bytes:
    return http(json.dumps(document).encode(), Content_Type="application/json")


def _metadata() -> Iterator[Case]:
    bodies: dict[str, bytes] = {
        "no JSON": b"<html>Welcome to the hotel</html>",
        "empty": b"",
        "null": b"null",
        "a list": b"[]",
        "a number": b"7",
        "cut": json.dumps(repository()).encode()[:60],
        "UTF-16": json.dumps(repository()).encode("utf-16"),
        "no UTF-8": b'{"id": "\xff\xfe"}',
        "deep lists": b"[" * 1_000_000,
        "deep objects": b'{"a":' * 200_000,
        "deep unknown field": b'{"id": "owner/tiny", "x": ' + b"[" * 1_000_000,
        "NaN": b'{"id": NaN}',
        "a number of a million digits": b'{"id": "a/b", "x": ' + b"9" * 1_000_000 + b"}",
        "a size of a million digits": json.dumps(repository())
        .encode()
        .replace(b'"size": ', b'"size": 9' + b"9" * 1_000_000, 1),
    }
    for name, body in bodies.items():
        yield Case(f"metadata: {name}", "resolve", http(body), fine=name == "a number of a million digits")
    ids = (
        7,
        None,
        [],
        "",
        "..",
        "../..",
        "a/b/c",
        "x" * 10_000,
        "a\x1b[31m/b",
        "owner/na--me",
        "owner/x.git",
        "é/b",
    )
    for place, value in enumerate(ids):
        yield Case(f"id {place}: {str(value)[:12]!r}", "resolve", _json(repository(id=value)))
    for place, sha in enumerate((7, [], "", "c" * 39, "C" * 40, "c" * 40 + "\n", "../../etc/passwd")):
        yield Case(f"commit {place}", "resolve", _json(repository(sha=sha)))
    siblings: dict[str, object] = {
        "a number": 7,
        "an object": {},
        "of numbers": [1, 2],
        "of null": [None],
        "too many": [sibling(rfilename=f"f{number}") for number in range(100_001)],
        "two of one name": [sibling(), sibling()],
    }
    for name, listed in siblings.items():
        yield Case(f"siblings {name}", "resolve", _json(repository(siblings=listed)))
    names = (
        7,
        None,
        "",
        "..",
        "/etc/passwd",
        "a/../../b",
        "C:\\x",
        "a\0b",
        "a\u202egnp.exe",
        "a\x1b[31mb",
        "x" * 5000,
        "a/" + "x" * 300,
        "\ud800",
        "a//b",
        "./a",
    )
    for place, name in enumerate(names):
        yield Case(
            f"name {place}: {str(name)[:9]!r}",
            "resolve",
            _json(repository(siblings=[sibling(rfilename=name)])),
        )
    sizes = ("7", -1, 1.5, True, 2**63, 2**64, 10**400, None, [], 1e300)
    for place, size in enumerate(sizes):
        yield Case(
            f"size {place}: {str(size)[:9]}", "resolve", _json(repository(siblings=[sibling(size=size)]))
        )
    for place, oid in enumerate((7, "abc", "../../x", "g" * 40, "b" * 40 + "\n", None)):
        yield Case(f"object id {place}", "resolve", _json(repository(siblings=[sibling(blobId=oid)])))
    for place, sha256 in enumerate((7, None, "abc", "5" * 63, "A" * 64, "5" * 64 + "\n", "../" * 21 + "x")):
        yield Case(
            f"sha256 {place}", "resolve", _json(repository(siblings=[sibling(lfs={"sha256": sha256})]))
        )
    for place, lfs in enumerate((7, [], "x", {})):
        yield Case(f"lfs {place}", "resolve", _json(repository(siblings=[sibling(lfs=lfs)])))
    configs = (
        7,
        "x",
        [[]],
        {"architectures": 7},
        {"architectures": ["a\x1b"]},
        {"architectures": ["x"] * 100_000},
    )
    for place, config in enumerate(configs):
        yield Case(f"config {place}", "resolve", _json(repository(config=config)), fine=True)
    devices = ("CON", "nul.safetensors", "com1.txt", "a /aux", "model.", "model ", "download.json", "x.part")
    for name in devices:
        yield Case(
            f"name of a device: {name!r}", "download", _json(repository(siblings=[sibling(rfilename=name)]))
        )
    two = [sibling(), sibling(rfilename=FILE.upper())]
    yield Case("names that differ in case", "download", _json(repository(siblings=two)))
    yield Case("a file of an exabyte", "download", _json(repository(siblings=[sibling(size=2**60)])))


def _packed() -> Iterator[Case]:
    good = json.dumps(repository()).encode()
    head = http(length=False, Content_Encoding="gzip")
    yield Case("gzip of 3 GB", "resolve", lambda: itertools.chain([head], bomb(3 << 30, good)))
    yield Case("gzip of 3 GB to an index", "index", lambda: itertools.chain([head], bomb(3 << 30)))
    yield Case("gzip of 3 GB to a feed", "feed", lambda: itertools.chain([head], bomb(3 << 30)))
    yield Case("gzip of 3 GB of models", "models", lambda: itertools.chain([head], bomb(3 << 30)))
    yield Case("gzip of 3 GB of a reply", "reply", lambda: itertools.chain([head], bomb(3 << 30)))
    error = http(status="500 Oops", length=False, Content_Encoding="gzip")
    yield Case("gzip of 3 GB of an error", "reply", lambda: itertools.chain([error], bomb(3 << 30)))
    yield Case(
        "deflate of 1 GB",
        "resolve",
        lambda: itertools.chain([http(length=False, Content_Encoding="deflate")], _deflated(1 << 30)),
    )
    for name in ("br", "zstd", "gzip, gzip", "compress", "\x01", "x" * 5000):
        yield Case(f"packed as {name[:12]!r}", "resolve", http(good, Content_Encoding=name))
    yield Case("gzip that is none", "resolve", http(good, Content_Encoding="gzip"))
    yield Case("gzip, cut short", "resolve", http(gzip.compress(good)[:40], Content_Encoding="gzip"))
    yield Case(
        "gzip, damaged", "resolve", http(gzip.compress(good)[:30] + b"\xff" * 60, Content_Encoding="gzip")
    )
    yield Case(
        "gzip as it should be", "resolve", http(gzip.compress(good), Content_Encoding="gzip"), fine=True
    )


def _deflated(unpacked_bytes: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9)
    yield packer.compress(b" " * (16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(unpacked_bytes >> 24):
        yield block


def _endless(head: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.chain([head], itertools.repeat(piece))


def _drip(head: bytes, piece: bytes, pause_s: float = 0.1) -> Callable[[], Iterator[bytes]]:
    def dripping() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(pause_s)
            yield piece

    return dripping


CHUNKED = http(length=False, Transfer_Encoding="chunked")
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"


def _wire() -> Iterator[Case]:
    good = json.dumps(repository()).encode()
    endless = {
        "a body without end": (http(length=False), b" " * 65536),
        "chunks without end": (CHUNKED, CHUNK),
        "headers without end": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
        "a header without end": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536),
        "a status line without end": (b"HTTP/1.1 200 ", b"a" * 65536),
        "a trailer without end": (CHUNKED + b"0\r\n", b"X-A: b\r\n" * 1000),
        "a chunk's extension without end": (CHUNKED + b"10;", b"a" * 65536),
    }
    for name, (head, piece) in endless.items():
        yield Case(name, "resolve", _endless(head, piece))
        yield Case(f"{name}, of a reply", "reply", _endless(head, piece))
    yield Case(
        "200 MB of JSON",
        "resolve",
        lambda: itertools.chain(
            [http(length=False)],
            [b'{"id": "a/b", "x": ['],
            itertools.repeat(b"[],[],[],[],[],[]," * 4096, 2800),
        ),
    )
    broken = {
        "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/0.9": good,
        "HTTP/3": b"HTTP/3.0 200 OK\r\n\r\n",
        "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a length of letters": http(good, length=False, Content_Length="abc"),
        "a negative length": http(good, length=False, Content_Length="-5"),
        "two lengths": http(good, length=False, Content_Length="5\r\nContent-Length: 6"),
        "a length of a million digits": http(good, length=False, Content_Length="9" * 5000),
        "a chunk of letters": CHUNKED + b"zz\r\n",
        "a chunk of 2^80": CHUNKED + b"1" + b"0" * 20 + b"\r\nabc",
        "another transfer": http(good, length=False, Transfer_Encoding="gzip"),
        "a header without a name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "a zero byte in a header": b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n",
        "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    }
    for name, data in broken.items():
        yield Case(f"{name}, about a repository", "resolve", data)
        yield Case(f"{name}, for a file", "download", data)
    for name, data in {
        "nothing": b"",
        "a length too long": http(good, length=False, Content_Length="99999"),
    }.items():
        yield Case(f"closed: {name}", "resolve", data)
    drips = {
        "a drip of a body": (http(length=False), b" "),
        "a drip of a header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        "a drip of chunks": (CHUNKED, b"1\r\n \r\n"),
        "a drip of 100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    }
    for name, (head, piece) in drips.items():
        yield Case(name, "resolve", _drip(head, piece), drips=True)
        yield Case(f"{name}, of an index", "index", _drip(head, piece), drips=True)
    yield Case(
        "100 Continue without end",
        "resolve",
        _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        drips=True,
    )


LOCATIONS = {
    "a file": "file:///etc/passwd",
    "FTP": "ftp://127.0.0.1/x",
    "data": "data:text/plain,x",
    "a script": "javascript:alert(1)",
    "Gopher": "gopher://127.0.0.1/",
    "no host": "http://",
    "a broken host": "http://[",
    "a port of letters": "http://127.0.0.1:abc/",
    "a port of 2^20": "http://127.0.0.1:1048576/",
    "control characters": "http://127.0.0.1/\x01\x1b[31m",
    "a host of 5000 letters": "http://" + "x" * 5000,
    "an odd host": "http://xn--\xff\xfe/",
    "itself": "",
}


def _redirects(asks: str) -> Iterator[Case]:
    for name, target in LOCATIONS.items():
        yield Case(f"redirect to {name}, {asks}", asks, http(status="302 Found", Location=target))
    for status in (
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
        "300 Choices",
        "304 Not Modified",
    ):
        yield Case(f"{status} without Location, {asks}", asks, http(status=status))


def _statuses() -> Iterator[Case]:
    for asks in ("resolve", "index", "feed", "models", "reply"):
        yield from _redirects(asks)
    for place, wait in enumerate(
        (
            "\xb2",
            "-1",
            "1e400",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 +9999",
            "x" * 5000,
        )
    ):
        yield Case(
            f"Retry-After {place}",
            "resolve",
            http(status="429 Later", Retry_After=wait if place != 4 else "0"),
        )
    codes = {"RevisionNotFound": "404 x", "GatedRepo": "403 x", "RepoNotFound": "401 x", "x\x1b[31m": "403 x"}
    for code, status in codes.items():
        yield Case(
            f"refused: {code!r}",
            "resolve",
            http(b"{}", status, X_Error_Code=code, X_Error_Message="\x1b[2J" * 100),
        )
    for status in ("204 x", "402 x", "418 x", "451 x", "599 x", "999 x"):
        for asks in ("resolve", "index", "models"):
            yield Case(f"status {status[:3]}, {asks}", asks, http(b"\x1b[31m" * 99, status))


def _files() -> Iterator[Case]:
    yield from _redirects("download")
    ranges = (
        "",
        "bytes",
        "bytes 0-1/2",
        "bytes 5-9/10",
        "bytes a-b/c",
        "bytes 0-999999/1000000",
        "bytes -1-5/9",
        "items 0-1/2",
        f"bytes 0-{'9' * 5000}/9",
        "bytes 0-0/*",
    )
    for place, value in enumerate(ranges):
        headers = {"Content_Range": value} if value else {}
        yield Case(f"range {place}", "download", http(CONTENT, "206 Partial", **headers))
    for name in ("x", "0" * 40, "\x1b", "c" * 40 + "x"):
        yield Case(f"another commit {name[:3]!r}", "download", http(CONTENT, X_Repo_Commit=name))
    yield Case("another etag", "download", http(CONTENT, X_Linked_Etag='"' + "6" * 64 + '"'))
    for place, etag in enumerate(('W/"', '""', "abc-17", "x" * 5000, "\xff")):
        yield Case(f"odd etag {place}", "download", http(CONTENT, X_Linked_Etag=etag))
    yield Case("another length", "download", http(CONTENT + b"x"))
    yield Case("another content", "download", http(CONTENT))
    yield Case("content without end", "download", _endless(http(length=False), bytes(65536)))
    yield Case("chunks of content without end", "download", _endless(CHUNKED, CHUNK))
    for status in ("204 x", "402 x", "404 x", "416 x", "451 x"):
        yield Case(f"file, status {status[:3]}", "download", http(b"x", status))


def _headers() -> Iterator[Case]:
    lengths = (2**63, 2**64 - 1, 1 << 40, 17 << 20, 10**9)
    for length in lengths:
        begin = length.to_bytes(8, "little")
        yield Case(
            f"header of {length} bytes",
            "header",
            _endless(
                http(status="206 Partial", length=False, Content_Range="bytes 0-65535/1000000000"),
                begin + b" " * 65528,
            ),
        )
    yield Case(
        "header, range ignored without end", "header", _endless(http(length=False), bytes(65536)), fine=True
    )
    yield Case("header, no range at all", "header", http(CONTENT, "206 Partial"))
    yield from _redirects("header")


def _index() -> Iterator[Case]:
    kind = "application/vnd.pypi.simple.v1+json"
    documents: list[object] = [
        None,
        [],
        7,
        {},
        {"files": 7},
        {"files": [7]},
        {"files": [{"filename": 7, "url": "x"}]},
        {"files": [{"filename": "w.whl", "url": 7}]},
        {"files": [{"filename": "w.whl", "url": "x", "hashes": 7}]},
        {"files": [{"filename": "w.whl", "url": "x", "hashes": {"sha256": "6" * 64}}]},
        {"files": [{"filename": "w.whl", "url": "http://[", "hashes": {}}]},
        {"files": [{"filename": "w.whl", "url": "file:///etc/passwd", "hashes": {}}]},
        {"files": [{"filename": "w.whl", "url": "ftp://x/", "hashes": {}}]},
        {"files": [{"filename": "other.whl", "url": "x"}] * 10_000},
    ]
    for place, document in enumerate(documents):
        yield Case(f"index {place}", "index", http(json.dumps(document).encode(), Content_Type=kind))
    yield Case("index: deep JSON", "index", http(b"[" * 1_000_000, Content_Type=kind))
    pages = {
        "no UTF-8": b"\xff" * 100,
        "a broken address": b'<a href="http://[/w.whl">w</a>',
        "open comments": b"<!--" * 500_000,
        "open tags": b"<a " * 600_000,
        "open declarations": b"<!" * 900_000,
        "open quotes": b'<a href="' * 200_000,
        "attributes without end": b"<a " + b"x=y " * 500_000,
        "references": b"&#" * 900_000,
        "CDATA": b"<![CDATA[" * 200_000,
        "instructions": b"<?" * 900_000,
        "many links": b'<a href="x.whl">x</a>' * 150_000,
    }
    for name, page in pages.items():
        yield Case(f"index page: {name}", "index", http(page, Content_Type="text/html"))


def _feed() -> Iterator[Case]:
    for name, body in {
        "unsigned": b"{}",
        "empty": b"",
        "deep": b"[" * 500_000,
        "large": b" " * (2 << 20),
    }.items():
        yield Case(f"feed: {name}", "feed", http(body))


def _models() -> Iterator[Case]:
    documents: list[object] = [
        None,
        7,
        [],
        {},
        {"data": 7},
        {"data": []},
        {"data": [7, None, []]},
        {"data": [{"id": 7}]},
        {"data": [{"id": ""}]},
        {"data": [{"id": "x" * 1000}]},
        {"data": [{"id": "a\x1b[31m"}]},
        {"data": [{"id": "\ud800"}]},
        {"data": [{}] * 500_000},
    ]
    for place, document in enumerate(documents):
        yield Case(f"models {place}", "models", _json(document))
    for place, tokens in enumerate((-1, 2**80, "x", True, 1e300)):
        yield Case(
            f"context {place}", "models", _json({"data": [{"id": "m", "max_model_len": tokens}]}), fine=True
        )
    yield Case("models: deep", "models", http(b"[" * 1_000_000))
    yield Case("models: many values", "models", http(b"[" + b"0," * 1_900_000 + b"0]"))


def _replies() -> Iterator[Case]:
    def stream(body: bytes) -> bytes:
        return http(body, Content_Type="text/event-stream")

    word = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    events = {
        "no JSON": b"data: x\n\n",
        "a number": b"data: 7\n\n",
        "deep": b"data: " + b"[" * 100_000 + b"\n\n",
        "choices of numbers": b'data: {"choices":[7]}\n\n',
        "a delta of text": b'data: {"choices":[{"delta":"x"}]}\n\n',
        "content of numbers": b'data: {"choices":[{"delta":{"content":7}}]}\n\n',
        "half an emoji": b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
        "an error of numbers": b'data: {"error":7}\n\n',
        "an error with escapes": b'data: {"error":{"message":"\\u001b[31m' + b"x" * 5000 + b'"}}\n\n',
        "usage of text": b'data: {"usage":{"prompt_tokens":"x","completion_tokens":-1}}\n\n',
        "usage of 2^80": b'data: {"usage":{"prompt_tokens":1208925819614629174706176}}\n\n',
        "no event": b"hello\n\n",
        "nothing": b"",
    }
    for name, body in events.items():
        yield Case(f"reply: {name}", "reply", stream(body))
        yield Case(f"reply: {name}, in the middle", "reply", stream(word + body))
    yield Case("reply: a line without end", "reply", _endless(http(length=False), b"data: " + b"x" * 65536))
    yield Case(
        "reply: empty lines without end",
        "reply",
        lambda: itertools.chain([http(length=False)], itertools.repeat(b"\n" * 65536, 64)),
    )
    yield Case(
        "reply: an error without end", "reply", _endless(http(status="500 Oops", length=False), b"x" * 65536)
    )
