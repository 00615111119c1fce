"""Each way in which an engine can end in the middle of a reply: told with its reason, the text kept, and the
next request answered, by a model that takes less where memory was short."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, Finished, LoadSettings
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1)
MAPPED = msgspec.structs.replace(SETTINGS, weights="mapped")

# ggml asks about 900 times in a step of the starter model.
NODES_OF_SOME_STEPS = 20_000


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., EngineClient]]:
    clients = []

    def make(*fault: str) -> EngineClient:
        command = child_command("engine")
        if fault:
            command = [sys.executable, "-m", "tests.support.faulty_engine", *fault, str(tmp_path / "flag")]
        client = EngineClient(command)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def start_reply(client: EngineClient) -> tuple["Future[Finished]", list[str], threading.Event]:
    """A reply without end; its text, and when there is some."""
    texts: list[str] = []
    begun = threading.Event()

    def note(event: object) -> None:
        if isinstance(event, Delta) and event.text:
            texts.append(event.text)
            begun.set()

    return client.generate(STORY, ignore_eog=True, on_event=note).future, texts, begun


def failure_of(future: "Future[Finished]") -> EngineError:
    error = future.exception(ANSWER_TIMEOUT_S)
    assert isinstance(error, EngineError)
    assert error.hint
    return error


def answers(client: EngineClient) -> None:
    """The next request is served as if nothing had been."""
    finished = client.generate(STORY, sampling=GREEDY, max_tokens=2).future.result(ANSWER_TIMEOUT_S)
    assert finished.stats.completion_tokens == 2


def load(client: EngineClient, path: str = "", settings: LoadSettings = SETTINGS) -> None:
    client.load(path or starter_path(), settings).future.result(ANSWER_TIMEOUT_S)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
@pytest.mark.parametrize("moment", ["idle", "decode"])
def test_a_stopped_process_is_noticed_and_replaced(
    make_client: Callable[..., EngineClient], moment: str
) -> None:
    client = make_client()
    load(client)
    future, texts, begun = start_reply(client)
    assert begun.wait(ANSWER_TIMEOUT_S)
    pid = client.state.pid
    assert pid is not None
    if moment == "idle":
        future.cancel()
    os.kill(pid, signal.SIGSTOP)
    if moment == "idle":
        future, texts, begun = start_reply(client)
    error = failure_of(future)
    assert "no sign of life" in str(error)
    assert bool(texts) == (moment == "decode")
    answers(client)
    assert client.state.pid != pid


def test_a_call_of_llama_cpp_that_does_not_return_is_noticed(
    make_client: Callable[..., EngineClient],
) -> None:
    client = make_client("hang", str(NODES_OF_SOME_STEPS))
    load(client)
    future, texts, _ = start_reply(client)
    error = failure_of(future)
    assert "no sign of life" in str(error)
    assert "a step of 1 tokens has not ended after" in error.native
    assert texts
    answers(client)


def test_memory_that_runs_out_in_a_reply_brings_the_model_back_with_less(
    make_client: Callable[..., EngineClient],
) -> None:
    client = make_client("memory", "3")
    load(client, settings=LoadSettings(batch_tokens=32, threads=1))
    assert client.state.model is not None
    before = client.state.model.plan
    future, texts, _ = start_reply(client)
    error = failure_of(future)
    assert "ran out of memory" in str(error)
    assert "failed to allocate" in error.native
    assert len(texts) == 3
    answers(client)
    assert client.state.model is not None
    after = client.state.model.plan
    assert after != before
    assert client.state.model.notices


def test_a_step_that_is_refused_for_want_of_memory_costs_the_reply_only(
    make_client: Callable[..., EngineClient],
) -> None:
    client = make_client("refuse", "30")
    load(client, settings=LoadSettings(batch_tokens=32, threads=1))
    assert client.state.model is not None
    before, pid = client.state.model.plan, client.state.pid
    counted: list[int] = []
    future = client.generate(
        STORY,
        ignore_eog=True,
        sampling=GREEDY,
        on_event=lambda event: counted.append(event.tokens) if isinstance(event, Delta) else None,
    ).future
    error = failure_of(future)
    assert "could not go on" in str(error)
    prompt_steps = -(-len(client.tokenize(STORY).result()) // 32)
    assert sum(counted) == 30 - prompt_steps, "every token that was drawn arrived"
    answers(client)
    assert client.state.pid == pid
    assert client.state.model is not None
    assert client.state.model.plan != before


def test_a_graphics_card_that_is_gone_is_named(make_client: Callable[..., EngineClient]) -> None:
    client = make_client("gpu", "3")
    load(client)
    future, texts, _ = start_reply(client)
    error = failure_of(future)
    assert "graphics card stopped working" in str(error)
    assert "CUDA error" in error.native
    assert texts
    answers(client)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not shorten a file in use")
def test_a_model_file_that_is_shortened_in_use_is_named(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(starter_path(), path)
    client = make_client()
    load(client, str(path), MAPPED)
    future, texts, begun = start_reply(client)
    assert begun.wait(ANSWER_TIMEOUT_S)
    os.truncate(path, 1 << 20)
    error = failure_of(future)
    assert "model.gguf was changed while it was in use" in str(error)
    assert texts
    # What is there now is looked at before llama.cpp sees it.
    assert "damaged" in str(failure_of(client.generate(STORY).future))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not shorten a file in use")
def test_weights_that_are_copied_answer_whatever_becomes_of_their_file(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(starter_path(), path)
    client = make_client()
    load(client, str(path), msgspec.structs.replace(SETTINGS, weights="copied"))
    future, texts, begun = start_reply(client)
    assert begun.wait(ANSWER_TIMEOUT_S)
    os.truncate(path, 1 << 20)
    assert future.result(ANSWER_TIMEOUT_S).reason == "context"
    assert texts
    answers(client)


def test_a_model_file_that_is_written_into_is_not_used_any_more(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(starter_path(), path)
    client = make_client()
    load(client, str(path), MAPPED)
    answers(client)
    os.utime(path, ns=(time.time_ns(), time.time_ns()))
    assert "was changed" in str(failure_of(client.generate(STORY).future))
    answers(client)


def test_a_model_file_that_is_removed_answers_until_it_must_be_loaded_again(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    shutil.copy(starter_path(), path)
    client = make_client()
    load(client, str(path))
    future, _, begun = start_reply(client)
    assert begun.wait(ANSWER_TIMEOUT_S)
    path.unlink()
    assert client.state.pid is not None
    os.kill(client.state.pid, signal.SIGKILL)
    failure_of(future)
    assert "cannot be read" in str(failure_of(client.generate(STORY).future))
