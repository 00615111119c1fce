"""English words for figures, for the command line and Markdown."""

from app.bench.elsewhere import ELSEWHERE
from app.bench.quality.comparison import QualityChange, QualityComparison
from app.bench.quality.figures import Figure, QualityReport
from app.bench.quality.item import Kind
from app.bench.report_words import model_title

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


CHANGES = {
    "better": "better",
    "worse": "worse",
    "noise": "within chance",
    "not_conclusive": "not conclusive, too few items",
}


def figure_label(figure: Figure) -> str:
    """The English name of a figure."""
    if figure.key.startswith("recall_"):
        return f"… in {int(figure.key.split('_')[1]):,} words"
    return _LABELS.get(figure.key, figure.key)


def figure_text(figure: Figure) -> str:
    """The value, its interval and its n: "62.5% (47.0% to 75.8%), n = 40, not conclusive"."""
    text = number_text(figure, figure.value)
    if figure.low is not None and figure.high is not None:
        text += f" ({number_text(figure, figure.low)} to {number_text(figure, figure.high)})"
    text += f", n = {figure.n:,}"
    return text if figure.conclusive else f"{text}, not conclusive"


def number_text(figure: Figure, value: float) -> str:
    """A number in the figure's unit."""
    if figure.unit == "share":
        return f"{100 * value:.1f}%"
    if figure.key == "bleu":
        return f"{value:.1f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f}{' ' + figure.unit if figure.unit else ''}"


def comparison_lines(comparison: QualityComparison) -> list[str]:
    """Two runs side by side, for a terminal."""
    before = comparison.before
    lines = [f"Against {model_title(before.model)}, of {before.started_at}:"]
    for change in comparison.changes:
        text = f"{change_number(change, change.before)} then, {change_number(change, change.after)} now"
        if change.gained or change.lost:
            text += f", {change.gained} more right and {change.lost} no longer"
        lines.append(f"  {KIND_NAMES[change.kind]}: {text}, n = {change.n:,}: {CHANGES[change.verdict]}")
    if comparison.other_protocol:
        lines.append("  The replies were not drawn in the same way, so a change may come from that.")
    return lines


def change_number(change: QualityChange, value: float) -> str:
    """A number of a change in its unit."""
    return f"{100 * value:.1f}%" if change.unit == "share" else f"{value:.3f}"


def protocol_text(report: QualityReport) -> str:
    """How the replies were drawn, in one line."""
    protocol = report.run.protocol
    sampling = protocol.sampling
    return (
        f"One sample of each item at temperature {sampling.temperature}, top_p {sampling.top_p}, seed "
        f"{protocol.seed}, at most {protocol.max_tokens:,} tokens, no system prompt; intervals are 95%."
    )


def report_lines(report: QualityReport) -> list[str]:
    """The whole report for a terminal."""
    run = report.run
    lines = [f"{model_title(run.model)}{f', {run.source}' if run.is_elsewhere else ''}:"]
    lines += [f"  {figure_label(figure)}: {figure_text(figure)}" for figure in report.figures]
    if run.is_elsewhere:
        lines.append(f"  {KIND_NAMES['perplexity']}: not measured. {ELSEWHERE}")
    if report.left_out:
        lines.append(f"  Left out, because they do not fit into the context: {report.left_out}")
    lines.append(protocol_text(report))
    lines += [
        f"{KIND_NAMES[facts.kind]}: {facts.name} ({facts.licence}; {facts.source})"
        for facts in run.collections
    ]
    return lines
