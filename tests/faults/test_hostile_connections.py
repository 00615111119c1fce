"""Requests that cost much to take apart, from who has no key too: others are answered meanwhile."""

import contextlib
import socket
from functools import partial
from pathlib import Path

import pytest

from tests.faults.test_hostile_schemas import BUSY, PROMISED_BYTES, PROMISED_HEALTH_S, memory_bytes, watched
from tests.support.api import KEY, loaded_engine, served
from tests.support.waiting import wait_until

HEAD = b"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
WITH_KEY = HEAD + f"Authorization: Bearer {KEY}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "chunks of one byte, no key": (HEAD + CHUNKED, b"1\r\n \r\n" * 200_000),
    "chunks of one byte": (WITH_KEY + CHUNKED, b"1\r\n \r\n" * 800_000),
    "one header, many times": (HEAD, b"a:\r\n" * 60_000 + b"\r\n"),
    "many headers": (HEAD, b"".join(b"%x:\r\n" % number for number in range(60_000)) + b"\r\n"),
    "many requests": (b"", b"GET /docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20_000),
}


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_nobody_else_notices_a_flood(tmp_path: Path) -> None:
    with loaded_engine() as client, served(client, tmp_path) as api:
        before_bytes = memory_bytes()
        longest_s: dict[str, float] = {}
        peak_bytes = 0
        for name, (head, rest) in FLOODS.items():
            with (
                watched(api) as watch,
                socket.create_connection(("127.0.0.1", api.port), timeout=5.0) as connection,
                # It is closed while it sends, or not read any more.
                contextlib.suppress(OSError),
            ):
                wait_until(partial(bool, watch.waits_s), "a first answer")
                connection.sendall(head + rest)
                connection.recv(1)
            longest_s[name] = max(watch.waits_s)
            peak_bytes = max(peak_bytes, watch.peak_bytes)
        told = ", ".join(f"{name} {1000 * wait_s:.0f} ms" for name, wait_s in longest_s.items())
        print(f"\nlongest /health: {told}; memory {(peak_bytes - before_bytes) / 1e6:.0f} MB above")
        assert max(longest_s.values()) < BUSY * PROMISED_HEALTH_S
        assert peak_bytes - before_bytes < PROMISED_BYTES
