"""The state of a chat survives, is found again, and goes with the chat; with a real model."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine.kv_states import chat_states
from app.engine.protocol import (
    DropStates,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Part,
    Prepare,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from tests.support.engines import GREEDY, Session, text_of
from tests.support.starter_variants import shallow_path

SETTINGS = LoadSettings(context_tokens=1024, batch_tokens=128, threads=1, sequences=1, kv_type="f16")
GENERATOR = random.Random(1)
PROMPTS = {name: [GENERATOR.randrange(1000, 40000) for _ in range(300)] for name in "abc"}


@pytest.fixture(scope="module")
def bare() -> Iterator[Session]:
    session = Session("thread")
    yield session
    session.engine.close()


@pytest.fixture
def session(bare: Session, tmp_path: Path) -> Session:
    load(bare, tmp_path)
    return bare


def load(session: Session, folder: Path, settings: LoadSettings = SETTINGS) -> None:
    unload(session)
    assert isinstance(session.load(shallow_path(), settings, states_path=str(folder)), ModelInfo)


def unload(session: Session) -> None:
    session.engine.post(Unload(request_id=session.new_id()))
    session.wait_for(Unloaded)


def ask(session: Session, tokens: list[int], **options: object) -> tuple[str, Finished]:
    defaults: dict[str, object] = {"sampling": GREEDY, "max_tokens": 8, "ignore_eog": True, "chat_key": "a"}
    request = Generate(request_id=session.new_id(), tokens=tokens, **{**defaults, **options})  # type: ignore[arg-type] # options of Generate
    deltas, end = session.generate(request)
    assert isinstance(end, Finished)
    return text_of(deltas), end


def one_step(session: Session) -> None:
    """Let the engine do what it has to do once, and no more than a chunk of it."""
    session.engine.post(Tokenize(request_id=session.new_id(), parts=[Part("a")]))
    session.wait_for(Tokenized)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.state"))


def test_a_chat_goes_on_after_an_unload_where_it_was(session: Session, tmp_path: Path) -> None:
    said, _ = ask(session, PROMPTS["a"])
    unload(session)
    assert len(files(tmp_path)) == 1
    load(session, tmp_path)
    again, end = ask(session, PROMPTS["a"])
    assert end.stats.reused_tokens == len(PROMPTS["a"]) - 1
    assert again == said


def test_a_chat_that_loses_its_sequence_is_read_back(session: Session, tmp_path: Path) -> None:
    ask(session, PROMPTS["a"])
    _, other = ask(session, PROMPTS["b"], chat_key="b")
    assert other.stats.reused_tokens == 0
    _, back = ask(session, [*PROMPTS["a"], 5, 6, 7])
    assert back.stats.reused_tokens >= len(PROMPTS["a"])


def test_a_state_is_saved_in_idle_time(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_states, "IDLE_S", 0.0)
    ask(session, PROMPTS["a"])
    while not files(tmp_path):
        one_step(session)


def test_another_chat_with_the_same_beginning_takes_it_from_the_disk(
    session: Session, tmp_path: Path
) -> None:
    ask(session, PROMPTS["a"])
    load(session, tmp_path)
    _, end = ask(session, [*PROMPTS["a"][:200], 1, 2, 3], chat_key="")
    assert end.stats.reused_tokens == 200


def test_nothing_is_kept_of_a_prompt_without_a_chat(session: Session, tmp_path: Path) -> None:
    ask(session, PROMPTS["a"], chat_key="")
    unload(session)
    assert files(tmp_path) == []


def test_a_dropped_chat_leaves_nothing(session: Session, tmp_path: Path) -> None:
    ask(session, PROMPTS["a"])
    ask(session, PROMPTS["b"], chat_key="b")
    ask(session, PROMPTS["c"], chat_key="c")
    session.engine.post(DropStates(chat_keys=["a", "c"]))
    unload(session)
    load(session, tmp_path)
    assert len(files(tmp_path)) == 1
    assert ask(session, PROMPTS["b"], chat_key="b")[1].stats.reused_tokens > 0
    assert ask(session, PROMPTS["a"])[1].stats.reused_tokens == 0
    assert ask(session, PROMPTS["c"], chat_key="c")[1].stats.reused_tokens == 0


def test_a_state_of_another_kind_of_context_is_not_used(session: Session, tmp_path: Path) -> None:
    ask(session, PROMPTS["a"])
    load(session, tmp_path, LoadSettings(context_tokens=1024, batch_tokens=128, threads=1, kv_type="q8_0"))
    _, end = ask(session, PROMPTS["a"])
    assert end.stats.reused_tokens == 0


@pytest.mark.parametrize("damage", ["header", "state", "short", "long", "foreign"])
def test_a_damaged_file_is_ignored(session: Session, tmp_path: Path, damage: str) -> None:
    said, _ = ask(session, PROMPTS["a"])
    unload(session)
    (file,) = files(tmp_path)
    data = bytearray(file.read_bytes())
    if damage == "header":
        data[60] ^= 1
    elif damage == "state":
        data[-1000] ^= 1
    elif damage == "short":
        del data[-100:]
    elif damage == "long":
        data += b"x"
    else:
        data[:] = b"something else"
    file.write_bytes(data)
    load(session, tmp_path)
    again, end = ask(session, PROMPTS["a"])
    assert end.stats.reused_tokens == 0
    assert again == said


def test_work_ahead_leaves_only_the_question(session: Session) -> None:
    # As R1's templates do: the answer comes again without the thinking in front of it.
    history = [Part("<|im_start|>user\nWhat is a lighthouse?<|im_end|>\n<|im_start|>assistant\n", True)]
    answer = Part("A lighthouse is a tower with a bright light that guides ships at night. " * 8)
    ask(session, PROMPTS["a"], chat_key="")
    session.engine.post(Prepare(parts=[*history, answer], chat_key="a"))
    for _ in range(8):
        one_step(session)
    end_of_turn = Part("<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n", True)
    request = Generate(
        request_id=session.new_id(),
        parts=[*history, answer, end_of_turn],
        sampling=GREEDY,
        max_tokens=1,
        chat_key="a",
    )
    _, end = session.generate(request)
    assert isinstance(end, Finished)
    assert end.stats.prompt_tokens - end.stats.reused_tokens < 20


def test_a_question_overtakes_work_ahead(session: Session) -> None:
    session.engine.post(Prepare(parts=[Part("word " * 800)], chat_key="b"))
    said, end = ask(session, PROMPTS["a"])
    assert said
    assert end.stats.completion_tokens == 8
