"""The benchmark of a model elsewhere: what is measured from outside, what is said not to be, and its end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.base.errors import Cancelled, EngineError
from app.bench.report.html_report import report_to_html
from app.bench.report.markdown import report_to_markdown
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import OVER_HTTP, Report, report_from_json, report_to_json
from app.bench.run.remote_benchmark import (
    ELSEWHERE,
    NOT_ONE_A_PIECE,
    UNSEEN,
    ElsewhereBenchmark,
    elsewhere_suite,
)
from app.bench.run.remote_turn import NO_DIFFERENCE, NOT_COUNTED, TOO_SHORT
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.suite import SUITES, Suite, first_token_prompt
from app.engine.protocol import Finished, Generate, GenerationStats
from app.engine.protocol.pending_results import Generation, fail
from app.engine.protocol.reply_source import OnReplyEvent
from app.machine.hardware import Machine, look_at_machine
from app.remote.model_info import elsewhere_info
from app.remote.remote_server import ElsewhereModel, ElsewhereServer

INFO = elsewhere_info(
    ElsewhereServer(id="s", name="", url="http://10.0.0.2:8000", agreed=True), ElsewhereModel(id="m")
)
CHARACTERS_A_TOKEN = 4


class Scripted:
    """Stands in for a server elsewhere, so that the times are known; real ones are in the other tests.

    It reads 1,000 tokens a second after 0.1 s on the way, and writes one every 0.01 s.
    """

    def __init__(
        self, *, most_tokens: int = 10_000, counts: bool = True, pieces: int = 1, reads: bool = True
    ) -> None:
        self.requests: list[Generate] = []
        self.ends = True
        self.refuses: Callable[[int], bool] = lambda number: False
        self.cancelled = threading.Event()
        self._most_tokens = most_tokens
        self._counts = counts
        self._pieces = pieces
        self._reads = reads

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        self.requests.append(request)
        future: Future[Finished] = Future()
        tokens = min(self._most_tokens, request.max_tokens)
        prompt = len(request.parts[0].text) // CHARACTERS_A_TOKEN
        stats = GenerationStats(
            prompt_tokens=prompt if self._counts else 0, completion_tokens=tokens, thinking_tokens=0,
            ttft_s=0.1 + prompt / 1000 * self._reads, prompt_s=0.1, decode_s=0.01 * (tokens - 1),
            thinking_s=0.0, prompt_tok_per_s=1.0, decode_tok_per_s=100.0, context_tokens_used=1, seed=1,
            token_s=[0.01] * ((tokens - 1) // self._pieces),
        )  # fmt: skip
        if self.refuses(len(self.requests)):
            fail(future, EngineError("10.0.0.2 has too much to do (429): busy"))
        elif self.ends:
            future.set_result(Finished(request_id=0, reason="length", stats=stats))
        return Generation(future, self.cancelled.set, lambda: None)


def look() -> Machine:
    return look_at_machine(Path(), ())


@pytest.fixture
def history(tmp_path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite")
    yield history
    history.close()


def measured(
    answers: Scripted,
    history: BenchmarkHistory,
    suite: Suite = SUITES["speed"],
    on_progress: Callable[[BenchmarkProgress], None] = lambda progress: None,
    cancel: threading.Event | None = None,
) -> Report:
    return ElsewhereBenchmark(answers, history, look).run(INFO, suite, on_progress, cancel)


def reasons(report: Report) -> dict[str, str]:
    return {item.key: item.reason for item in report.not_measured}


def test_what_can_be_seen_from_outside_is_measured(history: BenchmarkHistory) -> None:
    report = measured(Scripted(), history)
    keys = [measure.key for measure in report.measures]
    assert keys == [
        "pp512", "tg128", "latency_p50", "latency_p95", "latency_p99", "first_token",
        "tg64x1", "tg64x2", "tg64x4", "tg64x8",
    ]  # fmt: skip
    for key, value in (("pp512", 1000), ("tg128", 100), ("latency_p99", 0.01)):
        measure = report.measure(key)
        assert measure is not None
        assert measure.mean == pytest.approx(value)
        assert len(measure.samples) == 3
    prompt, first = report.prompt, report.measure("first_token")
    assert prompt is not None
    assert prompt.prompt_tokens == pytest.approx(512, rel=0.05)
    assert first is not None
    assert first.mean == pytest.approx(0.1 + (18 + len(first_token_prompt())) // 4 / 1000)


def test_what_is_measured_is_told_after_each_result(history: BenchmarkHistory) -> None:
    told: list[int] = []

    def on_progress(progress: BenchmarkProgress) -> None:
        if progress.so_far is not None:
            told.append(sum(len(measure.samples) for measure in progress.so_far.measures))

    report = measured(Scripted(), history, on_progress=on_progress)
    assert told == sorted(set(told))
    assert told[-1] == sum(len(measure.samples) for measure in report.measures)


def test_a_run_is_kept_marked_and_says_what_it_lacks(history: BenchmarkHistory) -> None:
    report = measured(Scripted(), history)
    assert report.source == OVER_HTTP == "over HTTP, not on this machine"
    assert history.reports() == [report]
    assert report_from_json(report_to_json(report)) == report
    assert all(reasons(report)[key] == ELSEWHERE for key in ("load", *UNSEEN))
    for text in (report_to_markdown(report), report_to_html(report)):
        assert "over HTTP, not on this machine" in text
        assert "10.0.0.2:8000" in text
        assert "It runs elsewhere." in text
        assert "Over HTTP: a story" in text
        assert "llama-bench" not in text
    assert "# Benchmark of m\n" in report_to_markdown(report)


def test_no_two_prompts_begin_alike_in_two_runs(history: BenchmarkHistory) -> None:
    answers = Scripted()
    for _ in range(2):
        measured(answers, history)
    starts = [request.parts[0].text[:16] for request in answers.requests]
    assert len(set(starts)) == len(starts)
    assert {request.model for request in answers.requests} == {INFO.path}


@pytest.mark.parametrize(
    ("server", "key", "reason"),
    [
        (Scripted(most_tokens=5), "tg128", TOO_SHORT),
        (Scripted(counts=False), "pp512", NOT_COUNTED),
        (Scripted(reads=False), "pp512", NO_DIFFERENCE),
        (Scripted(pieces=4), "latency_p50", NOT_ONE_A_PIECE),
    ],
)
def test_what_this_server_does_not_tell_is_said_and_the_rest_is_measured(
    server: Scripted, key: str, reason: str, history: BenchmarkHistory
) -> None:
    report = measured(server, history)
    assert reasons(report)[key] == reason
    assert report.measure(key) is None
    assert report.measure("first_token") is not None


def test_a_server_that_refuses_so_many_at_once_costs_only_these_steps(history: BenchmarkHistory) -> None:
    answers = Scripted()
    asked = [turn for turn in elsewhere_suite(SUITES["speed"]).steps if turn.kind != "streams"]
    assert len(asked) == 3
    # From the warm-up of eight at once on.
    alone = len(answers.requests)
    measured(answers, history)
    first_of_eight = next(
        number
        for number, request in enumerate(answers.requests, start=1)
        if number > alone and request.max_tokens == 64
    )
    busy = Scripted()
    busy.refuses = lambda number: number == first_of_eight + 3
    report = measured(busy, history)
    assert "too much to do" in next(str(item) for item in report.not_measured if item.key == "tg64x8")
    assert report.measure("tg64x4") is not None
    assert report.generation is not None


def test_a_server_that_fails_ends_the_run(history: BenchmarkHistory) -> None:
    broken = Scripted()
    broken.refuses = lambda number: number == 3
    with pytest.raises(EngineError, match="too much to do"):
        measured(broken, history)
    assert history.reports() == []


def test_cancelling_ends_the_reply_that_runs(history: BenchmarkHistory) -> None:
    answers, cancel = Scripted(), threading.Event()
    answers.ends = False

    def on_progress(progress: BenchmarkProgress) -> None:
        cancel.set()

    with pytest.raises(Cancelled):
        measured(answers, history, on_progress=on_progress, cancel=cancel)
    assert answers.cancelled.is_set()
    assert history.reports() == []


def test_quick_is_quick_elsewhere_too(history: BenchmarkHistory) -> None:
    report = measured(Scripted(), history, SUITES["quick"])
    assert {"pp512", "tg32"} <= {measure.key for measure in report.measures}
    assert reasons(report) == {}
