"""At a given memory: larger weights with a q8_0 cache, or smaller ones with an f16 cache?

    python -m tests.perf.cache_or_weights CHECKPOINT [--window 512] [--chunks 4] [--text reasoning]

Every type of weights is read with every type of cache, side by side with the full-precision file and its f16
cache, over text that nothing was calibrated with: the mean Kullback-Leibler divergence in nats a token, over
the second half of each window. Then each pair's memory, weights and cache together, in contexts of several
lengths, for this model and for a model of the catalogue whose cache weighs as R1's do; the pairs that nothing
smaller beats are marked.
"""

import argparse
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.base.children import child_command
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from converters.quality.divergence import Comparer, Scores, summarise
from converters.quality.evaluation import Evaluation, Machine, Window
from converters.quality.measuring_client import held_out_text, reasoning_held_out_text
from models.catalogue.catalogue import catalogue
from models.memory.kv_cache import kv_cache_bytes
from models.quantisation.model_shape import ModelShape
from models.system.cores import physical_cores

WEIGHTS = ("Q3_K_M", "IQ4_XS", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
CACHES = ("f16", "q8_0", "q4_0")
CONTEXTS = (4096, 16384, 65536)
TEXTS = {"prose": held_out_text, "reasoning": reasoning_held_out_text}
REFERENCE = "BF16"


@dataclass(frozen=True, slots=True)
class Pair:
    """A type of weights with a type of cache, and what they lose: nats a token, one standard error."""

    weights: str
    cache: str
    divergence: float
    error: float


def main() -> None:
    """Build the types, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--window", type=int, default=512, help="tokens read together")
    parser.add_argument("--chunks", type=int, default=4, help="windows of text; 0 takes all")
    parser.add_argument("--text", choices=TEXTS, default="reasoning")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        request = BuildRequest(arguments.checkpoint, (REFERENCE, *WEIGHTS), Path(work), "model")
        files = {file.type: file.path for file in build(request, child_command("build")).outputs}
        text = TEXTS[arguments.text]().read_bytes()
        pairs = measure(files, text, arguments.window, arguments.chunks)
    for model in catalogue():
        if model.thinks:
            print(f"\n{model.name}: its sizes, the divergence measured above")
            show(pairs, model.shape, {kind: model.sizes_bytes[kind] for kind in WEIGHTS})


def measure(files: dict[str, Path], text: bytes, window_tokens: int, most_chunks: int) -> list[Pair]:
    """Read the text with every pair, and print what each loses."""
    log = NativeLog()
    Backend(log)
    machine = Machine(physical_cores(), lambda: 0, log.reason)
    first = window_tokens // 2
    comparer = Comparer(machine.threads)
    with ExitStack() as stack:

        def opened(kind: str, cache: str) -> Evaluation:
            window = Window(first_output=first, tokens=window_tokens, kv_type=cache.upper())
            return stack.enter_context(Evaluation(files[kind], machine, window))

        base = opened(REFERENCE, "f16")
        names = [(kind, cache) for kind in (REFERENCE, *WEIGHTS) for cache in CACHES]
        measured = {name: (opened(*name), Scores()) for name in names}
        chunks = base.chunks(text)[: most_chunks or None]
        for chunk in chunks:
            (logits,) = base.run([chunk])
            kept = comparer.compress(logits[:-1])
            for evaluation, scores in measured.values():
                (logits,) = evaluation.run([chunk])
                comparer.compare(logits[:-1], kept, chunk[first + 1 :], scores)
    pairs = []
    print(f"{len(chunks)} windows of {window_tokens} tokens, {len(chunks) * (first - 1):,} scored")
    print("| weights | cache | divergence, nats | same next token | perplexity |\n|---|---|---|---|---|")
    for (kind, cache), (_, scores) in measured.items():
        found = summarise(scores)
        pairs.append(Pair(kind, cache, found.kld_mean, found.kld_mean_error))
        print(
            f"| {kind} | {cache} | {found.kld_mean:.5f} ± {1.96 * found.kld_mean_error:.5f} "
            f"| {100 * found.same_top:.2f}% | {found.perplexity:.3f} |"
        )
    return pairs


def show(pairs: list[Pair], shape: ModelShape, sizes_bytes: dict[str, int]) -> None:
    """Print the pairs that no other of the same memory or less beats, context by context."""
    print("| context | undominated pairs: weights, cache, GB, nats |\n|---|---|")
    for context in CONTEXTS:
        known = [
            (sizes_bytes[pair.weights] + kv_cache_bytes(shape, context, pair.cache), pair.divergence, pair)
            for pair in pairs
            if pair.weights in sizes_bytes
        ]
        best: list[str] = []
        least = float("inf")
        for size, divergence, pair in sorted(known, key=lambda each: each[:2]):
            if divergence < least:
                least = divergence
                best.append(f"{pair.weights} {pair.cache} {size / 1e9:.2f} {divergence:.4f}")
        print(f"| {context:,} | {'; '.join(best)} |")


if __name__ == "__main__":
    main()
