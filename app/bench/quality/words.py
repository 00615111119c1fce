"""English words for figures, for the command line and Markdown."""

from app.bench.quality.comparison import (
    SIGNIFICANCE,
    ChangeVerdict,
    FigureComparison,
    QualityChange,
    QualityComparison,
)
from app.bench.quality.figures import Figure, QualityReport
from app.bench.quality.item import Kind
from app.bench.quality.result import QualityRun
from app.bench.quality.scores.kept_share import KeptShare
from app.bench.report.report_words import model_title
from app.bench.report.side_by_side import Against, Line, SideBySide
from app.bench.run.remote_benchmark import ELSEWHERE

KIND_NAMES: dict[Kind, str] = {
    "perplexity": "Perplexity",
    "maths": "Mathematics",
    "dialogue": "Instructions in several turns",
    "retention": "Facts kept in a long text",
    "intent": "Intents",
    "code": "Code",
}

_LABELS = {
    "perplexity": "Perplexity",
    "pass_at_1": "Mathematics, right at the first try (pass@1)",
    "tokens_to_right": "Tokens to a right answer",
    "seconds_to_right": "Seconds to a right answer",
    "rouge_l": "Instructions, ROUGE-L",
    "bleu": "Instructions, BLEU",
    "recall": "Facts kept in a long text",
    "accuracy": "Intents, right",
    "macro_f1": "Intents, macro F1",
    "tests_passed": "Code, tests passed",
    "valid_syntax": "Code, valid syntax",
    "length_ratio": "Code, length against the reference",
}


LARGEST_WRITTEN_OUT = 1e9
"""A longer number has no room on a card."""

CHANGES: dict[ChangeVerdict, str] = {
    "better": "better",
    "worse": "worse",
    "noise": "within chance",
    "not_conclusive": "not conclusive, too few items",
}

HOW_COMPARED = (
    "Each figure is over the questions that the runs have in common. Right and wrong are compared item by "
    "item (McNemar's exact test), numbers in pairs (Student's t), perplexity by the errors of both; a change "
    f"counts where p < {SIGNIFICANCE}, corrected for the number of changes by Holm's method."
)


def figure_label(key: str) -> str:
    """The English name of a figure by its key."""
    if key.startswith("recall_"):
        return f"… in {int(key.split('_')[1]):,} words"
    return _LABELS.get(key, key)


def figure_text(figure: Figure) -> str:
    """The value, its interval and its n: "62.5% (47.0% to 75.8%), n = 40, not conclusive"."""
    text = number_text(figure, figure.value)
    if figure.low is not None and figure.high is not None:
        text += f" ({number_text(figure, figure.low)} to {number_text(figure, figure.high)})"
    text += f", n = {figure.n:,}"
    return text if figure.conclusive else f"{text}, not conclusive"


def number_text(figure: Figure | FigureComparison, value: float) -> str:
    """A number in the figure's unit."""
    if figure.unit == "share":
        return f"{100 * value:.1f}%"
    if abs(value) >= LARGEST_WRITTEN_OUT:
        return f"{value:.2e}{' ' + figure.unit if figure.unit else ''}"
    if figure.key == "bleu" or figure.unit == "s":
        return f"{value:,.1f}{' s' if figure.unit else ''}"
    if figure.key == "length_ratio":
        return f"{value:.2f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f}{' ' + figure.unit if figure.unit else ''}"


def change_number(figure: FigureComparison, change: QualityChange) -> str:
    """The change of the figure, without a unit: of shares in percentage points, of others in per cent."""
    if figure.unit == "share":
        return f"{100 * (change.value - figure.first):+.1f}"
    return f"{100 * (change.value / figure.first - 1):+.1f}" if figure.first else ""


def quality_side_by_side(comparison: QualityComparison) -> SideBySide:
    """Runs side by side, in words."""
    runs = comparison.runs
    notes = [HOW_COMPARED, f"The first run: {protocol_text(runs[0])}"]
    notes += [
        f"{_run_name(run)}: its replies were not drawn like the first run's, so a change may come from that. "
        f"{protocol_text(run)}"
        for run in runs
        if run.id in comparison.other_protocol
    ]
    if not comparison.figures:
        notes.insert(0, "The runs have no question in common.")
    return SideBySide(
        "Quality runs side by side",
        tuple(map(_run_name, runs)),
        ("",) * (len(runs) - 1),
        tuple(
            Line(
                _compared_label(figure.key),
                f"{figure.n:,}",
                number_text(figure, figure.first),
                tuple(None if item is None else _against(figure, item) for item in figure.changes),
            )
            for figure in comparison.figures
        ),
        tuple(notes),
    )


def _compared_label(key: str) -> str:
    """Label a compared figure; tokens and seconds are compared where the answer is right in every run."""
    label = figure_label(key)
    return f"{label}, of those right in all" if key in ("tokens_to_right", "seconds_to_right") else label


def _run_name(run: QualityRun) -> str:
    return f"{model_title(run.model)}, {run.started_at}"


def _against(figure: FigureComparison, change: QualityChange) -> Against:
    number = change_number(figure, change)
    notes = []
    if change.kept is not None:
        notes.append(kept_text(change.kept))
    if change.gained or change.lost:
        notes.append(f"{change.gained} more right, {change.lost} no longer")
    return Against(
        number_text(figure, change.value),
        f"{number} points" if figure.unit == "share" else f"{number}%" if number else "",
        change.verdict,
        CHANGES[change.verdict],
        "; ".join(notes),
    )


def kept_text(kept: KeptShare) -> str:
    """Say how many of the right answers are kept: "keeps 99% (97 to 101) of the right answers"."""
    return (
        f"keeps {100 * kept.share:.0f}% ({100 * kept.low:.0f} to {100 * kept.high:.0f}) of the right answers"
    )


def protocol_text(run: QualityRun) -> str:
    """Describe how the replies were drawn, in one line."""
    protocol = run.protocol
    sampling = protocol.sampling
    return (
        f"One sample of each item at temperature {sampling.temperature}, top_p {sampling.top_p}, seed "
        f"{protocol.seed}, at most {protocol.max_tokens:,} tokens, no system prompt; intervals are 95%."
    )


def report_lines(report: QualityReport) -> list[str]:
    """The whole report for a terminal."""
    run = report.run
    lines = [f"{model_title(run.model)}{f', {run.source}' if run.is_elsewhere else ''}:"]
    lines += [f"  {figure_label(figure.key)}: {figure_text(figure)}" for figure in report.figures]
    if run.is_elsewhere:
        lines.append(f"  {KIND_NAMES['perplexity']}: not measured. {ELSEWHERE}")
    if report.left_out:
        lines.append(f"  Left out, because they do not fit into the context: {report.left_out}")
    lines.append(protocol_text(run))
    lines += [
        f"{KIND_NAMES[facts.kind]}: {facts.name} ({facts.licence}; {facts.source})"
        for facts in run.collections
    ]
    return lines
