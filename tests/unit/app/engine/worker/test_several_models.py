"""Models side by side in one engine: who answers, who has to go, who is never interrupted."""

import queue
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.engine.protocol import (
    Cancel,
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    LoadSettings,
    ModelInfo,
    PromptProgress,
    RpcServer,
    Shutdown,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.worker.engine_core import EngineCore
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, EngineKind, Session, text_of
from tests.support.rpc_server import rpc_server
from tests.support.starter_variants import shallow_path

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1, sequences=1)

LONG_PROMPT = list(range(100, 400))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The starter model under two names."""
    second = tmp_path_factory.mktemp("models") / "second.gguf"
    second.symlink_to(shallow_path())
    return shallow_path(), str(second)


@pytest.fixture(params=["thread", "child"])
def engine(request: pytest.FixtureRequest) -> Iterator[Session]:
    kind: EngineKind = request.param
    session = Session(kind)
    yield session
    session.engine.close()


def ask(session: Session, model: str = "", **options: object) -> Generate:
    defaults: dict[str, object] = {"parts": STORY, "sampling": GREEDY, "max_tokens": 12}
    return Generate(request_id=session.new_id(), model=model, **{**defaults, **options})  # type: ignore[arg-type] # options of Generate


def test_two_models_answer_side_by_side(engine: Session, paths: tuple[str, str]) -> None:
    for path in paths:
        assert isinstance(engine.load(path, SETTINGS), ModelInfo)
    # Long enough for the second question to arrive while the first is answered, on a busy computer, too.
    long = {"max_tokens": 150, "ignore_eog": True}
    alone = text_of(engine.generate(ask(engine, paths[0], **long))[0])
    requests = [ask(engine, path, reuse_prefix=False, **long) for path in paths]
    for request in requests:
        engine.engine.post(request)
    order: list[int] = []
    texts = {request.request_id: "" for request in requests}
    ends: list[Finished] = []
    while len(ends) < 2:
        event = engine.engine.next_event()
        assert not isinstance(event, Failed)
        if isinstance(event, Delta):
            order.append(event.request_id)
            texts[event.request_id] += event.text
        elif isinstance(event, Finished):
            ends.append(event)
    assert set(texts.values()) == {alone}
    first = requests[0].request_id
    assert order != sorted(order, key=lambda request_id: request_id != first), "one after the other"


def test_a_request_without_a_name_is_for_the_model_that_was_loaded_last(
    engine: Session, paths: tuple[str, str]
) -> None:
    roomy = LoadSettings(context_tokens=512, batch_tokens=32, threads=1, sequences=1)
    assert isinstance(engine.load(paths[0], roomy), ModelInfo)
    assert isinstance(engine.load(paths[1], SETTINGS), ModelInfo)
    _, end = engine.generate(ask(engine, tokens=LONG_PROMPT))
    assert isinstance(end, Failed)
    assert end.values["context_tokens"] == 256
    _, end = engine.generate(ask(engine, paths[0], tokens=LONG_PROMPT, max_tokens=1))
    assert isinstance(end, Finished)


def test_loading_a_file_again_leaves_the_other_model_alone(engine: Session, paths: tuple[str, str]) -> None:
    for path in (*paths, paths[0]):
        assert isinstance(engine.load(path, SETTINGS), ModelInfo)
    for path in paths:
        assert isinstance(engine.generate(ask(engine, path, max_tokens=1))[1], Finished)


def test_unloading_one_leaves_the_other(engine: Session, paths: tuple[str, str]) -> None:
    for path in paths:
        assert isinstance(engine.load(path, SETTINGS), ModelInfo)
    engine.engine.post(Unload(request_id=engine.new_id(), model=paths[1]))
    assert engine.wait_for(Unloaded).path == paths[1]
    _, end = engine.generate(ask(engine, paths[1]))
    assert isinstance(end, Failed)
    assert end.values["file"] == "second.gguf"
    assert isinstance(engine.generate(ask(engine, max_tokens=1))[1], Finished)
    engine.engine.post(Unload(request_id=engine.new_id()))
    assert engine.wait_for(Unloaded).path == ""
    assert isinstance(engine.generate(ask(engine))[1], Failed)


def test_a_load_that_fails_leaves_the_other_model(
    engine: Session, paths: tuple[str, str], tmp_path: Path
) -> None:
    assert isinstance(engine.load(paths[0], SETTINGS), ModelInfo)
    failed = engine.load(str(tmp_path / "missing.gguf"), SETTINGS)
    assert isinstance(failed, Failed)
    assert failed.load
    assert isinstance(engine.generate(ask(engine, max_tokens=1))[1], Finished)


def test_a_reply_goes_on_while_another_model_is_loaded(engine: Session, paths: tuple[str, str]) -> None:
    roomy = LoadSettings(context_tokens=4096, batch_tokens=8, threads=1, sequences=1)
    assert isinstance(engine.load(paths[0], roomy), ModelInfo)
    reply = ask(engine, paths[0], tokens=list(range(100, 4000)), max_tokens=1)
    engine.engine.post(reply)
    engine.engine.post(Load(request_id=engine.new_id(), path=paths[1], settings=SETTINGS))
    engine.wait_for(LoadProgress)
    steps: list[Event] = []
    engine.wait_for(Loaded, lambda event: steps.append(event) if isinstance(event, PromptProgress) else None)
    assert steps
    engine.engine.post(Cancel(request_id=reply.request_id))
    assert engine.wait_for(Finished).reason == "cancelled"


class TightEngine:
    """An engine on a machine without free memory, as far as it knows: only one model fits at a time."""

    def __init__(self, free_ram_bytes: int = 0) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._core = EngineCore(self._events.put, free_ram=lambda: free_ram_bytes)
        self._core.start()

    def post(self, request: object) -> None:
        self._core.post(request)  # type: ignore[arg-type] # any Request

    def next_event(self) -> Event:
        return self._events.get(timeout=ANSWER_TIMEOUT_S)

    def close(self) -> None:
        self._core.post(Shutdown())
        self._core.join()


@pytest.fixture
def tight(paths: tuple[str, str]) -> Iterator[Session]:
    """Only one model fits, and the first is loaded."""
    session = Session("thread", TightEngine())
    assert isinstance(session.load(paths[0], SETTINGS), ModelInfo)
    yield session
    session.engine.close()


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_what_does_not_fit_beside_takes_the_place_of_the_idle_model(
    tight: Session, paths: tuple[str, str]
) -> None:
    tight.engine.post(Load(request_id=tight.new_id(), path=paths[1], settings=SETTINGS))
    before: list[Event] = []
    tight.wait_for(Loaded, before.append)
    gone = [event for event in before if isinstance(event, Unloaded)]
    assert [(event.request_id, event.path) for event in gone] == [(0, paths[0])]
    assert isinstance(tight.generate(ask(tight, paths[0]))[1], Failed)
    assert isinstance(tight.generate(ask(tight, paths[1], max_tokens=1))[1], Finished)


@pytest.mark.rpc
def test_the_memory_of_other_computers_is_room_beside(paths: tuple[str, str]) -> None:
    # Of the starter's 109 MB, 30 stay here when another computer computes all layers; the first one's file
    # takes 97 of what is free.
    with rpc_server() as den:
        session = Session("thread", TightEngine(160_000_000))
        servers = (RpcServer(den.endpoint),)
        elsewhere = msgspec.structs.replace(SETTINGS, rpc_servers=servers, rpc_use="always")
        try:
            assert isinstance(session.load(paths[0], SETTINGS), ModelInfo)
            info = session.load(paths[1], elsewhere)
            assert isinstance(info, ModelInfo)
            assert info.gpu_layers == info.layers + 1
            for path in paths:
                assert isinstance(session.generate(ask(session, path, max_tokens=1))[1], Finished)
        finally:
            session.engine.close()


def test_a_load_without_room_waits_for_the_end_of_the_reply(tight: Session, paths: tuple[str, str]) -> None:
    reply = ask(tight, paths[0], max_tokens=40, ignore_eog=True)
    tight.engine.post(reply)
    tight.wait_for(Delta)
    tight.engine.post(Load(request_id=tight.new_id(), path=paths[1], settings=SETTINGS))
    behind = Tokenize(request_id=tight.new_id(), parts=STORY, model=paths[1])
    tight.engine.post(behind)
    events: list[Event] = []
    tokenized = tight.wait_for(Tokenized, events.append)
    assert tokenized.request_id == behind.request_id
    assert any(isinstance(event, LoadProgress) and event.waits for event in events)
    finished = next(event for event in events if isinstance(event, Finished))
    assert finished.reason == "length"
    order = names(events)
    assert order.index("Finished") < order.index("Unloaded") < order.index("Loaded")


def test_a_load_that_waits_can_be_cancelled_and_so_can_what_waits_behind_it(
    tight: Session, paths: tuple[str, str]
) -> None:
    reply = ask(tight, paths[0], max_tokens=0, ignore_eog=True)
    tight.engine.post(reply)
    tight.wait_for(Delta)
    load = Load(request_id=tight.new_id(), path=paths[1], settings=SETTINGS)
    behind = ask(tight, paths[1])
    tight.engine.post(load)
    while not tight.wait_for(LoadProgress).waits:
        pass
    for request in (behind, Cancel(request_id=behind.request_id), Cancel(request_id=load.request_id)):
        tight.engine.post(request)
    for request_id in (behind.request_id, load.request_id):
        failed = tight.wait_for(Failed)
        assert (failed.request_id, failed.cancelled) == (request_id, True)
    tight.engine.post(Cancel(request_id=reply.request_id))
    assert tight.wait_for(Finished).reason == "cancelled"
    assert isinstance(tight.generate(ask(tight, paths[0], max_tokens=1))[1], Finished)


def test_unloading_everything_ends_a_load_that_waits(tight: Session, paths: tuple[str, str]) -> None:
    tight.engine.post(ask(tight, paths[0], max_tokens=0, ignore_eog=True))
    tight.wait_for(Delta)
    load = Load(request_id=tight.new_id(), path=paths[1], settings=SETTINGS)
    tight.engine.post(load)
    tight.engine.post(Unload(request_id=tight.new_id()))
    events: list[Event] = []
    tight.wait_for(Unloaded, events.append)
    failed = next(event for event in events if isinstance(event, Failed))
    assert (failed.request_id, failed.cancelled) == (load.request_id, True)
    assert isinstance(tight.generate(ask(tight))[1], Failed)
