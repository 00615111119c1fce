"""Vectors of texts against llama.cpp's own server, same file. Prints how near they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from app.engine.protocol import LoadSettings, Part
from tests.perf.build_llama_tools import llama_tool
from tests.perf.llama_server import llama_server
from tests.support.api import loaded_engine
from tests.support.engines import ANSWER_TIMEOUT_S
from tests.support.starter_variants import write_embedding_model

THREADS = os.cpu_count() or 1
CONTEXT_TOKENS = 512
TEXTS = (
    "The cat sleeps.",
    "Taxes are due in April.",
    "def add(a, b):\n    return a + b",
    "水",
    "word " * 200,
)


@pytest.mark.perf
@pytest.mark.timeout(600)
def test_vectors_are_llama_servers(tmp_path: Path) -> None:
    tool = llama_tool("llama-server")
    if tool is None:
        pytest.skip("no llama-server: run `python -m tests.perf.build_llama_tools llama-server`")
    file = str(write_embedding_model(tmp_path / "embedding.gguf"))
    settings = LoadSettings(context_tokens=CONTEXT_TOKENS, threads=THREADS, sequences=1)
    with loaded_engine(settings, file) as client:
        answers = [client.embed([Part(text)]).result(ANSWER_TIMEOUT_S) for text in TEXTS]
    with llama_server(
        tool,
        file,
        threads=THREADS,
        slots=1,
        context_tokens=CONTEXT_TOKENS,
        more=("--embedding", "--pooling", "mean"),
    ) as server:
        theirs = server.http.post("/v1/embeddings", json={"input": list(TEXTS)}).json()["data"]
    differences = [
        float(np.abs(np.frombuffer(ours.vector, "<f4") - np.array(one["embedding"])).max())
        for ours, one in zip(answers, theirs, strict=True)
    ]
    print(f"\n{len(TEXTS)} texts: largest difference of a component {max(differences):.1e}")
    assert max(differences) < 1e-4
