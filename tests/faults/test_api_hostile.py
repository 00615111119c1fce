"""Slow clients, a body of a gigabyte and deep JSON at once: others are answered meanwhile."""

import concurrent.futures
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.api import Api, loaded_engine, served

SLOW_CLIENTS = 100
BODY_BYTES = int(float(os.environ.get("STILLROOM_API_BODY_GB", "1")) * 1e9)
CHUNK = b" " * 1_000_000
MOST_GROWTH_BYTES = 200_000_000
"""The clients are in this process too; what is read must not stay."""


def flood(api: Api) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(BODY_BYTES // len(CHUNK)):
            yield CHUNK

    headers = {"Content-Type": "application/json"}
    # It is refused while it is being sent, or closed.
    with api.http() as http, contextlib.suppress(httpx.TransportError):
        assert http.post("/generate", content=chunks(), headers=headers).status_code == 413


def deep(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    with api.http() as http:
        for _ in range(20):
            assert http.post("/generate", content=b"[" * 4_000_000, headers=headers).status_code == 400


def drip(api: Api, ended: threading.Event) -> None:
    slow = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(SLOW_CLIENTS)]
    while not ended.wait(0.2):
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.sendall(b"X")
    for connection in slow:
        connection.close()


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_health_is_answered_through_all_of_it(tmp_path: Path) -> None:
    ended = threading.Event()
    with loaded_engine() as client, served(client, tmp_path) as api, api.http() as http:
        assert http.get("/health").status_code == 200
        before_bytes = psutil.Process().memory_info().rss
        waits_s = []
        with concurrent.futures.ThreadPoolExecutor() as pool:
            dripping = pool.submit(drip, api, ended)
            work = [pool.submit(flood, api), pool.submit(deep, api)]
            while not all(one.done() for one in work):
                began_s = time.perf_counter()
                assert http.get("/health").status_code == 200
                waits_s.append(time.perf_counter() - began_s)
            ended.set()
            for one in (*work, dripping):
                one.result()
        growth_bytes = psutil.Process().memory_info().rss - before_bytes
        print(
            f"\n/health {len(waits_s)} times, longest {1000 * max(waits_s):.0f} ms; "
            f"growth {growth_bytes / 1e6:.0f} MB"
        )
        assert growth_bytes < MOST_GROWTH_BYTES
        assert http.post("/generate", json={"prompt": "Hi", "max_tokens": 1}).status_code == 200
