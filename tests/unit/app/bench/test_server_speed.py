"""The figures of a model elsewhere, and their end when they are not wanted any more."""

import threading
from concurrent.futures import Future

import pytest

from app.bench.server_speed import TooShortError, measure_server
from app.elsewhere.model_info import elsewhere_info
from app.elsewhere.server import ElsewhereModel, ElsewhereServer
from app.engine.answering import OnReplyEvent
from app.engine.handles import Generation
from app.engine.messages import Finished, Generate, GenerationStats
from app.errors import Cancelled

INFO = elsewhere_info(
    ElsewhereServer(id="s", name="", url="http://10.0.0.2", agreed=True), ElsewhereModel(id="m")
)


class Scripted:
    """Stands in for what answers, so that the times are known; real servers are in tests/perf."""

    def __init__(self, tokens: int = 128, *, ends: bool = True) -> None:
        self.requests: list[Generate] = []
        self.cancelled = threading.Event()
        self._tokens = tokens
        self._ends = ends

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        self.requests.append(request)
        future: Future[Finished] = Future()
        number = len(self.requests)
        tokens = min(self._tokens, request.max_tokens)
        stats = GenerationStats(
            prompt_tokens=450, completion_tokens=tokens, thinking_tokens=0, ttft_s=number, prompt_s=number,
            decode_s=1.0, thinking_s=0.0, prompt_tok_per_s=1.0, decode_tok_per_s=10.0 * number,
            context_tokens_used=1, seed=1,
        )  # fmt: skip
        if self._ends:
            future.set_result(Finished(request_id=0, reason="length", stats=stats))
        return Generation(future, self.cancelled.set, lambda: None)


def test_the_first_pair_does_not_count_and_no_two_prompts_begin_alike() -> None:
    answers, steps = Scripted(), []
    speed = measure_server(answers, INFO, lambda done, total: steps.append((done, total)), repeats=2)
    assert speed.ttft_s == [3, 5]
    assert speed.decode_tok_per_s == [40, 60]
    assert speed.decode_tokens == [127, 127]
    assert speed.prompt_tokens == 450
    assert steps[-1] == (6, 6)
    assert all(request.model == INFO.path for request in answers.requests)
    firsts = [request.parts[0].text[:2] for request in answers.requests[::2]]
    assert len(set(firsts)) == 3


def test_a_model_that_says_too_little_is_told() -> None:
    with pytest.raises(TooShortError, match="after 5 tokens"):
        measure_server(Scripted(tokens=5), INFO, lambda done, total: None)


def test_cancelling_ends_the_reply_that_runs() -> None:
    answers, cancel = Scripted(ends=False), threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        measure_server(answers, INFO, lambda done, total: None, cancel)
    assert answers.requests == []
    waiting = threading.Event()

    def run() -> None:
        with pytest.raises(Cancelled):
            measure_server(answers, INFO, lambda done, total: None, waiting)

    thread = threading.Thread(target=run)
    thread.start()
    waiting.set()
    thread.join(30)
    assert not thread.is_alive()
