"""How fast a model elsewhere answers, measured from here."""

import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

from app.bench.suite import first_token_prompt
from app.engine.answering import Answers
from app.engine.handles import Generation
from app.engine.messages import Finished, Generate, ModelInfo, Part, Sampling
from app.errors import StillroomError
from models.progress import raise_if_cancelled

REPEATS = 5
DECODE_TOKENS = 128
QUESTION = "Write a long story about a lighthouse keeper."
"""Any model says `DECODE_TOKENS` tokens about it."""

WAKE_S = 0.1
GREEDY = Sampling(temperature=0.0, seed=1)


class TooShortError(StillroomError):
    """The model says too little to be timed."""


@dataclass(slots=True)
class ServerSpeed:
    """The samples of each figure. `decode_tok_per_s` leaves the first token out; `ttft_s` is of a prompt of
    `prompt_tokens`, with the way there and back. `decode_tokens` were timed each time."""

    prompt_tokens: int = 0
    decode_tokens: list[int] = field(default_factory=list)
    ttft_s: list[float] = field(default_factory=list)
    decode_tok_per_s: list[float] = field(default_factory=list)


def measure_server(
    answers: Answers,
    model: ModelInfo,
    on_progress: Callable[[int, int], None],
    cancel: threading.Event | None = None,
    repeats: int = REPEATS,
    decode_tokens: int = DECODE_TOKENS,
) -> ServerSpeed:
    """Ask and take the figures, `repeats` times in turn, after one of each that does not count.

    `on_progress` gets how many of how many replies are done, on this thread, which waits. Prompts differ in
    their first words, so that no cache of the server's spares it the rest. Raises `Cancelled`, `EngineError`
    when the server fails, and `TooShortError`.
    """
    speed = ServerSpeed()
    total = 2 * (repeats + 1)
    for turn in range(repeats + 1):
        first = _ask(answers, model, f"{turn}. {first_token_prompt()}", 1, cancel)
        on_progress(2 * turn + 1, total)
        whole = _ask(answers, model, f"{QUESTION} ({turn})", decode_tokens, cancel)
        on_progress(2 * turn + 2, total)
        if whole.stats.completion_tokens < decode_tokens // 4:
            raise TooShortError(
                "The model ended its reply after {tokens} tokens, too few to time them.",
                "Its speed is shown below each reply of a chat, too.",
                tokens=whole.stats.completion_tokens,
            )
        if turn:
            speed.prompt_tokens = first.stats.prompt_tokens
            speed.ttft_s.append(first.stats.ttft_s)
            speed.decode_tokens.append(whole.stats.completion_tokens - 1)
            speed.decode_tok_per_s.append(whole.stats.decode_tok_per_s)
    return speed


def _ask(
    answers: Answers, model: ModelInfo, text: str, max_tokens: int, cancel: threading.Event | None
) -> Finished:
    raise_if_cancelled(cancel)
    request = Generate(
        request_id=0, parts=[Part(text)], sampling=GREEDY, max_tokens=max_tokens, model=model.path
    )
    return _wait(answers.ask(request), cancel)


def _wait(generation: Generation, cancel: threading.Event | None) -> Finished:
    while True:
        try:
            return generation.future.result(WAKE_S)
        except FutureTimeoutError:
            if cancel is not None and cancel.is_set():
                generation.cancel()
                raise_if_cancelled(cancel)
