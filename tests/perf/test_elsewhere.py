"""A reply of llama-server through Stillroom against llama-server's own figures, in turn, in one run."""

import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from app.bench.server_speed import DECODE_TOKENS, QUESTION, measure_server
from app.elsewhere.answering import ElsewhereAnswers
from app.elsewhere.directory import fetch_models
from app.elsewhere.model_info import elsewhere_info
from app.elsewhere.server import ElsewhereServer, clean_url
from app.engine.messages import Generate, Part, Sampling
from tests.perf.llama_server import LlamaServer, llama_server
from tests.perf.test_engine_speed import model_path
from tests.perf.test_many_streams import needed

ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "5"))
THREADS = os.cpu_count() or 1
CONTEXT_TOKENS = 2048


def own_figures(server: LlamaServer, text: str) -> dict[str, Any]:
    """What llama-server says itself of such a reply."""
    body = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": DECODE_TOKENS,
        "temperature": 0.0,
        "seed": 1,
    }
    answer = server.http.post("/v1/chat/completions", json=body).raise_for_status()
    timings: dict[str, Any] = answer.json()["timings"]
    return timings


@pytest.mark.perf
@pytest.mark.timeout(1800)
def test_a_reply_of_llama_server_has_its_own_clients_figures() -> None:
    with llama_server(
        needed("llama-server"), model_path(), threads=THREADS, slots=1, context_tokens=CONTEXT_TOKENS
    ) as running:
        url = clean_url(str(running.http.base_url))
        server = ElsewhereServer(id="s1", name="llama-server", url=url, agreed=True)
        (model,) = fetch_models(server, "")
        assert model.context_tokens == CONTEXT_TOKENS
        info = elsewhere_info(server, model)
        answers = ElsewhereAnswers(lambda: [server], lambda which: "")
        ours, theirs = [], []
        try:
            for turn in range(ROUNDS + 1):
                request = Generate(
                    request_id=0,
                    parts=[Part(f"{QUESTION} (here {turn})")],
                    sampling=Sampling(temperature=0.0, seed=1),
                    max_tokens=DECODE_TOKENS,
                    model=info.path,
                )
                end = answers.ask(request).future.result(600)
                own = own_figures(running, f"{QUESTION} (there {turn})")
                assert min(end.stats.completion_tokens, own["predicted_n"]) >= DECODE_TOKENS // 2
                if turn:
                    ours.append(end.stats.decode_tok_per_s)
                    theirs.append(own["predicted_per_second"])
            speed = measure_server(answers, info, lambda done, total: None, repeats=1)
        finally:
            answers.close()
    here, there = statistics.median(ours), statistics.median(theirs)
    print(
        f"\n{Path(model_path()).name}, {THREADS} thread(s), {ROUNDS} rounds in turn, medians, decoding\n"
        f"  llama-server's own figure {there:.1f} tok/s   measured here {here:.1f} tok/s ({here / there:.3f})"
    )
    assert len(speed.ttft_s) == len(speed.decode_tok_per_s) == 1
