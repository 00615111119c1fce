"""Replies of real servers elsewhere: another Stillroom, and lines that break in every way."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.base.errors import EngineError
from app.chat.prompting.prompt import ChatMessage
from app.engine.protocol import Delta, Finished, Generate, ReplyEvent, Sampling
from app.remote.model_directory import fetch_models
from app.remote.model_info import elsewhere_info
from app.remote.remote_replies import ElsewhereAnswers
from app.remote.remote_server import ElsewhereError, ElsewhereModel, ElsewhereServer
from tests.support.api import KEY, MODEL, Api, loaded_engine, served
from tests.support.templates import template_of

WAIT_S = 60
GREEDY = Sampling(temperature=0.0, seed=1)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with loaded_engine() as client, served(client, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def server(api: Api) -> ElsewhereServer:
    made = ElsewhereServer(id="s1", name="Other", url=api.url, agreed=True)
    return ElsewhereServer(id="s1", name="Other", url=api.url, agreed=True, models=fetch_models(made, KEY))


@contextmanager
def answering(server: ElsewhereServer, key: str = KEY) -> Iterator[ElsewhereAnswers]:
    made = ElsewhereAnswers(lambda: [server], lambda which: key)
    try:
        yield made
    finally:
        made.close()


def request(server: ElsewhereServer, model: str, text: str, max_tokens: int = 16) -> Generate:
    info = elsewhere_info(server, ElsewhereModel(id=model))
    prompt = template_of(info).render_blocking([ChatMessage("user", text)])
    return Generate(request_id=0, parts=prompt.parts, sampling=GREEDY, max_tokens=max_tokens, model=info.path)


def reply(
    answers: ElsewhereAnswers, wanted: Generate, heard: list[ReplyEvent] | None = None
) -> tuple[str, Finished]:
    events: list[ReplyEvent] = [] if heard is None else heard
    end = answers.ask(wanted, events.append).future.result(WAIT_S)
    return "".join(event.text for event in events if isinstance(event, Delta)), end


def test_another_stillroom_tells_its_models_and_their_context(server: ElsewhereServer) -> None:
    found = next(model for model in server.models if model.id == MODEL)
    assert found.context_tokens == 1024


def test_a_reply_is_the_one_that_the_engine_itself_gives(api: Api, server: ElsewhereServer) -> None:
    with answering(server) as answers:
        text, end = reply(answers, request(server, MODEL, "Name three colours."))
    with api.http() as http:
        document = http.post(
            "/v1/chat/completions",
            json={
                "model": MODEL,
                "messages": [{"role": "user", "content": "Name three colours."}],
                "temperature": 0,
                "seed": 1,
                "max_tokens": 16,
            },
        ).json()
    assert text == document["choices"][0]["message"]["content"]
    assert text.strip()
    assert end.reason in ("stop", "length")
    assert end.stats.completion_tokens == document["usage"]["completion_tokens"]
    assert end.stats.prompt_tokens == document["usage"]["prompt_tokens"]
    assert end.stats.ttft_s > 0
    assert end.stats.decode_tok_per_s > 0
    assert end.stats.context_tokens_used == document["usage"]["total_tokens"]


def test_the_first_text_says_how_long_it_took_as_the_end_does(server: ElsewhereServer) -> None:
    events: list[ReplyEvent] = []
    with answering(server) as answers:
        end = answers.ask(request(server, MODEL, "Name three colours."), events.append).future.result(WAIT_S)
    first, *later = [event for event in events if isinstance(event, Delta)]
    assert first.ttft_s == end.stats.ttft_s > 0
    assert not any(delta.ttft_s for delta in later)


def test_a_cancelled_reply_keeps_what_came_and_frees_the_server(api: Api, server: ElsewhereServer) -> None:
    events: list[ReplyEvent] = []
    started = threading.Event()

    def on_event(event: ReplyEvent) -> None:
        events.append(event)
        started.set()

    with answering(server) as answers:
        generation = answers.ask(request(server, MODEL, "Write a long story.", 900), on_event)
        assert started.wait(WAIT_S)
        generation.cancel()
        end = generation.future.result(WAIT_S)
        assert end.reason == "cancelled"
        assert 0 < end.stats.completion_tokens < 900
        # The other side hears of it, and its slots are free for others.
        text, _ = reply(answers, request(server, MODEL, "Hello.", 4))
        assert text


def test_a_reply_that_was_cancelled_before_it_began_ends(server: ElsewhereServer) -> None:
    with answering(server) as answers:
        generation = answers.ask(request(server, MODEL, "Hello."))
        generation.cancel()
        generation.cancel()
        assert generation.future.result(WAIT_S).reason in ("cancelled", "stop", "length")


def test_closing_ends_what_runs(server: ElsewhereServer) -> None:
    with answering(server) as answers:
        generation = answers.ask(request(server, MODEL, "Write a long story.", 900))
    assert generation.future.done()
    with pytest.raises(BaseException):  # noqa: B017, PT011 - Cancelled, which is no Exception of ours
        answers.ask(request(server, MODEL, "Hello.")).future.result(WAIT_S)


def test_a_wrong_key_and_an_unknown_model_are_told_in_words(server: ElsewhereServer) -> None:
    with pytest.raises(ElsewhereError, match="does not accept the key"):
        fetch_models(server, "wrong")
    with answering(server, "wrong") as answers, pytest.raises(EngineError, match="does not accept the key"):
        reply(answers, request(server, MODEL, "Hello."))
    with answering(server) as answers, pytest.raises(EngineError, match="refuses"):
        reply(answers, request(server, "no-such-model", "Hello."))


def test_nothing_goes_to_a_server_that_was_not_agreed_to(server: ElsewhereServer) -> None:
    unasked = ElsewhereServer(id="s1", name="Other", url=server.url)
    with answering(unasked) as answers, pytest.raises(EngineError, match="nothing may be sent to it"):
        reply(answers, request(unasked, MODEL, "Hello."))


def test_nobody_there_is_told(server: ElsewhereServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = ElsewhereServer(
            id="s1", name="Gone", url=f"http://127.0.0.1:{taken.getsockname()[1]}", agreed=True
        )
        with pytest.raises(ElsewhereError, match="cannot be reached"):
            fetch_models(gone, "")
        with answering(gone) as answers, pytest.raises(EngineError, match="cannot be reached"):
            reply(answers, request(gone, "m", "Hello."))


@contextmanager
def talking(say: Callable[[socket.socket], None]) -> Iterator[ElsewhereServer]:
    """A server on loopback that reads one request and then does as `say` does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as line:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += line.recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
                while len(body) < length:
                    body += line.recv(65536)
                say(line)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        yield ElsewhereServer(id="s1", name="Raw", url=f"http://127.0.0.1:{port}", agreed=True)
        thread.join(WAIT_S)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def piece(content: str) -> bytes:
    return chunk("data: " + json.dumps({"choices": [{"delta": {"content": content}}]}) + "\n\n")


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        (b"", "broke off"),
        (b"0\r\n\r\n", "it ended in the middle"),
        (chunk("data: {\n\n"), "no JSON"),
        (chunk('data: {"error":{"message":"out of\\u0007 memory"}}\n\n'), "out of  memory"),
        (b"nonsense\r\n", "broke off"),
    ],
    ids=["line cut", "ended early", "garbage", "error", "not http"],
)
def test_a_line_that_breaks_keeps_the_partial_and_says_why(rest: bytes, reason: str) -> None:
    def say(line: socket.socket) -> None:
        line.sendall(HEAD + piece("Once upon ") + piece("a time") + rest)

    heard: list[ReplyEvent] = []
    with (
        talking(say) as server,
        answering(server) as answers,
        pytest.raises(EngineError, match=reason) as caught,
    ):
        reply(answers, request(server, "m", "Hello."), heard)
    assert "".join(event.text for event in heard if isinstance(event, Delta)) == "Once upon a time"
    assert "What had come is kept" in caught.value.hint_text()


def test_a_redirect_is_not_followed_so_that_the_key_stays() -> None:
    def say(line: socket.socket) -> None:
        line.sendall(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/v1\r\nContent-Length: 0\r\n\r\n"
        )

    with (
        talking(say) as server,
        answering(server) as answers,
        pytest.raises(EngineError, match=r"refuses \(307\)"),
    ):
        reply(answers, request(server, "m", "Hello."))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b'{"data":[]}', b'{"data":[{"id":"a\\nb"},{"id":3}]}', b"[" * 100_000]
)
def test_a_list_of_models_that_is_none_is_told(body: bytes, tmp_path: Path) -> None:
    def say(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with talking(say) as server, pytest.raises(ElsewhereError, match=r"OpenAI-compatible|offers no model"):
        fetch_models(server, "")
