"""Some tokens of a reply in one call of C, and the same reply token by token: nothing else comes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama import next_tokens
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.llama.next_tokens import NextTokens
from app.engine.protocol import (
    AnswerNow,
    Cancel,
    Delta,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Sampling,
    ThinkingLimits,
)
from app.engine.worker import decode_loop
from tests.support.contexts import evaluate, load_model, make_context
from tests.support.engines import GREEDY, STORY, Session, text_of
from tests.support.starter_variants import shallow_path

# One thread: two that wait for each other crawl when something else takes a core.
SETTINGS = LoadSettings(context_tokens=384, batch_tokens=64, threads=1, sequences=2)
FLAT = Sampling(temperature=4.0, seed=3)
"""So wide that Python has to draw many of the tokens."""
REQUESTS: dict[str, dict[str, object]] = {
    "greedy": {"sampling": GREEDY},
    "as R1's authors advise": {"sampling": Sampling(seed=11)},
    "wide": {"sampling": FLAT},
    "narrowed": {"sampling": Sampling(seed=5, top_k=40, min_p=0.02, typical_p=0.9)},
    "Mirostat": {"sampling": Sampling(seed=5, mirostat=2)},
    "penalties": {"sampling": Sampling(seed=5, repeat_penalty=1.2)},
    "a bias": {"sampling": Sampling(seed=5, logit_bias={100: 3.0})},
    "to the end of the context": {"sampling": Sampling(seed=2), "max_tokens": 0},
    "a stop string": {"sampling": Sampling(seed=2), "stop": ["e"]},
    "log probabilities": {"sampling": Sampling(seed=2), "logprobs": 1},
    "one token": {"sampling": Sampling(seed=2), "max_tokens": 1},
    "two tokens": {"sampling": Sampling(seed=2), "max_tokens": 2},
    "a thinking budget": {
        "sampling": Sampling(seed=2),
        "thinking": "open",
        "thinking_limits": ThinkingLimits(tokens=13),
    },
    "guesses": {"sampling": Sampling(seed=2), "speculation": "lookup"},
    "greedy guesses": {"sampling": GREEDY, "speculation": "lookup"},
}


class Counted:
    """The calls of the library, and how many tokens each drew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        draw = NextTokens.draw

        def counted(*given: object, **options: object) -> tuple[list[int], list[float]]:
            drawn = draw(*given, **options)  # type: ignore[arg-type] # handed on
            self.counts.append(len(drawn[0]))
            return drawn

        monkeypatch.setattr(NextTokens, "draw", counted)


@dataclass
class Drawing:
    """An engine, and the `llama_context *` that its model is evaluated in."""

    session: Session
    context: int


@pytest.fixture(params=["behind each other", "ahead"])
def drawing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawing]:
    """One whose tokens are drawn by the library, as on a processor and as on a card."""
    assert next_tokens.draws_tokens(), "the environment's llama-cpp-python has no such call"
    contexts: list[Context] = []

    def make(model: Model, context: Context, candidates: Candidates, *, ahead: bool) -> NextTokens:
        contexts.append(context)
        assert not ahead
        return NextTokens(model, context, candidates, ahead=request.param == "ahead")

    monkeypatch.setattr(decode_loop, "NextTokens", make)
    session = loaded()
    yield Drawing(session, contexts[0].handle)
    session.engine.close()


@pytest.fixture
def session(drawing: Drawing) -> Session:
    return drawing.session


def loaded() -> Session:
    session = Session("thread")
    assert isinstance(session.load(shallow_path(), SETTINGS), ModelInfo)
    return session


def request(session: Session, **options: object) -> Generate:
    defaults: dict[str, object] = {"parts": STORY, "max_tokens": 48, "reuse_prefix": False}
    return Generate(request_id=session.new_id(), **{**defaults, **options})  # type: ignore[arg-type] # of Generate


def ask(session: Session, **options: object) -> tuple[str, str, int, int]:
    """The text, the reason of its end, its tokens and those in the context."""
    deltas, end = session.generate(request(session, **options))
    assert isinstance(end, Finished), end
    return text_of(deltas), end.reason, end.stats.completion_tokens, end.stats.context_tokens_used


@pytest.fixture(scope="module")
def token_by_token() -> dict[str, tuple[str, str, int, int]]:
    """The same replies with llama-cpp-python as it comes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_loop, "draws_tokens", lambda: False)
        session = loaded()
        answers = {name: ask(session, **options) for name, options in REQUESTS.items()}
        session.engine.close()
    return answers


def test_the_replies_are_the_same(
    session: Session, token_by_token: dict[str, tuple[str, str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, options in REQUESTS.items():
        counted = Counted(monkeypatch)
        assert ask(session, **options) == token_by_token[name], name
        if name in ("greedy", "as R1's authors advise", "narrowed", "Mirostat"):
            # In few calls, that is.
            assert max(counted.counts) > 1, name
        if name in ("penalties", "a bias", "log probabilities"):
            assert counted.counts == [], name


@pytest.mark.parametrize("options", [{"stop": ["e"]}, {"max_tokens": 20}, {"max_tokens": 0}])
def test_the_cache_holds_what_was_said_and_nothing_else(drawing: Drawing, options: dict[str, object]) -> None:
    # A stop string ends within what was evaluated ahead.
    *_, used = ask(drawing.session, sampling=Sampling(seed=2), **options)
    memory = llama_cpp.llama_get_memory(drawing.context)
    assert llama_cpp.llama_memory_seq_pos_max(memory, 0) + 1 == used


def test_another_reply_comes_in_between(
    session: Session, token_by_token: dict[str, tuple[str, str, int, int]]
) -> None:
    long = request(session, sampling=Sampling(seed=2), max_tokens=0)
    session.engine.post(long)
    text = session.wait_for(Delta).text
    other = request(session, **REQUESTS["as R1's authors advise"])
    session.engine.post(other)
    texts = {long.request_id: text, other.request_id: ""}
    ended = 0
    while ended < 2:
        event = session.engine.next_event()
        assert not isinstance(event, Failed)
        if isinstance(event, Delta):
            texts[event.request_id] += event.text
        ended += isinstance(event, Finished)
    assert texts[other.request_id] == token_by_token["as R1's authors advise"][0]
    assert texts[long.request_id] == token_by_token["to the end of the context"][0]


def test_it_is_cancelled_and_asked_for_its_answer(session: Session) -> None:
    endless = request(session, sampling=Sampling(seed=4), max_tokens=0, ignore_eog=True, thinking="open")
    session.engine.post(endless)
    session.wait_for(Delta)
    session.engine.post(AnswerNow(request_id=endless.request_id))
    answers: list[Delta] = []
    while not answers:
        delta = session.wait_for(Delta)
        answers += [delta] if delta.channel == "answer" else []
    session.engine.post(Cancel(request_id=endless.request_id))
    assert session.wait_for(Finished).stats.thinking_closed == "asked"


@pytest.mark.parametrize("most", [1, 5, 40])
def test_a_draft_is_what_numpy_would_guess(most: int) -> None:
    backend = Backend(NativeLog())
    model = load_model(backend, Path(shallow_path()), mmap=True)
    context = make_context(
        backend, model, 256, threads=1, batch_tokens=64, draft_rows=0, flash_attention="off"
    )
    for share in (0.02, 0.3):
        expected: list[int] = []
        tokens = [100, 200, 300]
        row = evaluate(context, tokens, 0)
        while len(expected) < most:
            logits = context.logits(row)
            token = int(logits.argmax())
            if 1.0 / float(np.exp(logits - logits[token]).sum()) < share:
                break
            expected.append(token)
            row = evaluate(context, [token], len(tokens) + len(expected) - 1)
        row = evaluate(context, tokens, 0)
        drafts = NextTokens(model, context, Candidates(model.vocabulary))
        guessed = drafts.guess(share, row, (tokens[-1], len(tokens) - 1, 0), most)
        assert guessed == expected
        assert drafts.evaluated == (len(guessed) < most)
        there = len(tokens) + len(guessed) - (not drafts.evaluated)
        memory = llama_cpp.llama_get_memory(context.handle)
        assert llama_cpp.llama_memory_seq_pos_max(memory, 0) + 1 == there
    context.free()
    model.free()
