"""Guessing ahead changes the speed of a reply and nothing else; with the real starter model."""

from collections.abc import Iterator

import pytest

from app.engine.batching.step_cost import StepCost
from app.engine.protocol import (
    Cancel,
    Delta,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Part,
    Sampling,
)
from app.engine.speculation.speculation import PROBE_STEPS
from tests.perf.code_edits import CODE_EDITS
from tests.support.engines import GREEDY, STORY, Session, starter_path, text_of

# One thread: two that wait for each other crawl when something else takes a core.
SETTINGS = LoadSettings(
    context_tokens=256, batch_tokens=128, threads=1, sequences=2, draft_path=starter_path(), kv_type="f16"
)
WORDS = [Part("1, 2, 3, 4, 5, 6, 7, 8, " * 3 + "1, 2, 3,")]
"""Goes on in the same way, whatever the model thinks of it."""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Steps cost the same whatever their size, so that guessing pays also where this machine is busy."""
    session = Session("thread")
    info = session.load(starter_path(), SETTINGS)
    assert isinstance(info, ModelInfo)
    assert info.notices == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StepCost, "seconds", lambda self, tokens: 1.0)
        # The first guesses are only compared.
        ask(session, speculation="lookup", max_tokens=48)
        yield session
    session.engine.close()


def ask(session: Session, **options: object) -> tuple[str, Finished]:
    defaults: dict[str, object] = {
        "parts": WORDS,
        "sampling": GREEDY,
        "max_tokens": 16,
        "reuse_prefix": False,
    }
    request = Generate(request_id=session.new_id(), **{**defaults, **options})  # type: ignore[arg-type] # options of Generate
    # A prompt evaluated in other pieces gives other last bits, so the comparisons reuse nothing.
    deltas, end = session.generate(request)
    assert isinstance(end, Finished), end
    return text_of(deltas), end


@pytest.mark.parametrize("mode", ["lookup", "draft"])
def test_a_greedy_reply_is_the_same_with_guesses(session: Session, mode: str) -> None:
    # A model as large as the one that it guesses for does not pay, and is only tried now and then.
    max_tokens = 2 * PROBE_STEPS if mode == "draft" else 16
    plain, plain_end = ask(session, max_tokens=max_tokens)
    guessed, end = ask(session, speculation=mode, max_tokens=max_tokens)
    assert guessed == plain
    assert plain_end.stats.drafted_tokens == 0
    assert 0 < end.stats.accepted_tokens <= end.stats.drafted_tokens
    assert end.stats.completion_tokens == plain_end.stats.completion_tokens
    assert end.stats.context_tokens_used == plain_end.stats.context_tokens_used


@pytest.mark.parametrize("mode", ["lookup", "draft"])
def test_a_drawn_reply_is_the_same_with_guesses(session: Session, mode: str) -> None:
    sampling = Sampling(temperature=0.8, repeat_penalty=1.1, seed=5)
    plain, _ = ask(session, sampling=sampling)
    guessed, _ = ask(session, sampling=sampling, speculation=mode)
    assert guessed == plain


def test_a_model_that_guesses_for_itself_is_right(session: Session) -> None:
    # Long enough to guess at all where, on a busy machine, guessing does not seem to pay.
    _, end = ask(session, speculation="draft", max_tokens=PROBE_STEPS + 32)
    assert end.stats.accepted_tokens >= 0.8 * end.stats.drafted_tokens > 0


def test_a_stop_string_cuts_within_a_guess(session: Session) -> None:
    plain, _ = ask(session)
    word = plain.split()[1]
    stopped, end = ask(session, speculation="draft", stop=[word])
    assert stopped == plain[: plain.index(word)]
    assert end.reason == "stop"


@pytest.mark.parametrize("most", [1, 3])
def test_a_limit_holds_with_guesses(session: Session, most: int) -> None:
    plain, _ = ask(session, max_tokens=most)
    guessed, end = ask(session, max_tokens=most, speculation="draft")
    assert (guessed, end.reason) == (plain, "length")
    assert end.stats.completion_tokens == most


def test_the_context_may_fill_up_with_guesses(session: Session) -> None:
    tokens = list(range(100, 346))
    request = {"tokens": tokens, "max_tokens": 0, "ignore_eog": True, "parts": []}
    _, plain = ask(session, **request)
    _, end = ask(session, **request, speculation="draft")
    assert end.reason == plain.reason == "context"
    assert end.stats.completion_tokens == plain.stats.completion_tokens


def test_replies_with_and_without_guesses_run_side_by_side(session: Session) -> None:
    alone = {mode: ask(session, speculation=mode)[0] for mode in ("off", "lookup")}
    requests = {
        session.new_id(): options
        for options in ({"speculation": "lookup"}, {"speculation": "off"}, {"speculation": "draft"})
    }
    for request_id, options in requests.items():
        session.engine.post(
            Generate(
                request_id=request_id,
                parts=WORDS,
                sampling=GREEDY,
                max_tokens=16,
                reuse_prefix=False,
                **options,
            )  # type: ignore[arg-type] # options of Generate
        )
    texts = dict.fromkeys(requests, "")
    ended = 0
    while ended < len(requests):
        event = session.engine.next_event()
        assert not isinstance(event, Failed)
        if isinstance(event, Delta):
            texts[event.request_id] += event.text
        ended += isinstance(event, Finished)
    assert set(texts.values()) == {alone["off"]}


def test_a_reply_with_guesses_is_cancelled_like_any_other(session: Session) -> None:
    request_id = session.new_id()
    session.engine.post(
        Generate(request_id=request_id, parts=STORY, max_tokens=0, ignore_eog=True, speculation="draft")
    )
    session.wait_for(Delta)
    session.engine.post(Cancel(request_id=request_id))
    assert session.wait_for(Finished).reason == "cancelled"
    assert ask(session)[0] == ask(session)[0]


def test_what_was_guessed_wrong_does_not_stay_in_the_cache(session: Session) -> None:
    said, _ = ask(session, speculation="draft", max_tokens=12)
    follow_up = [*WORDS, Part(said), Part("<|im_end|>\n<|im_start|>user\nGo on.<|im_end|>\n", True)]
    guessed, end = ask(session, parts=follow_up, reuse_prefix=True)
    assert end.stats.reused_tokens > 30
    ask(session, max_tokens=12)
    plain, end = ask(session, parts=follow_up, reuse_prefix=True)
    assert end.stats.reused_tokens > 30
    assert guessed == plain


def test_a_greedy_reply_is_the_same_where_rows_of_a_batch_are_not() -> None:
    """Without flash attention two rows are not what they are alone: several of these edits became other texts
    when guesses were checked by the batch."""
    session = Session("thread")
    try:
        asked = LoadSettings(context_tokens=2048, threads=1, sequences=1, flash_attention="off")
        assert isinstance(session.load(starter_path(), asked), ModelInfo)
        for edit in CODE_EDITS[:4]:
            plain, _ = ask(session, parts=edit.prompt(), max_tokens=40)
            assert ask(session, parts=edit.prompt(), max_tokens=40, speculation="lookup")[0] == plain
    finally:
        session.engine.close()


def test_greedy_replies_guess_at_any_depth_with_more_threads_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """llama.cpp splits the attention of a row alone between the threads from 512 cells on, ours does not."""
    monkeypatch.setattr(StepCost, "seconds", lambda self, tokens: 1.0)
    session = Session("thread")
    try:
        info = session.load(starter_path(), LoadSettings(context_tokens=2048, threads=2, sequences=1))
        assert isinstance(info, ModelInfo)
        assert (info.plan.flash_attention, info.plan.kv_type) == ("auto", "f16")
        before = [Part("The ship left the harbour at noon, and nobody on the shore saw it again. " * 40)]
        accepted = 0
        for edit in CODE_EDITS[:3]:
            asked = [*before, *edit.prompt()]
            plain, end = ask(session, parts=asked, max_tokens=40)
            assert end.stats.prompt_tokens > 600
            guessed, end = ask(session, parts=asked, max_tokens=40, speculation="lookup")
            assert guessed == plain
            accepted += end.stats.accepted_tokens
        assert accepted > 0
    finally:
        session.engine.close()


def test_a_draft_model_that_is_not_there_is_told_and_not_missed() -> None:
    session = Session("thread")
    try:
        settings = LoadSettings(context_tokens=256, threads=1, sequences=1, draft_path="/nowhere/small.gguf")
        info = session.load(starter_path(), settings)
        assert isinstance(info, ModelInfo)
        assert "small.gguf" in str(info.notices[0])
        assert ask(session, max_tokens=4, speculation="draft", parts=STORY)[0]
    finally:
        session.engine.close()
