"""A request controls its reply: thinking and its end, grammars, log probabilities, every sampler."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.engine.protocol import (
    AnswerNow,
    Delta,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Notice,
    Part,
    Sampling,
    ThinkingLimits,
)
from tests.support.engines import GREEDY, STORY, Session, starter_path
from tests.support.schema_check import is_valid
from tests.support.starter_variants import shallow_path

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 20},
        "year": {"type": "integer", "minimum": 1900, "maximum": 2100},
        "kind": {"enum": ["book", "film"]},
    },
    "required": ["title", "year", "kind"],
}


@dataclass(slots=True)
class Heard:
    """A reply as it came."""

    end: Finished
    thinking: str = ""
    answer: str = ""
    deltas: list[Delta] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session("thread")
    # One thread: two that wait for each other crawl when something else takes a core.
    loaded = session.load(shallow_path(), LoadSettings(context_tokens=768, batch_tokens=64, threads=1))
    assert isinstance(loaded, ModelInfo)
    yield session
    session.engine.close()


def hear(session: Session, *, answer_now: bool = False, **options: object) -> Heard:
    defaults: dict[str, object] = {
        "request_id": session.new_id(), "parts": STORY, "sampling": GREEDY, "max_tokens": 24,
    }  # fmt: skip
    request = Generate(**{**defaults, **options})  # type: ignore[arg-type] # options of Generate
    session.engine.post(request)
    deltas: list[Delta] = []
    notices: list[Notice] = []
    while True:
        event = session.engine.next_event()
        if isinstance(event, Delta):
            if answer_now and not deltas:
                session.engine.post(AnswerNow(request_id=request.request_id))
            deltas.append(event)
        elif isinstance(event, Notice):
            notices.append(event)
        elif isinstance(event, Failed):
            raise AssertionError(event)
        elif isinstance(event, Finished):
            texts = ["".join(d.text for d in deltas if d.channel == name) for name in ("thinking", "answer")]
            return Heard(event, texts[0], texts[1], deltas, notices)


def refused(session: Session, **options: object) -> Failed:
    request = Generate(request_id=session.new_id(), parts=STORY, max_tokens=4, **options)  # type: ignore[arg-type] # options of Generate
    _, end = session.generate(request)
    assert isinstance(end, Failed)
    return end


def test_a_budget_closes_the_block_and_the_answer_follows(session: Session) -> None:
    heard = hear(session, thinking="open", thinking_limits=ThinkingLimits(tokens=6), ignore_eog=True)
    assert heard.end.stats.thinking_tokens == 6
    assert heard.end.stats.thinking_closed == "budget"
    assert heard.end.stats.completion_tokens == 24
    assert heard.answer
    assert "think>" not in heard.thinking + heard.answer
    assert sum(delta.tokens for delta in heard.deltas) == 24


def test_the_first_text_brings_the_figures_of_its_token_and_no_later_one_does(session: Session) -> None:
    heard = hear(session, ignore_eog=True)
    first, *later = heard.deltas
    stats = heard.end.stats
    assert stats.ttft_s > 0
    assert (first.ttft_s, first.prompt_tok_per_s) == (stats.ttft_s, stats.prompt_tok_per_s)
    assert later
    assert not any(delta.ttft_s or delta.prompt_tok_per_s for delta in later)


@pytest.fixture
def speaker() -> Iterator[Session]:
    """A model whose words can be told apart."""
    session = Session("thread")
    loaded = session.load(starter_path(), LoadSettings(context_tokens=256, batch_tokens=64, threads=1))
    assert isinstance(loaded, ModelInfo)
    yield session
    session.engine.close()


def test_the_model_reads_that_its_thinking_is_over(speaker: Session) -> None:
    """The model says what follows the block, and does not go on with its thought."""
    heard = hear(speaker, thinking="open", thinking_limits=ThinkingLimits(tokens=6), ignore_eog=True)
    prompt = speaker.tokens_of("".join(part.text for part in STORY))
    said = speaker.tokens_of(heard.thinking + "\n</think>\n\n")
    again = hear(speaker, tokens=prompt + said, max_tokens=18, ignore_eog=True)
    # Line breaks after the tag belong to neither channel.
    assert again.answer.lstrip().startswith(heard.answer[:20])


def test_a_thought_without_end_leaves_room_for_an_answer(session: Session) -> None:
    limits = ThinkingLimits(loop_guard=False)
    heard = hear(session, thinking="open", thinking_limits=limits, max_tokens=0, ignore_eog=True)
    stats = heard.end.stats
    assert stats.thinking_closed == "room"
    assert heard.end.reason == "context"
    # The context has 768 tokens, and keeps a quarter of what the prompt leaves of it, at least 256.
    assert heard.answer
    assert stats.completion_tokens - stats.thinking_tokens >= 240
    [notice] = heard.notices
    assert "room for an answer" in notice.message


def test_a_budget_of_no_seconds_closes_after_the_first_token(session: Session) -> None:
    heard = hear(session, thinking="open", thinking_limits=ThinkingLimits(seconds=0.0))
    assert heard.end.stats.thinking_tokens == 1
    assert heard.end.stats.thinking_closed == "budget"


def test_without_thinking_the_block_is_closed_in_the_prompt(session: Session) -> None:
    plain = hear(session, thinking="open", max_tokens=4)
    heard = hear(session, thinking="open", thinking_limits=ThinkingLimits(tokens=0), max_tokens=4)
    assert heard.thinking == ""
    assert heard.end.stats.thinking_tokens == 0
    assert heard.end.stats.thinking_closed == "budget"
    closing = len(session.tokens_of("\n</think>\n\n"))
    assert heard.end.stats.prompt_tokens == plain.end.stats.prompt_tokens + closing


def test_answer_now_closes_the_block_of_a_running_reply(session: Session) -> None:
    heard = hear(session, answer_now=True, thinking="open", max_tokens=120, ignore_eog=True)
    assert heard.end.stats.thinking_closed == "asked"
    assert heard.end.stats.thinking_tokens < 120
    assert heard.answer


def test_answer_now_leaves_a_reply_alone_that_does_not_think(session: Session) -> None:
    plain = hear(session)
    asked = hear(session, answer_now=True)
    assert asked.answer == plain.answer
    assert asked.end.stats.thinking_closed == ""


def test_thoughts_that_only_repeat_themselves_are_cut_with_a_notice(session: Session) -> None:
    (word,) = session.tokens_of(" again")
    bias = Sampling(temperature=0.0, logit_bias={word: 1000.0})
    heard = hear(session, thinking="open", sampling=bias, max_tokens=500, ignore_eog=True)
    assert heard.end.stats.thinking_closed == "loop"
    assert 300 <= heard.end.stats.thinking_tokens <= 320
    assert heard.notices[0].values == {"tokens": heard.end.stats.thinking_tokens}
    assert heard.answer
    free = ThinkingLimits(loop_guard=False)
    heard = hear(
        session, thinking="open", sampling=bias, max_tokens=400, ignore_eog=True, thinking_limits=free
    )
    assert heard.end.stats.thinking_tokens == 400


def test_an_answer_that_only_repeats_itself_is_ended_where_that_is_asked_for(session: Session) -> None:
    (word,) = session.tokens_of(" again")
    bias = Sampling(temperature=0.0, logit_bias={word: 1000.0})
    heard = hear(session, thinking="off", sampling=bias, max_tokens=500, ignore_eog=True, answer_guard=True)
    assert heard.end.reason == "loop"
    assert 300 <= heard.end.stats.completion_tokens <= 320
    assert heard.answer.endswith(" again again")
    free = hear(session, thinking="off", sampling=bias, max_tokens=400, ignore_eog=True)
    assert (free.end.reason, free.end.stats.completion_tokens) == ("length", 400)


def test_what_was_thought_is_no_repetition_of_the_answer(session: Session) -> None:
    """The answer may say what the thought has said: each is watched for itself."""
    (word,) = session.tokens_of(" again")
    bias = Sampling(temperature=0.0, logit_bias={word: 1000.0})
    limits = ThinkingLimits(tokens=200, loop_guard=False)
    heard = hear(
        session,
        thinking="open",
        thinking_limits=limits,
        sampling=bias,
        max_tokens=400,
        ignore_eog=True,
        answer_guard=True,
    )
    assert heard.end.reason == "length"


def test_a_grammar_binds_the_answer_from_its_first_token(session: Session) -> None:
    heard = hear(session, thinking="off", grammar='root ::= "yes" | "no"')
    assert heard.answer in ("yes", "no")
    assert heard.end.reason == "stop"


def test_a_grammar_begins_after_the_thinking(session: Session) -> None:
    heard = hear(
        session,
        thinking="open",
        thinking_limits=ThinkingLimits(tokens=10),
        grammar='root ::= "yes" | "no"',
    )
    assert heard.end.stats.thinking_tokens == 10
    assert heard.answer in ("yes", "no")


def test_a_bound_reply_ends_where_its_grammar_does_also_past_the_end_of_the_turn(session: Session) -> None:
    heard = hear(session, thinking="off", grammar="root ::= [a-c]{3}", ignore_eog=True)
    assert len(heard.answer) == 3
    assert heard.end.reason == "stop"


@pytest.mark.parametrize("thinking", ["open", "auto", "off"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_schema_gives_a_document_that_is_valid(session: Session, thinking: str, temperature: float) -> None:
    heard = hear(
        session,
        thinking=thinking,
        thinking_limits=ThinkingLimits(tokens=12) if thinking != "off" else ThinkingLimits(),
        json_schema=json.dumps(SCHEMA),
        sampling=Sampling(temperature=temperature, seed=3),
        max_tokens=200,
    )
    assert is_valid(heard.answer, SCHEMA), heard.answer
    assert (heard.end.stats.thinking_tokens == 12) == (thinking == "open")


def test_what_a_token_says_after_the_tag_is_not_kept_before_a_grammar(session: Session) -> None:
    """The model closes the block itself, by a token that goes on after it."""
    closing = session.tokens_of("</think>")
    # The last token of the tag is drawn; the ones before it stand in the prompt, as if they were thought.
    prompt = session.tokens_of("Think.<think>\nI think so.\n") + closing[:-1]
    bias = Sampling(temperature=0.0, logit_bias={closing[-1]: 1000.0})
    heard = hear(
        session, tokens=prompt, thinking="open", sampling=bias, grammar='root ::= "yes"', max_tokens=20
    )
    assert heard.end.reason in ("stop", "length")


def test_a_thought_that_ends_the_turn_goes_on_to_the_answer_that_was_asked_for(session: Session) -> None:
    (end,) = session.tokens_of("<|im_end|>")
    heard = hear(
        session,
        thinking="open",
        sampling=Sampling(temperature=0.0, logit_bias={end: 1000.0}),
        grammar='root ::= "yes"',
    )
    assert heard.answer == "yes"


@pytest.mark.parametrize("grammar", ["nothing", 'other ::= "a"', "root ::= root", 'root ::= "a'])
def test_a_text_that_is_no_grammar_is_refused(session: Session, grammar: str) -> None:
    assert refused(session, grammar=grammar).message


def test_log_probabilities_come_with_each_token(session: Session) -> None:
    heard = hear(session, logprobs=3, max_tokens=12, ignore_eog=True)
    shares = [share for delta in heard.deltas for share in delta.logprobs]
    assert len(shares) == 12
    for share in shares:
        assert share.drawn == share.top[0]
        assert [other.logprob for other in share.top] == sorted(
            (other.logprob for other in share.top), reverse=True
        )
        assert all(other.logprob <= 0.0 for other in share.top)
    assert b"".join(share.drawn.piece for share in shares).decode() == heard.answer
    (alone,) = [s for d in hear(session, logprobs=0, max_tokens=1).deltas for s in d.logprobs]
    assert alone.drawn.logprob == pytest.approx(shares[0].drawn.logprob, abs=1e-3)
    assert alone.top == []


@pytest.mark.parametrize(
    "change",
    [
        {"top_k": 5},
        {"top_p": 0.5},
        {"min_p": 0.2},
        {"typical_p": 0.5},
        {"repeat_penalty": 1.3},
        {"presence_penalty": 2.0},
        {"frequency_penalty": 2.0},
        {"xtc_probability": 1.0, "xtc_threshold": 0.05},
        {"mirostat": 1, "mirostat_tau": 2.0},
        {"mirostat": 2, "mirostat_tau": 2.0},
        {"logit_bias": {260: 12.0}},
    ],
)
def test_every_sampler_counts(session: Session, change: dict[str, object]) -> None:
    options = {"temperature": 1.2, "top_p": 1.0, "seed": 11}
    plain = hear(session, sampling=Sampling(**options), max_tokens=24, ignore_eog=True)  # type: ignore[arg-type] # fields of Sampling
    changed = Sampling(**{**options, **change})  # type: ignore[arg-type] # fields of Sampling
    first, second = (hear(session, sampling=changed, max_tokens=24, ignore_eog=True) for _ in range(2))
    assert first.answer == second.answer
    assert first.answer != plain.answer


def test_dry_ends_a_repetition(session: Session) -> None:
    (word,) = session.tokens_of(" again")
    stuck = {"temperature": 0.0, "logit_bias": {word: 100.0}}
    plain = hear(session, sampling=Sampling(**stuck), ignore_eog=True)  # type: ignore[arg-type] # fields of Sampling
    assert plain.answer == " again" * 24
    dry = Sampling(**stuck, dry_multiplier=10.0, dry_base=4.0)  # type: ignore[arg-type] # fields of Sampling
    assert hear(session, sampling=dry, ignore_eog=True).answer != plain.answer


@pytest.mark.parametrize(
    "change",
    [
        {"typical_p": 1.5},
        {"presence_penalty": 99.0},
        {"frequency_penalty": float("nan")},
        {"dry_base": 0.0},
        {"dry_multiplier": -1.0},
        {"dry_breakers": ("x",) * 99},
        {"xtc_probability": 2.0},
        {"mirostat": 2, "mirostat_tau": -1.0},
        {"logit_bias": {-1: 1.0}},
        {"logit_bias": {49152: 1.0}},
        {"logit_bias": {0: float("inf")}},
    ],
)
def test_a_sampler_out_of_its_range_is_refused(session: Session, change: dict[str, object]) -> None:
    failed = refused(session, sampling=Sampling(**change))  # type: ignore[arg-type] # fields of Sampling
    assert failed.hint


@pytest.mark.parametrize(
    "options",
    [
        {"logprobs": 1000},
        {"stop": ["x"] * 1000},
        {"thinking_limits": ThinkingLimits(tokens=-1)},
        {"thinking_limits": ThinkingLimits(seconds=-1.0)},
        {"thinking": "off", "thinking_limits": ThinkingLimits(tokens=5)},
        {"grammar": 'root ::= "a"', "json_schema": "{}"},
        {"json_schema": '{"type": "string", "pattern": "a"}'},
    ],
)
def test_what_cannot_be_done_is_refused(session: Session, options: dict[str, object]) -> None:
    assert refused(session, **options).hint


def test_a_reply_of_the_background_says_the_same_after_it_had_to_wait() -> None:
    session = Session("thread")
    try:
        # Its batches are others the second time, but no two tokens are as likely in this text.
        loaded = session.load(
            shallow_path(), LoadSettings(context_tokens=256, batch_tokens=64, threads=1, sequences=1)
        )
        assert isinstance(loaded, ModelInfo)
        alone = hear(session, max_tokens=16).answer
        background = Generate(
            request_id=session.new_id(), parts=STORY, sampling=GREEDY, max_tokens=16, priority="background",
            reuse_prefix=False,
        )  # fmt: skip
        session.engine.post(background)
        text = session.wait_for(Delta).text
        front = Generate(request_id=session.new_id(), parts=[Part("One two three")], max_tokens=4)
        session.engine.post(front)
        ended: list[Finished] = []
        while len(ended) < 2:
            event = session.engine.next_event()
            assert not isinstance(event, Failed)
            if isinstance(event, Delta) and event.request_id == background.request_id:
                text += event.text
            elif isinstance(event, Finished):
                ended.append(event)
        assert [end.request_id for end in ended] == [front.request_id, background.request_id]
        assert ended[1].stats.completion_tokens == 16
        assert text == alone
    finally:
        session.engine.close()
