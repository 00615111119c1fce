"""Two runs side by side: how much each figure changed, and whether that is more than noise."""

from dataclasses import dataclass
from typing import Literal

from app.bench.report import Measure, Report
from app.bench.statistics import welch_p

Verdict = Literal["better", "worse", "noise", "not_conclusive"]

SIGNIFICANCE = 0.05

SMALLEST_CHANGE = 0.02
"""Two runs of one thing differ by up to this much through where memory lands and how warm the machine is,
which the repeats within a run do not show; so a smaller change is called noise whatever the test says."""

LARGEST_SCATTER = 0.1
"""A run whose deviation is more than this share of its mean decides nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both runs. `change_percent` is of `before`'s mean; `p` is Welch's, None where one run
    has a single sample."""

    key: str
    before: Measure
    after: Measure
    change_percent: float
    p: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was not the same in the two runs, so that it may explain a change."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures that both runs have, in the order of the first, and what else differs."""

    before: Report
    after: Report
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]


def compare(before: Report, after: Report) -> Comparison:
    """Compare two runs; figures that only one of them has are left out."""
    pairs = ((measure, after.measure(measure.key)) for measure in before.measures)
    changes = tuple(change_of(first, second) for first, second in pairs if second is not None)
    return Comparison(before, after, changes, tuple(_differences(before, after)))


def change_of(before: Measure, after: Measure) -> Change:
    """The change of one figure, with its verdict.

    It is "noise" unless it is both significant (Welch, p < 0.05) and at least 2%; "not_conclusive" where a
    run scatters by more than 10%. A single reading (memory) has no scatter: 2% decides.
    """
    change = after.mean / before.mean - 1 if before.mean else 0.0
    has_scatter = before.sd is not None and after.sd is not None
    p = welch_p(before.values, after.values) if has_scatter else None
    return Change(before.key, before, after, 100 * change, p, _verdict(before, after, change, p))


def _verdict(before: Measure, after: Measure, change: float, p: float | None) -> Verdict:
    if any(
        measure.sd is not None and measure.sd > LARGEST_SCATTER * measure.mean for measure in (before, after)
    ):
        return "not_conclusive"
    if abs(change) < SMALLEST_CHANGE or (p is not None and p >= SIGNIFICANCE):
        return "noise"
    return "better" if (change > 0) == (before.better == "higher") else "worse"


def _differences(before: Report, after: Report) -> list[Difference]:
    return [
        Difference(field, first, second)
        for (field, first), (_, second) in zip(_setting(before), _setting(after), strict=True)
        if first != second
    ]


def _setting(report: Report) -> list[tuple[str, str]]:
    machine, model, engine = report.machine, report.model, report.engine
    return [
        ("processor", machine.processor),
        ("gpus", ", ".join(gpu.name for gpu in machine.gpus)),
        ("gpu_driver", machine.gpu_driver),
        ("system", machine.system),
        ("model", model.name),
        ("quantisation", model.quantisation),
        ("sha256", model.sha256[:12]),
        ("llama_cpp_version", engine.llama_cpp_version),
        ("stillroom_version", report.stillroom_version),
        ("backend", engine.backend),
        ("gpu_layers", str(engine.gpu_layers)),
        ("threads", str(engine.threads)),
        ("context_tokens", str(engine.context_tokens)),
        ("batch_tokens", str(engine.batch_tokens)),
        ("kv_type", engine.kv_type),
        ("suite", report.suite),
    ]
