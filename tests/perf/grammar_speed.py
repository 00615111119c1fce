"""The cost of a grammar with R1's vocabulary: all that may come next, by us and by llama.cpp's matcher."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from app.engine.devices.native_log import NativeLog
from app.engine.grammar.grammar_matcher import Grammar
from app.engine.grammar.grammar_rules import rules_of
from app.engine.grammar.json_schema import schema_grammar
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.model import Model
from tests.perf.padded_model import R1_VOCABULARY, write_padded
from tests.support.engines import starter_path

ROUNDS = 15
EVERYTHING = 1e9
"""Tokens that lie by so much below the best one count too: the whole vocabulary is tested."""

SCHEMA = """{"type": "object", "required": ["name", "age", "kind", "notes"],
"additionalProperties": false, "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
"kind": {"enum": ["cat", "dog", "bird"]},
"notes": {"type": "array", "items": {"type": "string", "maxLength": 40}}}}"""
REPLY = '{"name": "Émile 数", "age": 41, "kind": "dog", "notes": ["barks at night", "is \\"old\\""]}'


def median_ms(work: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


def the_whole_vocabulary_at_each_token_of_a_reply(model: Model) -> None:
    assert model.vocabulary == R1_VOCABULARY
    rules = rules_of("", SCHEMA)
    ours = Grammar(rules, model.token_bytes())
    native: Any = llama_cpp.llama_sampler_init_grammar(model.vocab, schema_grammar(SCHEMA).encode(), b"root")
    assert native
    candidates = Candidates(model.vocabulary)
    ids = np.arange(model.vocabulary, dtype=np.int32)
    flat = np.zeros(model.vocabulary, np.float32)

    def apply_native() -> npt.NDArray[np.float32]:
        candidates.fill(ids, flat)
        candidates.apply(native)
        return candidates.logits()

    fill_ms = median_ms(lambda: candidates.fill(ids, flat))
    first: list[float] = []
    whole: list[float] = []
    theirs: list[float] = []
    one: list[float] = []
    for token in model.tokenize(REPLY.encode(), special=False):
        began = time.perf_counter()
        ours.allowed(flat, EVERYTHING)
        first.append((time.perf_counter() - began) * 1e3)
        whole.append(median_ms(lambda: ours.allowed(flat, EVERYTHING)))
        theirs.append(median_ms(apply_native) - fill_ms)
        one.append(median_ms(lambda token=token: ours.allows(token)))
        ours.accept(token)
        llama_cpp.llama_sampler_accept(native, token)
    for name, figures in (
        ("one token", one),
        ("all, again", whole),
        ("all, at first", first),
        ("llama.cpp", theirs),
    ):
        middle, most = statistics.median(figures), max(figures)
        print(f"\n{name}: median {middle:.3f} ms, most {most:.2f}, sum {sum(figures):.1f}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "padded.gguf"
        write_padded(Path(starter_path()), path)
        model = Model(Backend(NativeLog()), path, gpu_layers=0, mmap=True, on_progress=lambda _: True)
        the_whole_vocabulary_at_each_token_of_a_reply(model)
        model.free()


if __name__ == "__main__":
    main()
