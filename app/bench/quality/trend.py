"""A figure through the runs of a model file."""

from collections.abc import Sequence

from app.bench.quality.figures import Figure
from app.bench.quality.item import Kind
from app.bench.quality.result import CollectionFacts, QualityRun


def quality_trend(
    shown: QualityRun, runs: Sequence[tuple[QualityRun, Sequence[Figure]]], key: str
) -> list[tuple[QualityRun, Figure]]:
    """The figure `key` of those runs that can stand in a line with `shown`, oldest first.

    These are runs of the file of that name, whatever it holds, with the same questions, asked in the same
    way: of other questions another figure is to be expected.
    """
    found = [
        (run, figure)
        for run, figures in runs
        for figure in figures
        if figure.key == key and _is_comparable(run, shown, figure.kind)
    ]
    return sorted(found, key=lambda pair: pair[0].started_at)


def _is_comparable(run: QualityRun, shown: QualityRun, kind: Kind) -> bool:
    return _subject(run) == _subject(shown) and _asked(run, kind) == _asked(shown, kind)


def _subject(run: QualityRun) -> tuple[str, str, str]:
    return run.source, run.model.name, run.model.file


def _asked(run: QualityRun, kind: Kind) -> tuple[CollectionFacts | None, object]:
    facts = next((facts for facts in run.collections if facts.kind == kind), None)
    # A text is read, and nothing is drawn.
    how = run.protocol.perplexity_context_tokens if kind == "perplexity" else run.protocol
    return facts, how
