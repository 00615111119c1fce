"""The client with a real engine process: its futures, its states, crashes and the way back from them."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, EngineError
from app.base.parent_death import ABORT_MARK
from app.engine.client import client as client_module
from app.engine.client import connection
from app.engine.client.client import EngineClient
from app.engine.client.engine_life import EngineLife
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.protocol import CardsRead, Delta, Event, Generate, LoadSettings, Part, PromptProgress
from app.engine.protocol.engine_state import EngineState, Phase
from app.engine.supervision import memory_shortage
from app.engine.supervision.memory_shortage import MemoryLook
from models.system.file_stamp import mark
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path
from tests.support.faults import FATAL, MOMENTS, crash_and_ask_again
from tests.support.held_disk import at_once
from tests.support.late_answers import Late
from tests.support.starter_variants import shallow_path
from tests.support.waiting import wait_until

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1)


@pytest.fixture
def client() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


def wait_for_phase(client: EngineClient, phase: Phase) -> EngineState:
    """The first state of this phase, the present one included."""
    found: queue.SimpleQueue[EngineState] = queue.SimpleQueue()
    client.observe(lambda state: found.put(state) if state.phase == phase else None)
    return found.get(timeout=ANSWER_TIMEOUT_S)


def test_a_model_is_loaded_and_answers(client: EngineClient) -> None:
    fractions: list[float] = []
    info = client.load(shallow_path(), SETTINGS, fractions.append).future.result(ANSWER_TIMEOUT_S)
    assert info.context_tokens == 256
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert client.state.phase == "loaded"
    assert client.state.model == info
    assert client.state.devices
    events: list[Delta | PromptProgress] = []
    asked: list[int] = []
    client.observe_asked(lambda request: asked.append(request.request_id))
    generation = client.generate(STORY, sampling=GREEDY, max_tokens=8, on_event=events.append)
    finished = generation.future.result(ANSWER_TIMEOUT_S)
    assert asked == [finished.request_id]
    assert finished.stats.completion_tokens == 8
    assert sum(event.tokens for event in events if isinstance(event, Delta)) == 8
    assert len(client.tokenize(STORY).result(ANSWER_TIMEOUT_S)) == finished.stats.prompt_tokens


def test_unloading_gives_the_memory_back(client: EngineClient) -> None:
    client.tokenize([]).exception(ANSWER_TIMEOUT_S)
    process = psutil.Process(client.state.pid)
    before_bytes = process.memory_info().rss
    # The KV cache of 8,192 tokens has 30 layers x 3 heads x 128 values x 2 bytes a token: 189 MB.
    settings = LoadSettings(context_tokens=8192, threads=1)
    client.load(starter_path(), settings).future.result(ANSWER_TIMEOUT_S)
    loaded_bytes = process.memory_info().rss
    client.unload().result(ANSWER_TIMEOUT_S)
    assert loaded_bytes - before_bytes > 189_000_000
    assert process.memory_info().rss - before_bytes < 40_000_000
    assert client.state.phase == "ready"
    assert client.state.model is None
    with pytest.raises(EngineError, match="No model is loaded"):
        client.generate(STORY).future.result(ANSWER_TIMEOUT_S)


def test_reading_the_cards_is_no_use_of_the_engine(client: EngineClient) -> None:
    read = threading.Event()

    def note(event: Event) -> None:
        if isinstance(event, CardsRead):
            read.set()

    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    client.observe_events(note)
    client.read_cards()
    assert client.rest(), "nothing was asked of the model"
    assert read.wait(ANSWER_TIMEOUT_S)


def test_reading_the_cards_starts_no_process() -> None:
    client = EngineClient(child_command("engine"))
    client.read_cards()
    assert client.state.phase == "stopped"
    client.close()


def test_cancelling_a_reply_finishes_it(client: EngineClient) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    begun = threading.Event()
    generation = client.generate(STORY, ignore_eog=True, on_event=lambda _: begun.set())
    assert begun.wait(ANSWER_TIMEOUT_S)
    generation.cancel()
    assert generation.future.result(ANSWER_TIMEOUT_S).reason == "cancelled"
    generation.cancel()


def test_cancelling_the_future_stops_the_reply(client: EngineClient) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    generation = client.generate(STORY, ignore_eog=True)
    assert generation.future.cancel()
    short = client.generate(STORY, sampling=GREEDY, max_tokens=2).future.result(ANSWER_TIMEOUT_S)
    assert short.stats.completion_tokens == 2


def test_cancelling_a_load_raises_cancelled(client: EngineClient) -> None:
    handle = client.load(shallow_path(), SETTINGS)
    handle.cancel()
    with pytest.raises(Cancelled):
        handle.future.result(ANSWER_TIMEOUT_S)


def test_a_reply_that_waits_for_a_load_is_cancelled_at_once(client: EngineClient) -> None:
    load = client.load(shallow_path(), SETTINGS)
    generation = client.generate(STORY, max_tokens=2)
    generation.cancel()
    with pytest.raises(Cancelled):
        generation.future.result(0)
    load.future.result(ANSWER_TIMEOUT_S)
    assert client.generate(STORY, max_tokens=2).future.result(ANSWER_TIMEOUT_S).stats.completion_tokens


def test_a_load_that_fails_says_why_and_fails_what_waits_for_it(client: EngineClient) -> None:
    load = client.load("/nowhere/model.gguf", SETTINGS)
    generation = client.generate(STORY)
    for future in (load.future, generation.future):
        with pytest.raises(EngineError) as caught:
            future.result(ANSWER_TIMEOUT_S)
        assert str(caught.value)
        assert "No model" not in str(caught.value)


def test_text_with_half_a_character_does_not_hurt(client: EngineClient) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert client.tokenize([Part("a\ud83d")]).result(ANSWER_TIMEOUT_S)


def test_closing_fails_what_is_running_and_leaves_no_process(client: EngineClient) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    begun = threading.Event()
    generation = client.generate(STORY, ignore_eog=True, on_event=lambda _: begun.set())
    assert begun.wait(ANSWER_TIMEOUT_S)
    pid = client.state.pid
    assert pid is not None
    client.close()
    with pytest.raises(Cancelled):
        generation.future.result(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(Cancelled):
        client.generate(STORY).future.result(0)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("sent", [sent for sent in FATAL if sent != signal.SIGSTOP])
def test_a_crash_costs_one_reply(client: EngineClient, moment: str, sent: signal.Signals) -> None:
    crash_and_ask_again(client, moment, sent)


def test_a_model_whose_engine_was_killed_by_hand_comes_back_as_it_was(
    client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another test may just now let the kernel end a process for want of memory."""
    monkeypatch.setattr(memory_shortage, "look_at_memory", lambda: MemoryLook(0.5, 0))
    before = client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    dead: queue.SimpleQueue[EngineState] = queue.SimpleQueue()
    client.observe(lambda state: dead.put(state) if state.phase == "dead" else None)
    for _ in range(2):
        assert client.state.pid is not None
        os.kill(client.state.pid, signal.SIGKILL)
        assert "another program" in str(dead.get(timeout=ANSWER_TIMEOUT_S).error)
        assert client.generate(STORY, max_tokens=1).future.result(ANSWER_TIMEOUT_S)
        back = client.state.model
        assert back is not None
        assert (back.notices, back.plan) == (before.notices, before.plan)


def test_after_three_crashes_only_a_load_starts_it_again(client: EngineClient) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    dead: queue.SimpleQueue[EngineState] = queue.SimpleQueue()
    alive: queue.SimpleQueue[EngineState] = queue.SimpleQueue()

    def note(state: EngineState) -> None:
        if state.phase == "dead":
            dead.put(state)
        elif state.phase in ("ready", "loaded"):
            alive.put(state)

    client.observe(note)
    for _ in range(3):
        pid = alive.get(timeout=ANSWER_TIMEOUT_S).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        last = dead.get(timeout=ANSWER_TIMEOUT_S)
    assert last.error is not None
    assert "3 times" in str(last.error)
    with pytest.raises(EngineError, match="3 times"):
        client.generate(STORY).future.result(0)
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert client.generate(STORY, max_tokens=1).future.result(ANSWER_TIMEOUT_S).stats.completion_tokens == 1


def test_an_engine_that_cannot_be_started_is_told() -> None:
    client = EngineClient(["/nowhere/engine"])
    client.start()
    state = wait_for_phase(client, "dead")
    assert state.error is not None
    assert "could not be started" in str(state.error)
    with pytest.raises(EngineError, match="could not be started"):
        client.generate(STORY).future.result(ANSWER_TIMEOUT_S)
    client.close()


def test_an_assertion_reaches_the_error() -> None:
    program = (
        "from app.engine.llama.backend import Backend\n"
        "from app.engine.devices.native_log import NativeLog\n"
        "Backend(NativeLog()).ggml.ggml_abort(b'file.c', 7, b'the assertion')\n"
    )
    client = EngineClient([sys.executable, "-c", program])
    client.start()
    state = wait_for_phase(client, "dead")
    assert state.error is not None
    assert "the assertion" in state.error.native
    assert ABORT_MARK not in state.error.native
    client.close()


PARENT = """
import sys
from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.client.engine_life import EngineLife
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.protocol import LoadSettings, Part
client = EngineClient(child_command("engine"))
client.load(sys.argv[1], LoadSettings(context_tokens=256, threads=1)).future.result()
begun = lambda _: print(client.state.pid, flush=True)
client.generate([Part("A long story.")], ignore_eog=True, on_event=begun).future.result()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a stranger's process by pidfd")
def test_a_killed_parent_takes_the_engine_with_it() -> None:
    import select

    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, shallow_path()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        descriptor = os.pidfd_open(pid)
        parent.kill()
        parent.wait()
    try:
        ended, _, _ = select.select([descriptor], [], [], ANSWER_TIMEOUT_S)
    finally:
        os.close(descriptor)
    assert ended


@pytest.fixture
def second_path(tmp_path: Path) -> str:
    """The model under another name."""
    path = tmp_path / "second.gguf"
    path.symlink_to(shallow_path())
    return str(path)


def test_two_models_are_shown_and_either_can_be_used(client: EngineClient, second_path: str) -> None:
    for path in (shallow_path(), second_path):
        client.load(path, SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert [info.path for info in client.state.models] == [shallow_path(), second_path]
    assert client.state.model is not None
    assert client.state.model.path == second_path
    client.use(shallow_path())
    assert client.state.model.path == shallow_path()
    assert len(client.tokenize(STORY).result(ANSWER_TIMEOUT_S)) > 0
    client.unload(shallow_path()).result(ANSWER_TIMEOUT_S)
    assert [info.path for info in client.state.models] == [second_path]
    assert client.state.model.path == second_path
    client.unload().result(ANSWER_TIMEOUT_S)
    assert client.state.phase == "ready"


def test_each_of_two_models_gives_its_memory_back(client: EngineClient, tmp_path: Path) -> None:
    second = tmp_path / "second.gguf"
    second.symlink_to(starter_path())
    second_path = str(second)
    client.tokenize([]).exception(ANSWER_TIMEOUT_S)
    process = psutil.Process(client.state.pid)
    before_bytes = process.memory_info().rss
    # 189 MB of KV cache each: see test_unloading_gives_the_memory_back.
    settings = LoadSettings(context_tokens=8192, threads=1, sequences=1, weights="copied")
    rss_bytes = []
    for path in (starter_path(), second_path):
        client.load(path, settings).future.result(ANSWER_TIMEOUT_S)
        rss_bytes.append(process.memory_info().rss)
    assert rss_bytes[1] - rss_bytes[0] > 250_000_000
    client.unload(starter_path()).result(ANSWER_TIMEOUT_S)
    assert rss_bytes[1] - process.memory_info().rss > 250_000_000
    client.unload(second_path).result(ANSWER_TIMEOUT_S)
    assert process.memory_info().rss - before_bytes < 40_000_000


def test_after_a_crash_each_model_comes_back_with_the_request_that_needs_it(
    client: EngineClient, second_path: str
) -> None:
    for path in (shallow_path(), second_path):
        client.load(path, SETTINGS).future.result(ANSWER_TIMEOUT_S)
    dead = threading.Event()
    client.observe(lambda state: dead.set() if state.phase == "dead" else None)
    assert client.state.pid is not None
    os.kill(client.state.pid, signal.SIGKILL)
    assert dead.wait(ANSWER_TIMEOUT_S)
    for path, present in ((shallow_path(), [shallow_path()]), (second_path, [shallow_path(), second_path])):
        request = Generate(request_id=0, parts=STORY, sampling=GREEDY, max_tokens=2, model=path)
        assert client.ask(request).future.result(ANSWER_TIMEOUT_S).stats.completion_tokens == 2
        assert [info.path for info in client.state.models] == present


def test_a_load_that_fails_leaves_the_other_model_in_use(client: EngineClient, tmp_path: Path) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert client.state.pid is not None
    # The load is still under way when the next request comes.
    os.kill(client.state.pid, signal.SIGSTOP)
    load = client.load(str(tmp_path / "missing.gguf"), SETTINGS)
    waiting = client.tokenize(STORY)
    os.kill(client.state.pid, signal.SIGCONT)
    for future in (load.future, waiting):
        with pytest.raises(EngineError, match="cannot be read"):
            future.result(ANSWER_TIMEOUT_S)
    assert client.state.phase == "loaded"
    assert client.generate(STORY, max_tokens=1).future.result(ANSWER_TIMEOUT_S).stats.completion_tokens == 1


def test_closing_waits_for_nothing_to_be_saved_where_no_model_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order: list[float] = []
    end_in_order = EngineLife.end_in_order

    def note(life: EngineLife, patience_s: float) -> None:
        in_order.append(patience_s)
        end_in_order(life, patience_s)

    monkeypatch.setattr(EngineLife, "end_in_order", note)

    def closed(*, loads: bool) -> int:
        client = EngineClient(child_command("engine"), states=StatesPlace(tmp_path, lambda: 1 << 30))
        client.start()
        pid = wait_for_phase(client, "ready").pid
        if loads:
            client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
        client.close()
        assert pid is not None
        assert not psutil.pid_exists(pid)
        return len(in_order)

    assert closed(loads=False) == 0
    assert closed(loads=True) == 1


def test_nobody_who_asks_waits_for_the_look_at_a_file_that_is_to_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looking = Late(mark)
    for module in (client_module, connection):
        monkeypatch.setattr(module, "mark", looking)
    client = EngineClient([str(tmp_path / "no engine")])
    loading = threading.Thread(target=client.load, args=(str(tmp_path / "model.gguf"),))
    loading.start()
    wait_until(lambda: looking.waiting == 1)
    assert not at_once(lambda: client.is_replying)
    assert not at_once(lambda: client.is_wanted("model.gguf"))
    assert loading.is_alive()
    looking.let_all()
    loading.join()
    client.close()


def test_nobody_who_asks_waits_for_the_look_at_a_file_that_is_loaded_again(
    client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert client.rest()
    looking = Late(mark)
    monkeypatch.setattr(connection, "mark", looking)
    reply = at_once(lambda: client.generate(STORY))
    assert at_once(lambda: client.is_replying)
    assert reply.future.result(ANSWER_TIMEOUT_S).reason
    assert looking.waiting == 1
    looking.let_all()
