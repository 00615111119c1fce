"""Compare mixtures that are chosen by measurement with llama.cpp's own of the same bytes, on held-out text.

    python -m tests.perf.mixture_quality CHECKPOINT --out FOLDER [--text FILE] [--random 30] [--llama]

Builds everything into FOLDER, where it stays: the plain types with an importance matrix, for each the mixture
of at most its bytes, and random mixtures, by which the expected divergence is compared with the measured one.
Prints a table and the rank correlation; `--json` writes the figures for a plot. `--sizes 30` adds so many
mixtures, asked for by bits a weight from 3.0, or those of the smallest file that can be made, to 8.5, and
tells how near each is to what was asked, and whether a larger one loses more. `--llama` adds the figures of
llama.cpp's own llama-perplexity for the same files (`python -m tests.perf.build_llama_tools llama-perplexity`
builds it).
"""

import argparse
import json
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from app.base.children import child_command
from converters.build.build_client import build
from converters.mixture.costs_client import measure_tensor_costs
from converters.mixture.mixture_for_size import MixtureChooser, tensor_bytes
from converters.mixture.tensor_costs import TensorCosts
from converters.process.messages import BuildRequest, MatrixFile
from converters.quality.measuring_client import collect, held_out_text, measure
from models.quantisation.chosen_mixture import ChosenMixture, TensorChoice
from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.quantisation.size_range import LEAST_BITS, MOST_BITS
from models.system.progress import JobContext, Progress
from tests.perf.build_llama_tools import needed_tool
from tests.support.make_quality_reference import llama_base, llama_divergence

PLAIN = ("Q3_K_M", "IQ4_XS", "Q4_K_M", "Q5_K_M")
BUILD, MEASURE = child_command("build"), child_command("measure")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--random", type=int, default=30)
    parser.add_argument("--sizes", type=int, default=0)
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--llama", action="store_true")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    reference = _built(options.checkpoint, ["BF16"], out)[0]
    matrix = MatrixFile(out / "importance.imatrix", "own text")
    if not matrix.path.exists():
        collect(reference, matrix.path, MEASURE, _told())
    costs = measure_tensor_costs(
        reference, out / "tensors.costs", MEASURE, _told(), belongs_to="this", matrix=matrix.path
    )
    plain = _built(reference, PLAIN, out, matrix)
    chooser = MixtureChooser(costs)
    chosen = [chooser.choose(path.stat().st_size) for path in plain]
    drawn = random_mixtures(costs, options.random)
    stepped = [chooser.choose_bits(bits) for bits in even_bits(chooser.least_bits, options.sizes)]
    mixtures = [*chosen, *drawn, *stepped]
    files = [_mixed(reference, out, matrix, mixture, number) for number, mixture in enumerate(mixtures)]
    qualities = measure(
        reference, [*plain, *files], MEASURE, _told(), text=options.text, most_chunks=options.chunks
    )
    expected = {one.type: one.divergence for one in chooser.plain}
    print("| type | bytes | expected | divergence | same next token | perplexity |")
    print("|---|---|---|---|---|---|")
    for kind, quality in zip(PLAIN, qualities, strict=False):
        print(_row(kind, expected[kind], quality))
    ours = qualities[len(PLAIN) : len(PLAIN) + len(chosen)]
    for mixture, quality in zip(chosen, ours, strict=True):
        print(_row(mixture.label, mixture.divergence, quality))
    for kind, quality, mixed in zip(PLAIN, qualities, ours, strict=False):
        low, high = _ratio((mixed.kld_mean, mixed.kld_mean_error), (quality.kld_mean, quality.kld_mean_error))
        print(f"{kind}: {mixed.kld_mean / quality.kld_mean:.3f} of its divergence ({low:.3f} to {high:.3f})")
    if options.llama:
        labelled = [
            *zip(PLAIN, plain, strict=True),
            *((one.label, file) for one, file in zip(chosen, files, strict=False)),
        ]
        _tell_llama(reference, labelled, options.text or held_out_text(), out, options.chunks)
    others = qualities[len(PLAIN) + len(chosen) :]
    if stepped:
        _tell_sizes(stepped, others[len(drawn) :])
    if drawn:
        measured = [quality.kld_mean for quality in others[: len(drawn)]]
        correlation = rank_correlation([mixture.divergence for mixture in drawn], measured)
        print(f"rank correlation over {len(drawn)} random mixtures: {correlation:.3f}")
    if options.json:
        labels = [*PLAIN, *(mixture.label for mixture in mixtures)]
        predicted = [*(expected[kind] for kind in PLAIN), *(mixture.divergence for mixture in mixtures)]
        rows = [
            {"label": label, "expected": value, **msgspec.to_builtins(quality)}
            for label, value, quality in zip(labels, predicted, qualities, strict=True)
        ]
        options.json.write_text(json.dumps(rows, indent=1), "utf-8")


def even_bits(least: float, count: int) -> list[float]:
    """Compute the bits a weight of `count` wishes in even steps from 3.0 to 8.5, none below `least`."""
    first = max(least, LEAST_BITS)
    return [first + (MOST_BITS - first) * step / max(count - 1, 1) for step in range(count)]


def _tell_sizes(chosen: Sequence[ChosenMixture], qualities: Sequence[Quality]) -> None:
    """Print each file's bits and size beside what was asked, and its divergence beside the smaller ones'."""
    print(
        "| asked bits | bits | of it | bytes | of it | expected | divergence |\n|---|---|---|---|---|---|---|"
    )
    for mixture, quality in zip(chosen, qualities, strict=True):
        bits, asked = mixture.bits_per_weight, mixture.asked_bits
        print(
            f"| {asked:.3f} | {bits:.3f} | {100 * (bits / asked - 1):+.3f}% | {quality.bytes} | "
            f"{100 * (quality.bytes / mixture.asked_bytes - 1):+.3f}% | {mixture.divergence:.7f} | "
            f"{quality.kld_mean:.7f} ± {CONFIDENCE * quality.kld_mean_error:.7f} |"
        )
    rising = sum(larger.kld_mean > smaller.kld_mean for smaller, larger in pairwise(qualities))
    print(f"{rising} of {len(qualities)} files lose more than the one before")


def _tell_llama(
    reference: Path, files: Sequence[tuple[str, Path]], text: Path, work: Path, chunks: int
) -> None:
    """Print what llama-perplexity finds: the plain types of `files`, then the mixture for each."""
    tool = needed_tool("llama-perplexity")
    base = llama_base(tool, reference, text, work, chunks or -1)
    found = [llama_divergence(tool, base, path) for _, path in files]
    base.unlink()
    print("By llama-perplexity:\n| type | bytes | mean KLD | same top p | PPL(Q) |\n|---|---|---|---|---|")
    for (label, path), figures in zip(files, found, strict=True):
        print(
            f"| {label} | {path.stat().st_size} | {figures['kld_mean']:.6f} ± "
            f"{CONFIDENCE * figures['kld_mean_error']:.6f} | {100 * figures['same_top']:.2f}% ± "
            f"{100 * CONFIDENCE * figures['same_top_error']:.2f} | {figures['perplexity']:.4f} |"
        )
    means = [(figures["kld_mean"], figures["kld_mean_error"]) for figures in found]
    for kind, plain, mixed in zip(PLAIN, means, means[len(PLAIN) :], strict=False):
        low, high = _ratio(mixed, plain)
        print(f"{kind}: {mixed[0] / plain[0]:.3f} of its divergence ({low:.3f} to {high:.3f})")


def random_mixtures(costs: TensorCosts, count: int) -> list[ChosenMixture]:
    """Draw the type of each tensor evenly from those that it may have."""
    rng = random.Random(29)
    drawn = []
    for number in range(count):
        choices = tuple(
            TensorChoice(
                tensor=name, type=kind, bytes=tensor_bytes(cost.shape, kind), divergence=cost.cost(kind)
            )
            for name, cost in costs.tensors.items()
            for kind in [rng.choice(sorted(cost.errors))]
        )
        size = sum(choice.bytes for choice in choices)
        drawn.append(
            ChosenMixture(
                asked_bytes=(1_000_000 + number) * 1_000_000,  # its label has to be its own
                bytes=size,
                bits_per_weight=0.0,
                divergence=sum(choice.divergence for choice in choices),
                reason="drawn",
                text="",
                tensors=choices,
            )
        )
    return drawn


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Compute Spearman's coefficient of two rows of different values."""
    ranks = [[sorted(values).index(value) for value in values] for values in (one, other)]
    count = len(one)
    squares = sum((first - second) ** 2 for first, second in zip(*ranks, strict=True))
    return 1 - 6 * squares / (count * (count**2 - 1))


def _built(source: Path, kinds: Sequence[str], out: Path, matrix: MatrixFile | None = None) -> list[Path]:
    paths = [out / f"model-{kind}.gguf" for kind in kinds]
    missing = [kind for kind, path in zip(kinds, paths, strict=True) if not path.exists()]
    if missing:
        build(BuildRequest(source, missing, out, "model", matrix), BUILD, _told())
    return paths


def _mixed(reference: Path, out: Path, matrix: MatrixFile, mixture: ChosenMixture, number: int) -> Path:
    request = BuildRequest(reference, [mixture.label], out, f"mix{number}", matrix, mixtures=(mixture,))
    return build(request, BUILD).outputs[0].path


def _row(label: str, expected: float, quality: Quality) -> str:
    return (
        f"| {label} | {quality.bytes} | {expected:.5f} | {quality.kld_mean:.5f} ± "
        f"{CONFIDENCE * quality.kld_mean_error:.5f} | {100 * quality.same_top:.1f}% ± "
        f"{100 * CONFIDENCE * quality.same_top_error:.1f} | {quality.perplexity:.3f} |"
    )


def _ratio(mixed: tuple[float, float], plain: tuple[float, float]) -> tuple[float, float]:
    """The 95% interval of a ratio of two means with their standard errors, as if they were independent,
    which is too wide."""
    ratio = mixed[0] / plain[0]
    relative = sum((error / mean) ** 2 for mean, error in (mixed, plain)) ** 0.5
    return ratio * (1 - CONFIDENCE * relative), ratio * (1 + CONFIDENCE * relative)


def _told() -> JobContext:
    def tell(progress: Progress) -> None:
        print(f"{progress.stage} {progress.done} of {progress.total}", end="\r", flush=True)

    return JobContext(tell)


if __name__ == "__main__":
    main()
