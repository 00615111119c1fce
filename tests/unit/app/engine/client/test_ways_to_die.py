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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, Finished, LoadSettings
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY
from tests.support.starter_variants import shallow_path

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1)
MAPPED = msgspec.structs.replace(SETTINGS, weights="mapped")

# ggml asks about 60 times in a step of two layers.
NODES_OF_SOME_STEPS = 2_000


@contextmanager
def closing_clients(folder: Path) -> Iterator[Callable[..., EngineClient]]:
    """Makes clients, one of them with a fault."""
    clients = []

    def make(*fault: str) -> EngineClient:
        command = child_command("engine")
        if fault:
            command = [sys.executable, "-m", "tests.support.faulty_engine", *fault, str(folder / "flag")]
        client = EngineClient(command)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., EngineClient]]:
    with closing_clients(tmp_path) as make:
        yield make


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
    client.load(path or shallow_path(), settings).future.result(ANSWER_TIMEOUT_S)


@dataclass
class Stuck:
    """An engine that will not answer, its process, and the reply that waits for it."""

    client: EngineClient
    pid: int | None
    reply: "Future[Finished]"
    texts: list[str]


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stuck]]:
    """Engines that got stuck at the same time: it takes ten seconds until that is noticed."""
    faults = {"hang": ("hang", str(NODES_OF_SOME_STEPS))}
    moments = ["hang", "decode", "idle"] if hasattr(signal, "SIGSTOP") else ["hang"]
    found = {}
    with closing_clients(tmp_path_factory.mktemp("flags")) as make:
        for moment in moments:
            client = make(*faults.get(moment, ()))
            load(client)
            reply, texts, begun = start_reply(client)
            assert begun.wait(ANSWER_TIMEOUT_S)
            pid = client.state.pid
            if moment == "idle":
                reply.cancel()
            if moment != "hang":
                assert pid is not None
                os.kill(pid, signal.SIGSTOP)
            if moment == "idle":
                reply, texts, _ = start_reply(client)
            found[moment] = Stuck(client, pid, reply, texts)
        yield found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
@pytest.mark.parametrize("moment", ["idle", "decode"])
def test_a_stopped_process_is_noticed_and_replaced(stuck: dict[str, Stuck], moment: str) -> None:
    engine = stuck[moment]
    error = failure_of(engine.reply)
    assert "no sign of life" in str(error)
    assert bool(engine.texts) == (moment == "decode")
    answers(engine.client)
    assert engine.client.state.pid != engine.pid


def test_a_call_of_llama_cpp_that_does_not_return_is_noticed(stuck: dict[str, Stuck]) -> None:
    engine = stuck["hang"]
    error = failure_of(engine.reply)
    assert "no sign of life" in str(error)
    assert "a step of 1 tokens has not ended after" in error.native
    assert engine.texts
    answers(engine.client)


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
    shutil.copy(shallow_path(), path)
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
    shutil.copy(shallow_path(), path)
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
    shutil.copy(shallow_path(), path)
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
    shutil.copy(shallow_path(), path)
    client = make_client()
    load(client, str(path))
    future, _, begun = start_reply(client)
    assert begun.wait(ANSWER_TIMEOUT_S)
    path.unlink()
    assert client.state.pid is not None
    os.kill(client.state.pid, signal.SIGKILL)
    failure_of(future)
    assert "cannot be read" in str(failure_of(client.generate(STORY).future))
