"""Bodies of megabytes, of each kind that costs something to read: each is answered soon, and others too."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.engine.protocol import Part
from app.ui.shell.garbage import collect_due
from tests.faults.test_hostile_schemas import (
    BUSY,
    PROMISED_BYTES,
    PROMISED_HEALTH_S,
    PROMISED_S,
    memory_bytes,
    watched,
)
from tests.support.api import MODEL, Api, loaded_engine, served
from tests.support.engines import ANSWER_TIMEOUT_S

MANY = 390_000
"""Values, somewhat fewer than a body may have."""

VALUES = {
    "null": b"null",
    "number": b"1",
    "text": b'""',
    "list": b"[]",
    "object": b"{}",
    "wrong number": b"-1.5",
}

FIELDS = (
    ("/v1/completions", b'{"prompt": [%s]}'),
    ("/v1/completions", b'{"prompt": "x", "stop": [%s]}'),
    ("/v1/completions", b'{"prompt": [[%s]]}'),
    ("/v1/embeddings", b'{"input": [%s]}'),
    ("/v1/embeddings", b'{"input": [[%s]]}'),
    ("/v1/chat/completions", b'{"messages": [%s]}'),
    ("/v1/chat/completions", b'{"messages": [{"role": "user", "content": [%s]}]}'),
    (
        "/v1/chat/completions",
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "tools": [%s]}',
    ),
    ("/generate", b'{"prompt": "x", "max_tokens": 1, "nonsense": [%s]}'),
    ("/generate", b'{"prompt": "x", "max_tokens": 1, "json_schema": {"enum": [%s]}}'),
    ("/api/chat", b'{"model": "' + MODEL.encode() + b'", "messages": [%s]}'),
    ("/api/embed", b'{"model": "' + MODEL.encode() + b'", "input": [%s]}'),
)

TEXTS = {
    "a's": "a" * 7_900_000, "words": "the fox " * 980_000, "spaces": " " * 7_900_000,
    "commas": "," * 7_900_000,
    "Chinese": "数学" * 1_300_000, "controls": "\x01" * 1_300_000, "quotes": '"' * 3_900_000,
    "tags": "<|im_start|>" * 650_000, "calls": "<tool_call>{" * 650_000,
}  # fmt: skip


def bodies() -> Iterator[tuple[str, str, bytes]]:
    for path, field in FIELDS:
        for name, value in VALUES.items():
            many = MANY // 2 if name in ("list", "object") else MANY
            yield f"{path} {field[:30].decode()} {name}", path, field % b",".join([value] * many)
    for name, text in TEXTS.items():
        yield (
            name,
            "/v1/completions",
            json.dumps({"prompt": text, "max_tokens": 1}, ensure_ascii=False).encode(),
        )
    keys = b",".join(b'"%d": 1' % number for number in range(MANY))
    yield "keys", "/v1/completions", b'{"prompt": "x", "max_tokens": 1, "logit_bias": {' + keys + b"}}"
    yield "unknown fields", "/generate", b'{"prompt": "x", "max_tokens": 1, ' + keys + b"}"


def answer(api: Api, path: str, body: bytes) -> httpx.Response:
    with api.http() as http:
        return http.post(path, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_each_is_answered_soon_and_nobody_else_notices(tmp_path: Path) -> None:
    with loaded_engine() as client, served(client, tmp_path) as api:
        answer(api, "/generate", b'{"prompt": "x", "max_tokens": 1, "json_schema": {}}')
        before_bytes = memory_bytes()
        took_s: dict[str, float] = {}
        grown: dict[str, int] = {}
        with watched(api) as watch:
            for name, path, body in bodies():
                began_s = time.perf_counter()
                reply = answer(api, path, body)
                took_s[name] = time.perf_counter() - began_s
                # The window does so all the time.
                collect_due()
                grown[name] = watch.peak_bytes - before_bytes
                watch.peak_bytes = 0
                assert reply.status_code in (200, 400), (name, reply.text[:200])
                if reply.status_code == 400:
                    said = reply.json()["error"]
                    said = said if isinstance(said, str) else said["message"]
                    assert said.isprintable(), name
                    assert len(said) < 500, name
        largest = max(grown, key=lambda name: grown[name])
        slowest = sorted(took_s, key=lambda name: -took_s[name])[:3]
        print(
            f"\n{len(took_s)} bodies; slowest "
            + ", ".join(f"{name} {took_s[name]:.2f} s" for name in slowest)
            + f"; /health {len(watch.waits_s)} times, longest {1000 * max(watch.waits_s):.0f} ms; "
            f"memory at most {grown[largest] / 1e6:.0f} MB above ({largest})"
        )
        assert max(took_s.values()) < BUSY * PROMISED_S
        assert max(watch.waits_s) < BUSY * PROMISED_HEALTH_S
        assert grown[largest] < PROMISED_BYTES


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_others_are_answered_while_eight_megabytes_are_counted(tmp_path: Path) -> None:
    question = b'{"prompt": "Hi", "max_tokens": 1}'
    with loaded_engine() as client, served(client, tmp_path) as api:
        answer(api, "/generate", question)
        client.tokenize([Part(TEXTS["words"][:100_000])]).result(ANSWER_TIMEOUT_S)
        began_s = time.perf_counter()
        answer(api, "/generate", question)
        alone_s = time.perf_counter() - began_s
        texts = [TEXTS[name] for name in ("a's", "words", "spaces", "Chinese")]
        counting = [client.tokenize([Part(text)]) for text in texts]
        waits_s = []
        while not all(one.done() for one in counting):
            began_s = time.perf_counter()
            assert answer(api, "/generate", question).status_code == 200
            waits_s.append(time.perf_counter() - began_s)
        print(
            f"\n{len(texts)} texts of 8 MB counted; {len(waits_s)} questions meanwhile, longest "
            f"{max(waits_s):.2f} s; alone {alone_s:.2f} s"
        )
        assert max(waits_s) < BUSY * PROMISED_S
