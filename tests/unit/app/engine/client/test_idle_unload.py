import threading
from collections.abc import Callable, Iterator

import pytest

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.client.idle_unload import IdleUnload
from app.engine.protocol import Alive, CardsRead, Event, LoadSettings, PromptProgress
from app.engine.protocol.engine_state import EngineState
from tests.support.engines import GREEDY, STORY
from tests.support.starter_variants import shallow_path

WAIT_S = 60
SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1, sequences=1)


class Engine:
    """Counts how often it was told to rest; a stand-in, so that the clock can be made up."""

    def __init__(self) -> None:
        self.rested = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.busy = False
        self.on_event: Callable[[Event], None] = lambda event: None

    def observe_events(self, on_event: Callable[[Event], None]) -> None:
        self.on_event = on_event

    def rest(self) -> bool:
        self.asked.release()
        if not self.busy:
            self.rested.release()
        return not self.busy


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def idle(engine: Engine, clock: Clock) -> Iterator[IdleUnload]:
    made = IdleUnload(engine, 1800, clock)
    yield made
    made.close()


def work(engine: Engine) -> None:
    engine.on_event(PromptProgress(request_id=1, done_tokens=1, total_tokens=2))


def test_it_rests_once_after_the_time_without_work(engine: Engine, clock: Clock, idle: IdleUnload) -> None:
    work(engine)
    clock.now_s = 1801.0
    idle.set_idle_s(1800)  # wakes the thread, which looks at the clock
    assert engine.rested.acquire(timeout=WAIT_S)
    clock.now_s = 10_000.0
    idle.set_idle_s(1800)
    assert not engine.rested.acquire(timeout=0.1)
    work(engine)
    clock.now_s = 12_000.0
    idle.set_idle_s(1800)
    assert engine.rested.acquire(timeout=WAIT_S)


def test_a_sign_of_life_is_no_work(engine: Engine, clock: Clock, idle: IdleUnload) -> None:
    work(engine)
    clock.now_s = 1799.0
    engine.on_event(Alive(step=0, step_s=0.0))
    engine.on_event(CardsRead(cards=[]))
    clock.now_s = 1801.0
    idle.set_idle_s(1800)
    assert engine.rested.acquire(timeout=WAIT_S)


def test_work_puts_it_off(engine: Engine, clock: Clock, idle: IdleUnload) -> None:
    work(engine)
    clock.now_s = 1799.0
    work(engine)
    clock.now_s = 1801.0
    idle.set_idle_s(1800)
    assert not engine.asked.acquire(timeout=0.1)


def test_an_engine_at_work_is_asked_again_later(engine: Engine, clock: Clock, idle: IdleUnload) -> None:
    engine.busy = True
    work(engine)
    clock.now_s = 1801.0
    idle.set_idle_s(1800)
    assert engine.asked.acquire(timeout=WAIT_S)
    engine.busy = False
    clock.now_s = 3602.0
    idle.set_idle_s(1800)
    assert engine.rested.acquire(timeout=WAIT_S)


def test_zero_is_never(engine: Engine, clock: Clock, idle: IdleUnload) -> None:
    idle.set_idle_s(0)
    work(engine)
    clock.now_s = 1e9
    work(engine)
    assert not engine.asked.acquire(timeout=0.1)


def test_a_model_that_rests_comes_back_with_the_next_message() -> None:
    client = EngineClient(child_command("engine"))
    states: list[EngineState] = []
    rests = threading.Event()

    def on_state(state: EngineState) -> None:
        states.append(state)
        if state.resting is not None:
            rests.set()

    try:
        assert not client.rest()
        info = client.load(shallow_path(), SETTINGS).future.result(WAIT_S)
        client.observe(on_state)
        assert client.rest()
        assert rests.wait(WAIT_S)
        assert states[-1].phase == "ready"
        assert states[-1].resting == info
        assert not client.rest()
        end = client.generate(STORY, sampling=GREEDY, max_tokens=4).future.result(WAIT_S)
        assert end.stats.completion_tokens == 4
        assert client.state.phase == "loaded"
        assert client.state.resting is None
    finally:
        client.close()


def test_a_message_right_after_it_went_to_rest_is_answered() -> None:
    client = EngineClient(child_command("engine"))
    try:
        client.load(shallow_path(), SETTINGS).future.result(WAIT_S)
        assert client.rest()
        end = client.generate(STORY, sampling=GREEDY, max_tokens=4).future.result(WAIT_S)
        assert end.stats.completion_tokens == 4
    finally:
        client.close()
