"""Replies of llama-server through Stillroom, a chat's and the benchmark's, against its own figures of the
same replies."""

import asyncio
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.bench.results.history import BenchmarkHistory
from app.bench.run.remote_benchmark import ElsewhereBenchmark
from app.bench.run.suite import Step, Suite
from app.chat.prompting.prompt import ChatMessage
from app.engine.protocol import Finished, Generate, ModelInfo, Sampling
from app.machine.hardware import look_at_machine
from app.remote.model_directory import fetch_models
from app.remote.model_info import elsewhere_info
from app.remote.remote_replies import ElsewhereAnswers
from app.remote.remote_server import ElsewhereServer, clean_url
from tests.perf.build_llama_tools import llama_tool
from tests.perf.engine_speed import model_path
from tests.perf.llama_server import LlamaServer, llama_server
from tests.support.templates import template_of

ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "10"))
THREADS = os.cpu_count() or 1
CONTEXT_TOKENS = 2048
TOKENS = int(os.environ.get("STILLROOM_PERF_TOKENS", "128"))
SUITE = Suite(
    name="quick", steps=(Step(key=f"tg{TOKENS}", kind="generation", tokens=TOKENS),), repeats=ROUNDS
)
LARGEST_DIFFERENCE = 0.03


@dataclass(frozen=True)
class Counted:
    """Counted by llama-server since it began. A reply's first token belongs to its prompt."""

    tokens: float
    generating_s: float
    reading_s: float


def counted(server: LlamaServer) -> Counted:
    """Prometheus' text, https://prometheus.io/docs/instrumenting/exposition_formats/."""
    lines = server.http.get("/metrics").raise_for_status().text.splitlines()
    found = dict(line.removeprefix("llamacpp:").split() for line in lines if line.startswith("llamacpp:"))
    return Counted(
        float(found["tokens_predicted_total"]),
        float(found["tokens_predicted_seconds_total"]),
        float(found["prompt_seconds_total"]),
    )


@dataclass(frozen=True)
class Pair:
    """One reply's figures, here and there."""

    here_tok_per_s: float
    there_tok_per_s: float
    way_ms: float
    """The part of the time to the first token that is not the reading of the prompt."""


def chat_reply(answers: ElsewhereAnswers, info: ModelInfo, turn: int) -> Finished:
    text = f"{turn}: write a long story about a lighthouse keeper."
    prompt = template_of(info).render_blocking([ChatMessage("user", text)])
    request = Generate(
        request_id=0,
        parts=prompt.parts,
        sampling=Sampling(temperature=0.0, seed=1),
        max_tokens=TOKENS,
        model=info.path,
    )

    async def reply() -> Finished:
        return await asyncio.wrap_future(answers.ask(request).future)

    return asyncio.run(reply())


def pair_of(server: LlamaServer, ask: Callable[[], Finished]) -> Pair:
    before = counted(server)
    stats = ask().stats
    after = counted(server)
    steps = after.tokens - before.tokens - 1
    assert steps + 1 == stats.completion_tokens
    return Pair(
        stats.decode_tok_per_s,
        steps / (after.generating_s - before.generating_s),
        1000 * (stats.ttft_s - (after.reading_s - before.reading_s)),
    )


@pytest.mark.perf
@pytest.mark.timeout(1800)
def test_a_reply_of_llama_server_has_its_own_figures(tmp_path: Path) -> None:
    tool = llama_tool("llama-server")
    if tool is None:
        pytest.skip("no llama-server: run `python -m tests.perf.build_llama_tools llama-server`")
    with llama_server(
        tool,
        model_path(),
        threads=THREADS,
        slots=1,
        context_tokens=CONTEXT_TOKENS,
        more=("--metrics",),
    ) as running:
        url = clean_url(str(running.http.base_url))
        server = ElsewhereServer(id="s1", name="llama-server", url=url, agreed=True)
        (model,) = fetch_models(server, "")
        assert model.context_tokens == CONTEXT_TOKENS
        info = elsewhere_info(server, model)
        answers = ElsewhereAnswers(lambda: [server], lambda which: "")
        history = BenchmarkHistory(tmp_path / "benchmarks.sqlite")
        try:
            pairs = [
                pair_of(running, lambda turn=turn: chat_reply(answers, info, turn))  # type: ignore[misc]
                for turn in range(ROUNDS + 1)
            ][1:]
            before = counted(running)
            report = ElsewhereBenchmark(answers, history, lambda: look_at_machine(tmp_path, ())).run(
                info, SUITE, lambda progress: None
            )
            after = counted(running)
        finally:
            answers.close()
            history.close()
    chat = statistics.median(pair.here_tok_per_s / pair.there_tok_per_s for pair in pairs)
    measure = report.generation
    assert measure is not None
    replies = len(measure.samples) + measure.warmups
    there = (after.tokens - before.tokens - replies) / (after.generating_s - before.generating_s)
    # The mean of equally long replies, by time: the harmonic one.
    bench = statistics.harmonic_mean(measure.values) / there
    speed = statistics.median(pair.here_tok_per_s for pair in pairs)
    way_ms = statistics.median(pair.way_ms for pair in pairs)
    print(
        f"\n{Path(model_path()).name}, {THREADS} thread(s), {ROUNDS} replies of {TOKENS} tokens, decoding "
        f"measured here by llama-server's own figure of the same replies\n"
        f"  a chat's replies {chat:.4f} (medians; {speed:.1f} tok/s)   "
        f"the benchmark {bench:.4f} ({measure.mean:.1f} tok/s)\n"
        f"  time to the first token beyond reading the prompt, median {way_ms:.1f} ms"
    )
    assert abs(chat - 1) <= LARGEST_DIFFERENCE
    assert abs(bench - 1) <= LARGEST_DIFFERENCE
