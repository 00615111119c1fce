"""Rates from events with given times."""

import msgspec
import pytest

from app.engine.protocol import (
    Delta,
    Failed,
    Finished,
    Generate,
    GenerationStats,
    Loaded,
    ModelInfo,
    PromptProgress,
    Ready,
    Unloaded,
)
from app.telemetry.rates import MOST_CHATS, RateMeter, Rates

INFO = ModelInfo(
    path="/models/m.gguf",
    name="m",
    architecture="llama",
    quantisation="Q4_1",
    parameters=1,
    size_bytes=1,
    layers=1,
    gpu_layers=0,
    context_tokens=4096,
    context_limit=8192,
    vocabulary=10,
    threads=2,
    batch_tokens=512,
    kv_type="f16",
    backend="CPU",
    chat_template="",
    bos_text="",
    eos_text="",
    adds_bos=False,
    load_s=0.1,
    buffers={},
)
STATS = GenerationStats(
    prompt_tokens=100,
    completion_tokens=50,
    thinking_tokens=0,
    ttft_s=0.25,
    prompt_s=0.2,
    decode_s=1.0,
    thinking_s=0.0,
    prompt_tok_per_s=500.0,
    decode_tok_per_s=49.0,
    context_tokens_used=149,
    seed=1,
)


def delta(request_id: int = 1, tokens: int = 1) -> Delta:
    return Delta(request_id=request_id, channel="answer", text="x", tokens=tokens)


def asked(request_id: int, chat_key: str = "", model: str = "", *, unasked: bool = False) -> Generate:
    return Generate(request_id=request_id, chat_key=chat_key, model=model, unasked=unasked)


def generate(
    meter: RateMeter, start_s: float, tok_per_s: float, seconds: float, request_id: int = 1
) -> float:
    """One token a delta at an even rate; gives the time of the last."""
    now_s = start_s
    for number in range(int(seconds * tok_per_s)):
        now_s = start_s + number / tok_per_s
        meter.on_event(delta(request_id), now_s)
    return now_s


def test_nothing_is_claimed_before_the_first_event() -> None:
    assert RateMeter().rates(0.0) == Rates()


@pytest.mark.parametrize("tok_per_s", [0.5, 4.0, 58.4, 300.0])
def test_an_even_reply_shows_its_rate(tok_per_s: float) -> None:
    meter = RateMeter()
    last_s = generate(meter, 10.0, tok_per_s, max(5.0, 10 / tok_per_s))
    rates = meter.rates(last_s)
    assert rates.phase == "generation"
    assert rates.generation_tok_per_s == pytest.approx(tok_per_s, rel=0.01)


def test_the_rate_is_the_present_one() -> None:
    meter = RateMeter()
    last_s = generate(meter, 0.0, 100.0, 5.0)
    last_s = generate(meter, last_s + 0.01, 20.0, 4.0)
    assert meter.rates(last_s).generation_tok_per_s == pytest.approx(20.0, rel=0.05)


def test_a_stall_lets_the_rate_fall() -> None:
    meter = RateMeter()
    last_s = generate(meter, 0.0, 100.0, 3.0)
    assert meter.rates(last_s + 8.0).generation_tok_per_s < 10.0


@pytest.mark.parametrize("spoken_s", [0.0, 0.5, 5.0])
def test_a_burst_after_the_window_was_busy_is_no_speed(spoken_s: float) -> None:
    """The engine makes 50 tokens a second; all of three seconds come within a millisecond."""
    meter = RateMeter()
    last_s = generate(meter, 10.0, 50.0, spoken_s) if spoken_s else 10.0
    meter.on_event(delta(), last_s)
    for number in range(150):
        now_s = last_s + 3.0 + number * 1e-5
        meter.on_event(delta(), now_s)
        assert meter.rates(now_s).generation_tok_per_s < 60.0
    assert meter.rates(now_s).generation_tok_per_s == pytest.approx(50.0, rel=0.1)


def test_the_first_tokens_in_one_burst_are_no_speed() -> None:
    meter = RateMeter()
    meter.on_event(progress(50), 10.0)
    meter.on_event(progress(100), 10.001)
    for number in range(4):
        meter.on_event(delta(), 10.002 + number * 1e-4)
    rates = meter.rates(10.01)
    assert (rates.generation_tok_per_s, rates.prompt_tok_per_s) == (0.0, None)
    assert rates.phase == "generation"


def test_two_replies_add_up() -> None:
    meter = RateMeter()
    for number in range(200):
        meter.on_event(delta(1 + number % 2), number / 100)
    assert meter.rates(1.99).generation_tok_per_s == pytest.approx(100.0, rel=0.01)


def progress(done_tokens: int) -> PromptProgress:
    return PromptProgress(request_id=1, done_tokens=done_tokens, total_tokens=4096)


def test_prompt_progress_gives_the_rate_of_what_is_evaluated_now() -> None:
    meter = RateMeter()
    meter.on_event(progress(3072), 10.0)
    rates = meter.rates(10.0)
    assert (rates.phase, rates.prompt_tok_per_s, rates.context_tokens) == ("prompt", None, 3072)
    meter.on_event(progress(3584), 10.5)
    assert meter.rates(10.5).prompt_tok_per_s == pytest.approx(1024.0)


def test_no_time_to_first_token_is_claimed_for_a_reply_that_was_not_seen_to_begin() -> None:
    meter = RateMeter()
    meter.on_event(progress(100), 10.2)
    meter.on_event(delta(), 10.2004)
    rates = meter.rates(10.3)
    assert (rates.ttft_s, rates.prompt_tok_per_s) == (None, None)
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 11.0)
    assert meter.rates(11.0).ttft_s == STATS.ttft_s


def test_the_figures_of_the_reply_before_are_not_those_of_the_new_one() -> None:
    meter = RateMeter()
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 1.0)
    meter.on_asked(asked(2), 2.0)
    rates = meter.rates(2.0)
    assert (rates.ttft_s, rates.prompt_tok_per_s) == (None, None)
    assert rates.last_generation_tok_per_s == STATS.decode_tok_per_s


def test_the_first_token_ends_the_wait() -> None:
    meter = RateMeter()
    meter.on_asked(asked(1), 10.0)
    meter.on_event(PromptProgress(request_id=1, done_tokens=100, total_tokens=100), 10.2)
    meter.on_event(delta(), 10.3)
    rates = meter.rates(10.3)
    assert rates.ttft_s == pytest.approx(0.3)
    assert rates.context_tokens == 101


def test_the_figures_of_the_first_token_stay_the_same_at_the_end_of_the_reply() -> None:
    meter = RateMeter()
    meter.on_asked(asked(1), 10.0)
    meter.on_event(PromptProgress(request_id=1, done_tokens=100, total_tokens=100), 10.2)
    first = msgspec.structs.replace(delta(), ttft_s=STATS.ttft_s, prompt_tok_per_s=STATS.prompt_tok_per_s)
    meter.on_event(first, 10.3)
    seen = meter.rates(10.3)
    assert (seen.ttft_s, seen.prompt_tok_per_s) == (STATS.ttft_s, STATS.prompt_tok_per_s)
    meter.on_event(delta(), 10.4)
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 11.0)
    after = meter.rates(11.0)
    assert (after.ttft_s, after.prompt_tok_per_s) == (seen.ttft_s, seen.prompt_tok_per_s)


def test_the_engines_own_figures_stay_after_the_reply() -> None:
    meter = RateMeter()
    meter.on_event(Loaded(request_id=9, info=INFO), 0.0)
    last_s = generate(meter, 1.0, 50.0, 1.0)
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), last_s)
    rates = meter.rates(last_s + 60)
    assert rates == Rates(
        phase="idle",
        generation_tok_per_s=0.0,
        last_generation_tok_per_s=49.0,
        prompt_tok_per_s=500.0,
        ttft_s=0.25,
        context_tokens=149,
        context_limit=4096,
    )


def test_a_failed_reply_ends_it() -> None:
    meter = RateMeter()
    generate(meter, 0.0, 10.0, 2.0)
    meter.on_event(Failed(request_id=1, message="gone"), 2.0)
    assert meter.rates(2.0).phase == "idle"
    assert meter.rates(2.0).generation_tok_per_s == 0.0


def test_another_model_starts_from_nothing() -> None:
    meter = RateMeter()
    generate(meter, 0.0, 10.0, 2.0)
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 2.0)
    meter.on_event(Unloaded(request_id=2), 3.0)
    assert meter.rates(3.0) == Rates()


def test_a_crash_ends_every_reply() -> None:
    meter = RateMeter()
    generate(meter, 0.0, 10.0, 2.0)
    meter.on_event(Ready(llama_cpp_version="", system_info="", devices=[], pid=1), 3.0)
    assert meter.rates(3.0) == Rates()
    generate(meter, 4.0, 10.0, 2.0)
    meter.forget()
    assert meter.rates(6.0) == Rates()


def loaded(path: str, context_tokens: int) -> Loaded:
    info = msgspec.structs.replace(INFO, path=path, context_tokens=context_tokens)
    return Loaded(request_id=9, info=info)


def test_each_chat_has_its_own_context_and_rate_beside_the_sum() -> None:
    meter = RateMeter()
    meter.on_event(loaded("/models/a.gguf", 4096), 0.0)
    for request_id in (1, 2):
        meter.on_asked(asked(request_id, f"chat-{request_id}", "/models/a.gguf"), 0.0)
        meter.on_event(
            PromptProgress(request_id=request_id, done_tokens=50 * request_id, total_tokens=50 * request_id),
            0.0,
        )
    for number in range(300):
        meter.on_event(delta(2 if number % 3 == 2 else 1), number / 100)
    rates = meter.rates(2.99)
    assert rates.replies == 2
    assert rates.generation_tok_per_s == pytest.approx(100.0, rel=0.02)
    one, two = rates.chats["chat-1"], rates.chats["chat-2"]
    assert (one.context_tokens, two.context_tokens) == (50 + 200, 100 + 100)
    assert one.tok_per_s == pytest.approx(66.7, rel=0.03)
    assert two.tok_per_s == pytest.approx(33.3, rel=0.03)


def test_the_limit_is_that_of_the_model_that_answers() -> None:
    meter = RateMeter()
    meter.on_event(loaded("/models/large.gguf", 8192), 0.0)
    meter.on_event(loaded("/models/small.gguf", 2048), 0.0)
    meter.on_asked(asked(1, "chat-1", "/models/large.gguf"), 0.0)
    meter.on_event(PromptProgress(request_id=1, done_tokens=2415, total_tokens=2415), 1.0)
    rates = meter.rates(1.0)
    assert (rates.context_tokens, rates.context_limit) == (2415, 8192)
    assert rates.chats["chat-1"].context_limit == 8192


def test_another_model_that_comes_or_goes_ends_no_reply() -> None:
    meter = RateMeter()
    meter.on_event(loaded("/models/a.gguf", 4096), 0.0)
    meter.on_asked(asked(1, "chat-1", "/models/a.gguf"), 0.0)
    meter.on_event(delta(), 1.0)
    meter.on_event(loaded("/models/b.gguf", 2048), 1.1)
    assert meter.rates(1.1).replies == 1
    meter.on_event(Unloaded(request_id=0, path="/models/b.gguf"), 1.2)
    assert meter.rates(1.2).replies == 1
    meter.on_event(Unloaded(request_id=0, path="/models/a.gguf"), 1.3)
    assert meter.rates(1.3) == Rates()


def test_only_the_chats_that_were_answered_last_are_remembered() -> None:
    meter = RateMeter()
    meter.on_event(loaded("/models/a.gguf", 4096), 0.0)
    for number in range(MOST_CHATS + 5):
        meter.on_asked(asked(number, f"chat-{number}", "/models/a.gguf"), 0.0)
        meter.on_event(Finished(request_id=number, reason="stop", stats=STATS), 1.0)
    chats = meter.rates(1.0).chats
    assert len(chats) == MOST_CHATS
    assert "chat-4" not in chats
    assert chats["chat-5"].context_tokens == STATS.context_tokens_used


def test_a_reply_that_nobody_asked_for_is_work_and_never_the_last_reply() -> None:
    meter = RateMeter()
    meter.on_event(Loaded(request_id=9, info=INFO), 0.0)
    meter.on_asked(asked(1), 0.0)
    meter.on_event(PromptProgress(request_id=1, done_tokens=100, total_tokens=100), 0.2)
    meter.on_event(delta(1), 0.25)
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 1.0)
    last = meter.rates(2.0)
    assert last.last_generation_tok_per_s == 49.0

    meter.on_asked(asked(2, unasked=True), 3.0)
    assert meter.rates(3.0) == last
    meter.on_event(PromptProgress(request_id=2, done_tokens=7, total_tokens=7), 3.1)
    end_s = generate(meter, 3.2, 20.0, 2.0, request_id=2)
    running = meter.rates(end_s)
    assert running.generation_tok_per_s == pytest.approx(20.0)
    assert (running.phase, running.replies, running.unasked) == ("generation", 0, 1)
    slower = msgspec.structs.replace(STATS, decode_tok_per_s=20.0)
    meter.on_event(Finished(request_id=2, reason="stop", stats=slower), end_s)
    assert meter.rates(end_s) == last


def test_a_check_of_its_own_before_any_reply_leaves_no_figures() -> None:
    meter = RateMeter()
    meter.on_event(Loaded(request_id=9, info=INFO), 0.0)
    before = meter.rates(0.0)
    meter.on_asked(asked(1, unasked=True), 0.0)
    meter.on_event(delta(1), 0.1)
    assert meter.rates(0.1).is_without_figures
    meter.on_event(Finished(request_id=1, reason="stop", stats=STATS), 0.2)
    assert meter.rates(0.2) == before
