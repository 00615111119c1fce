"""Some 300 hostile schemas and grammars: each is answered soon, in one line, and nobody else notices."""

import concurrent.futures
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.base.errors import StillroomError
from app.engine.protocol import Generate, Part, Sampling
from tests.faults.hostile_schemas import grammars, schemas
from tests.support.api import MODEL, Api, loaded_engine, served
from tests.support.engines import ANSWER_TIMEOUT_S

PROMISED_S, PROMISED_HEALTH_S, PROMISED_BYTES = 2.0, 1.0, 500_000_000
BUSY = 4.0
"""The machine may be busy with other things: times are held against so many times what is promised."""

TOKENS = 6


class Watch:
    """Asks for /health all the time, and looks at the memory of this process, which is the server's, and of
    its children."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._ended = threading.Event()
        self.waits_s: list[float] = []
        self.peak_bytes = 0

    def ask(self) -> None:
        with self._api.http() as http:
            while not self._ended.is_set():
                began_s = time.perf_counter()
                assert http.get("/health").status_code == 200
                self.waits_s.append(time.perf_counter() - began_s)
                self._ended.wait(0.01)

    def weigh(self) -> None:
        while not self._ended.is_set():
            self.peak_bytes = max(self.peak_bytes, memory_bytes())
            self._ended.wait(0.02)

    def end(self) -> None:
        self._ended.set()


def memory_bytes() -> int:
    own = psutil.Process()
    return sum(process.memory_info().rss for process in (own, *own.children(recursive=True)))


@contextmanager
def watched(api: Api) -> Iterator[Watch]:
    watch = Watch(api)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        work = [pool.submit(watch.ask), pool.submit(watch.weigh)]
        try:
            yield watch
        finally:
            watch.end()
        for one in work:
            one.result()


def ask_for_schema(api: Api, number: int, schema: str) -> str:
    """Return what is told of a schema, by one of the three ways to send it; empty where it was followed."""
    text = f'{{"prompt": "Hi", "max_tokens": {TOKENS}, "json_schema": {schema}}}'
    path = "/generate"
    if number % 3 == 1:
        path = "/v1/chat/completions"
        wanted = f'{{"type": "json_schema", "json_schema": {{"schema": {schema}}}}}'
        text = (
            f'{{"messages": [{{"role": "user", "content": "Hi"}}], "max_tokens": {TOKENS}, '
            f'"response_format": {wanted}}}'
        )
    elif number % 3 == 2:
        path = "/api/generate"
        text = (
            f'{{"model": "{MODEL}", "prompt": "Hi", "stream": false, "options": {{"num_predict": {TOKENS}}}, '
            f'"format": {schema}}}'
        )
    with api.http() as http:
        answer = http.post(path, content=text.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        return ""
    error = answer.json()["error"]
    return error if isinstance(error, str) else str(error["message"])


def ask_for_grammar(api: Api, number: int, grammar: str) -> str:
    request = Generate(
        request_id=0,
        parts=[Part("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", True)],
        grammar=grammar,
        thinking="off",
        max_tokens=TOKENS,
        sampling=Sampling(temperature=float(number % 2), seed=number),
    )
    try:
        api.client.ask(request).future.result(ANSWER_TIMEOUT_S)
    except StillroomError as error:
        return f"{error} {error.hint_text()}"
    return ""


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["schema", "grammar"])
def test_each_is_answered_soon_and_nobody_else_notices(tmp_path: Path, kind: str) -> None:
    cases = list(schemas() if kind == "schema" else grammars())
    ask = ask_for_schema if kind == "schema" else ask_for_grammar
    assert len(cases) >= 100
    with loaded_engine() as client, served(client, tmp_path) as api:
        pid = client.state.pid
        ask_for_schema(api, 0, "{}")
        before_bytes = memory_bytes()
        took_s: dict[str, float] = {}
        refused = 0
        with watched(api) as watch:
            for number, (name, text) in enumerate(cases):
                began_s = time.perf_counter()
                said = ask(api, number, text)
                took_s[name] = time.perf_counter() - began_s
                refused += bool(said)
                assert said.isprintable(), name
                assert len(said) < 500, name
        assert client.state.pid == pid
        growth_bytes = watch.peak_bytes - before_bytes
        slowest = sorted(took_s, key=lambda name: -took_s[name])[:6]
        print(
            f"\n{len(cases)} of kind {kind}: {refused} refused, {len(cases) - refused} followed; slowest "
            + ", ".join(f"{name} {took_s[name]:.2f} s" for name in slowest)
            + f"; /health {len(watch.waits_s)} times, longest {1000 * max(watch.waits_s):.0f} ms; "
            f"memory at most {growth_bytes / 1e6:.0f} MB above"
        )
        assert max(took_s.values()) < BUSY * PROMISED_S
        assert max(watch.waits_s) < BUSY * PROMISED_HEALTH_S
        assert growth_bytes < PROMISED_BYTES
