"""Clients that mean harm, or break off: the server answers others meanwhile, and gives the engine back."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.engine.client.client import EngineClient
from app.server.access.api_error import ApiError
from app.server.access.json_check import check_json
from app.server.access.server_limits import Limits
from app.server.requests.openai_requests import Tool
from app.server.requests.tools import ToolUse
from tests.support.api import KEY, MODEL, Api, served
from tests.support.engines import ANSWER_TIMEOUT_S, STORY
from tests.support.waiting import wait_until

SHORT = Limits(body_bytes=100_000, head_s=0.5, body_s=0.5, drain_s=0.2, requests=2, connections=150)
LONG = {"prompt": "Tell me a very long story.", "max_tokens": 900, "stream": True, "temperature": 0.0}
QUICK = {"prompt": "Hi", "max_tokens": 1}


@pytest.fixture(scope="module")
def strict(api_engine: EngineClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server with little patience, so that the tests need little too."""
    with served(api_engine, tmp_path_factory.mktemp("strict"), SHORT) as running:
        yield running


def head(length: int) -> bytes:
    return (
        f"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def ends(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    try:
        while piece := connection.recv(4096):
            received += piece
    except ConnectionError:
        pass
    return received


def is_healthy(api: Api) -> bool:
    with api.http() as http:
        return http.get("/health").status_code == 200


def test_a_hundred_slow_clients_are_shown_out_while_others_are_served(strict: Api) -> None:
    slow = [socket.create_connection(("127.0.0.1", strict.port), timeout=60) for _ in range(100)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(b"POST /generate HTTP/1.1\r\nX-Slow: " if number % 2 else b"G")
        assert is_healthy(strict)
        assert all(ends(connection) == b"" for connection in slow)
    finally:
        for connection in slow:
            connection.close()
    assert is_healthy(strict)


def test_a_second_request_must_come_in_time_too(strict: Api) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        ends(connection)


def test_a_body_that_does_not_come_is_not_waited_for(strict: Api) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
        connection.sendall(head(1000) + b'{"prompt": ')
        assert ends(connection).startswith(b"HTTP/1.1 408")


def test_more_connections_than_there_is_room_for_are_closed(strict: Api) -> None:
    many = [socket.create_connection(("127.0.0.1", strict.port), timeout=60) for _ in range(200)]
    for connection in many:
        ends(connection)
        connection.close()
    assert is_healthy(strict)


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_neither_read_nor_kept(strict: Api, announced: bool) -> None:
    def flood() -> Iterator[bytes]:
        for _ in range(64):
            yield b"[" * 1_000_000

    length = {"Content-Length": "64000000"} if announced else {}
    headers = strict.headers | length | {"Content-Type": "application/json"}
    # Or it is closed while it is still sending.
    with strict.http(headers=headers) as http, contextlib.suppress(httpx.TransportError):
        assert http.post("/generate", content=flood()).status_code == 413
    assert is_healthy(strict)


def test_long_headers_are_refused(strict: Api) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * 100_000)
        assert ends(connection)[:12] in (b"HTTP/1.1 400", b"")
    assert is_healthy(strict)


def test_headers_that_come_at_once_may_not_be_longer(strict: Api) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
        connection.sendall(
            b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"
        )
        assert ends(connection)[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400")
    with strict.http() as http:
        assert http.get("/health", headers={"X-Long": "x" * 40_000}).status_code == 431
        assert http.get("/health?" + "x" * 40_000).status_code == 431
        assert http.get("/health", headers={"X-Long": "x" * 20_000}).status_code == 200


def test_a_body_whose_length_is_told_twice_is_refused_and_nothing_behind_it_is_answered(strict: Api) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
        twice = head(5).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        hidden = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        connection.sendall(twice + b"0\r\n\r\n" + hidden)
        answer = ends(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_idle_connections_lock_nobody_out(api_engine: EngineClient, tmp_path: Path) -> None:
    request = f"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
    limits = Limits(connections=20, head_s=ANSWER_TIMEOUT_S)
    with served(api_engine, tmp_path, limits) as api, contextlib.ExitStack() as stack:

        def connect() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", api.port), timeout=60))

        idle = [connect() for _ in range(20)]
        known = connect()
        known.sendall(request)
        assert known.recv(12) == b"HTTP/1.1 200"
        # The one that was waited for longest made way.
        assert ends(idle[0]) == b""
        idle += [connect() for _ in range(40)]
        assert is_healthy(api)
        # Who has shown the key is not sent away for who has not.
        while b"]}" not in known.recv(4096):
            pass
        known.sendall(request)
        assert known.recv(12) == b"HTTP/1.1 200"


def test_answers_that_nobody_reads_lock_nobody_out(api_engine: EngineClient, tmp_path: Path) -> None:
    with served(api_engine, tmp_path, Limits(connections=4)) as api, contextlib.ExitStack() as stack:
        for _ in range(4):
            ask_without_reading(stack.enter_context(deaf_client(api)))
        answered: list[int] = []
        wait_until(lambda: stands_still(api, answered))
        wait_until(lambda: is_served(api), wait_s=ANSWER_TIMEOUT_S)


def test_an_answer_that_is_not_read_in_time_is_given_up(api_engine: EngineClient, tmp_path: Path) -> None:
    with served(api_engine, tmp_path, Limits(send_s=0.5)) as api, deaf_client(api) as deaf:
        wait_until(lambda: not ask_without_reading(deaf))


def deaf_client(api: Api) -> socket.socket:
    """A connection that takes next to nothing of what is sent to it."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", api.port))
    deaf.setblocking(False)
    return deaf


def ask_without_reading(deaf: socket.socket) -> bool:
    """Ask as often as the server takes it; tells whether the connection is still there."""
    try:
        while deaf.send(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return True


def stands_still(api: Api, answered: list[int]) -> bool:
    """Tell whether no answer has ended the last fifty times that this was asked."""
    answered.append(api.server.stats.requests)
    return len(answered) > 50 and answered[-50] == answered[-1]


def is_served(api: Api) -> bool:
    try:
        return is_healthy(api)
    except httpx.TransportError:
        return False


def test_a_million_wrong_items_are_not_described_one_by_one(strict: Api, api: Api) -> None:
    bodies = {
        "/v1/completions": b'{"prompt": [' + b"null," * 390_000 + b"1]}",
        "/v1/embeddings": b'{"input": [' + b"[]," * 190_000 + b"1]}",
        "/generate": b'{"prompt": "x", "zzz": [' + b"[]," * 300_000 + b"1]}",
    }
    with api.http(headers=api.headers | {"Content-Type": "application/json"}) as http:
        for path, body in bodies.items():
            answer = http.post(path, content=body)
            assert answer.status_code == 400
            assert len(answer.text) < 500


def test_a_call_that_never_ends_is_looked_for_once() -> None:
    tools = ToolUse.of([Tool.model_validate({"function": {"name": "f"}})], "auto")
    for answer in ("<tool_call>{" * 20_000, "<tool_call>" + "[" * 200_000, '<tool_call>{"a": "' * 20_000):
        assert tools.found(answer) == (answer, [])
    call = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    assert len(tools.found(f"<tool_call> {call}")[1]) == 1


def test_arguments_of_any_depth_are_passed_on_as_text(strict: Api) -> None:
    call = {"function": {"name": "f", "arguments": "[" * 20_000}}
    messages = [{"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "user", "content": "Hi"}]
    with strict.http() as http:
        answer = http.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 1})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"required": [{}]},
        {"type": [{}]},
        {"format": [1]},
        {"allOf": [{"properties": [1]}]},
        {"allOf": [{"required": 5}]},
        {"\x1b[31m": "\n" * 500},
    ],
)
def test_a_hostile_schema_is_refused_in_one_line(strict: Api, schema: dict[str, Any]) -> None:
    chat = {"messages": [{"role": "user", "content": "Hi"}]}
    wanted = {"type": "json_schema", "json_schema": {"schema": schema}}
    tool = {"function": {"name": "f", "parameters": schema}}
    ollama = {"model": MODEL, "prompt": "Hi", "stream": False, "format": schema}
    with strict.http() as http:
        answers = [
            http.post("/generate", json={"prompt": "Hi", "json_schema": schema}),
            http.post("/v1/chat/completions", json=chat | {"response_format": wanted}),
            http.post("/v1/chat/completions", json=chat | {"tools": [tool], "tool_choice": "required"}),
            http.post("/api/generate", json=ollama),
        ]
    for answer in answers:
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        text = error if isinstance(error, str) else error["message"]
        assert text.isprintable()
        assert len(text) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        b'{"prompt": ' + b"[" * 80 + b"]" * 80 + b"}",
        b'{"prompt": "Hi", "temperature": NaN}',
        b'{"prompt": "Hi", "temperature": Infinity}',
        b'{"prompt": "Hi", "temperature": 1e999}',
        b'{"prompt": "Hi", "temperature": -0.5}',
        b'{"prompt": "Hi", "max_tokens": -1}',
        b'{"prompt": "Hi", "max_tokens": 1e30}',
        b'{"prompt": "Hi", "seed": ' + b"9" * 5000 + b"}",
        b'{"prompt": "Hi", "seed": 99999999999999999999999}',
        b'{"prompt": ["Hi"]}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "Hi"',
        b'"Hi"',
        b"",
    ],
)
def test_what_is_no_sane_request_is_refused_in_words(strict: Api, body: bytes) -> None:
    with strict.http(headers=strict.headers | {"Content-Type": "application/json"}) as http:
        answer = http.post("/generate", content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "\x1b[31m" * 1000])
def test_a_part_that_is_no_text_is_refused_by_its_type(strict: Api, kind: str) -> None:
    part = {"type": kind, "image_url": {"url": "data:image/png;base64,"}}
    message = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}
    with strict.http() as http:
        answer = http.post("/v1/chat/completions", json={"model": MODEL, "messages": [message]})
    assert answer.status_code == 400, answer.text
    said = answer.json()["error"]["message"]
    assert said.startswith("messages.0.content: a part of type ")
    assert said.endswith(" is not understood, models here read text alone.")
    assert said.isprintable()
    assert len(said) < 200


def test_brackets_in_texts_are_no_depth() -> None:
    check_json(json.dumps({"prompt": '\\"[[[{{{' * 1000}).encode(), 2, 10)
    check_json(b'{"a": [[], [[]]]}', 4, 10)
    check_json(b'{"a\\\\": "[[[\\\\\\"[[["}', 1, 10)
    with pytest.raises(ApiError):
        check_json(b'{"a": [1, 2, 3]}', 4, 3)
    with pytest.raises(ApiError):
        check_json(b'{"a": [[], [[]]]}', 3, 10)


def test_a_client_that_leaves_in_the_middle_frees_its_place_at_once(strict: Api) -> None:
    # Both places of the engine and of the server are taken, so that another reply shows that they were freed.
    with strict.http() as http:
        for _ in range(2):
            with http.stream("POST", "/generate", json=LONG) as one:
                first = one.iter_lines()
                next(first)
                with http.stream("POST", "/generate", json=LONG) as other:
                    second = other.iter_lines()
                    next(second)
                    assert http.post("/generate", json=QUICK).status_code == 429
            wait_until(lambda: not strict.server.stats.running)
        assert http.post("/generate", json=QUICK).status_code == 200


def test_a_client_that_leaves_before_the_answer_frees_its_place(strict: Api) -> None:
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", strict.port), timeout=60) as connection:
            body = json.dumps(LONG | {"stream": False}).encode()
            connection.sendall(head(len(body)) + body)
            wait_until(lambda: strict.server.stats.running == 1)
        wait_until(lambda: not strict.server.stats.running)


def test_overload_says_when_to_ask_again(strict: Api) -> None:
    with strict.http() as http, http.stream("POST", "/generate", json=LONG) as first:
        lines = first.iter_lines()
        next(lines)
        answer = http.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}], "n": 2}
        )
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
        ollama = http.post("/api/generate", json={"model": "starter", "prompt": "Hi", "stream": False})
        assert ollama.status_code == 200


def test_while_there_is_no_room_requests_are_refused_unread_and_their_lines_stay_good(strict: Api) -> None:
    with (
        strict.http() as http,
        http.stream("POST", "/generate", json=LONG) as first,
        http.stream("POST", "/generate", json=LONG) as second,
    ):
        # Kept, as the stream ends with what reads it.
        running = [reply.iter_lines() for reply in (first, second)]
        for lines in running:
            next(lines)
        with strict.http() as other:
            for body in (QUICK, {"prompt": "x" * 2000}, {"nonsense": 1}):
                answer = other.post("/generate", json=body)
                assert answer.status_code == 429
                assert int(answer.headers["Retry-After"]) >= 1
            assert other.get("/health").status_code == 200
            assert other.post("/generate", json=QUICK, headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_comes_to_no_token_is_the_clients_error(strict: Api, stream: bool) -> None:
    # The vocabulary of the starter has no token for this character.
    with strict.http() as http:
        answer = http.post("/v1/completions", json={"prompt": "\x13", "stream": stream})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request")
    assert "The prompt is empty" in error["message"]


def test_programs_are_told_to_come_back_while_the_model_is_measured(strict: Api) -> None:
    with strict.http() as http:
        strict.server.reserved = True
        answer = http.post("/generate", json=QUICK)
        strict.server.reserved = False
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert answer.json()["error"]["code"] == "model_reserved"
        assert http.post("/generate", json=QUICK).status_code == 200


def test_stopping_ends_the_replies_that_run(api_engine: EngineClient, tmp_path: Path) -> None:
    with served(api_engine, tmp_path) as api, api.http() as http:
        with http.stream("POST", "/generate", json=LONG) as reply:
            lines = reply.iter_lines()
            next(lines)
            stopping = threading.Thread(target=api.server.stop)
            stopping.start()
            *_, last = [line for line in lines if line]
            stopping.join(ANSWER_TIMEOUT_S)
        assert "server_stopped" in last
        assert api.server.running is None
        assert not api.paths.server_file.exists()
        with pytest.raises(httpx.ConnectError):
            http.get("/health")
    assert api_engine.tokenize(STORY).result(ANSWER_TIMEOUT_S)
