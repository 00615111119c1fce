"""Long texts and large schemas are prepared beside the engine's thread, and nothing else changes."""

import json
import random
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.generation import prompt_tokens
from app.engine.generation.prompt_tokens import PromptTokens
from app.engine.grammar.token_bytes import TokenBytes
from app.engine.llama.backend import Backend
from app.engine.llama.model import Model
from app.engine.protocol import (
    Cancel,
    Embed,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Part,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from tests.support.contexts import load_model
from tests.support.engines import GREEDY, Session, text_of
from tests.support.starter_variants import shallow_path

LONGER_THAN_THE_CONTEXT = "The quick brown fox jumps over the lazy dog. " * 30_000
WORDS = [
    "the",
    " fox",
    "'s",
    "  ",
    " \n",
    "\n\n",
    "1234567",
    " 9",
    "é",
    " 数学",
    "İ",
    "a\u0301",
    "🙂",
    "<|im_end|>",
    "\x13",
    "_x",
    "\u00a0",
]


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    model = load_model(Backend(NativeLog()), Path(shallow_path()), mmap=True)
    yield model
    model.free()


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session("thread")
    assert isinstance(session.load(shallow_path(), LoadSettings(context_tokens=512, threads=1)), ModelInfo)
    yield session
    session.engine.close()


def test_a_text_in_slices_has_the_tokens_of_the_whole(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_tokens, "SLICE", 20)
    prompts, vocabulary = PromptTokens(model), model.token_bytes()
    assert vocabulary.splits_before_spaces
    draw = random.Random(5)
    for _ in range(60):
        text = "".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 300)))
        parts = [Part("<|im_start|>user\n", True), Part(text), Part("<|im_end|>\n", True)]
        slices = list(prompts.slices(parts, vocabulary))
        whole = prompts.tokenize(parts)
        assert prompts.with_bos(list(chain.from_iterable(slices))) == whole
        assert prompts.least_tokens(parts, vocabulary) <= len(whole)


def test_a_vocabulary_whose_tokens_go_over_words_is_not_cut() -> None:
    pieces = [b"a", b" b", b"of the", b""]
    assert not TokenBytes(pieces, [], is_bpe=True).splits_before_spaces
    assert TokenBytes([b"a", b" b", b"x", b" y"], [], is_bpe=True).splits_before_spaces
    assert not TokenBytes([b"a", b" b"], []).splits_before_spaces
    assert TokenBytes([b"a", b"bcd", b"b"], [], is_bpe=True).least_tokens(b"abcabcaaazz") == 2
    assert TokenBytes([b"a", b"bcd", b"b"], []).least_tokens(b"abcabcaaazz") == 0


def test_a_prompt_that_cannot_fit_is_refused_without_being_tokenised(session: Session) -> None:
    _, end = session.generate(Generate(request_id=session.new_id(), parts=[Part("a" * 8_000_000)]))
    assert isinstance(end, Failed)
    assert end.refused
    # Of its bytes alone; tokenising would have ended a little above the context.
    assert int(end.values["prompt_tokens"]) > 10 * int(end.values["context_tokens"])


def test_others_are_answered_while_a_long_text_is_counted(session: Session) -> None:
    long, short = session.new_id(), session.new_id()
    session.engine.post(Tokenize(request_id=long, parts=[Part(LONGER_THAN_THE_CONTEXT)]))
    session.engine.post(Generate(request_id=short, parts=[Part("Hi")], max_tokens=1, sampling=GREEDY))
    assert session.wait_for(Finished).request_id == short
    counted = session.wait_for(Tokenized)
    assert counted.request_id == long
    assert len(counted.tokens) > 300_000


def test_what_is_being_prepared_can_be_cancelled(session: Session) -> None:
    ids = [session.new_id() for _ in range(2)]
    for request_id in ids:
        session.engine.post(Tokenize(request_id=request_id, parts=[Part(LONGER_THAN_THE_CONTEXT)]))
    session.engine.post(Cancel(request_id=ids[0]))
    cancelled = session.wait_for(Failed)
    assert (cancelled.request_id, cancelled.cancelled) == (ids[0], True)
    assert session.wait_for(Tokenized).request_id == ids[1]


def test_a_long_prompt_and_a_large_schema_come_to_a_reply(session: Session) -> None:
    schema = {
        "type": "object",
        "properties": {f"p{i}": {"const": i} for i in range(100)},
        "required": ["p99"],
    }
    request = Generate(
        request_id=session.new_id(),
        parts=[Part(" " * 16_600)],
        json_schema=json.dumps(schema),
        sampling=GREEDY,
        thinking="off",
        max_tokens=3,
    )
    deltas, end = session.generate(request)
    assert isinstance(end, Finished), end
    assert text_of(deltas).startswith("{")


def test_a_grammar_with_too_many_ways_ends_its_reply_in_words(session: Session) -> None:
    grammar = (
        'root ::= s "~"\ns ::= [a-z ] s s | [a-z ] s t | [a-z ] t s\nt ::= [a-z ] t s | [a-z ] s | [a-z ]'
    )
    request = Generate(request_id=session.new_id(), parts=[Part("Hi")], grammar=grammar, thinking="off")
    _, end = session.generate(request)
    assert isinstance(end, Failed)
    assert end.refused
    assert "too many ways" in str(end.values["reason"])


def test_a_model_is_freed_only_when_its_vocabulary_is_not_read(session: Session) -> None:
    ids = [session.new_id() for _ in range(3)]
    for request_id in ids[:2]:
        session.engine.post(Tokenize(request_id=request_id, parts=[Part(LONGER_THAN_THE_CONTEXT)]))
    session.engine.post(Embed(request_id=ids[2], parts=[Part(LONGER_THAN_THE_CONTEXT)]))
    unload = session.new_id()
    session.engine.post(Unload(request_id=unload))
    ends: list[Failed] = []
    session.wait_for(Unloaded, lambda event: ends.append(event) if isinstance(event, Failed) else None)
    while len(ends) < 3:
        ends.append(session.wait_for(Failed))
    assert {(end.request_id, end.cancelled) for end in ends} == {(one, True) for one in ids}
