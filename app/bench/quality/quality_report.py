"""A quality run as Markdown, and as one HTML file in which every item can be read without a network."""

from html import escape

from app.bench.quality.figures import Figure, QualityReport
from app.bench.quality.item import Kind
from app.bench.quality.result import ItemResult, TurnResult, Verdict
from app.bench.quality.words import KIND_NAMES, figure_label, number_text, protocol_text
from app.bench.report.html_page import html_page
from app.bench.report.markdown import plain
from app.bench.report.report_words import format_bytes, model_title

VERDICTS: dict[Verdict, str] = {
    "right": "right",
    "wrong": "wrong",
    "unfinished": "cut off",
    "undecided": "not decided",
    "failed": "engine failed",
    "does_not_fit": "does not fit",
    "scored": "scored",
}
_LOOKS: dict[Verdict, str] = {"right": "good", "wrong": "danger", "failed": "danger", "scored": "muted"}


def quality_to_markdown(report: QualityReport) -> str:
    """Figures, protocol, where, and the verdict on each item."""
    lines = [
        f"# Quality of {plain(model_title(report.run.model))}",
        "",
        plain(_about(report)),
        "",
        "| | value | 95% interval | n | |",
        "|---|---:|---:|---:|---|",
    ]
    for figure in report.figures:
        cells = " | ".join((figure_label(figure.key), number_text(figure, figure.value), _interval(figure)))
        lines.append(f"| {cells} | {figure.n:,} | {'' if figure.conclusive else 'not conclusive'} |")
    lines += ["", "## How it was measured", "", *(f"- {plain(note)}" for note in _notes(report))]
    lines += ["", "| | |", "|---|---|", *(f"| {name} | {plain(value)} |" for name, value in _facts(report))]
    lines += ["", "## Items", "", "| item | verdict | tokens | seconds |", "|---|---|---:|---:|"]
    lines += [
        f"| {plain(item.id)} | {verdict_text(item)} | {item.completion_tokens:,} | {item.seconds:,.1f} |"
        for item in _browsable(report)
    ]
    return "\n".join(lines) + "\n"


def quality_to_html(report: QualityReport) -> str:
    """The same, with prompt, thinking and answer of each item."""
    title = f"Quality of {model_title(report.run.model)}"
    rows = "".join(
        f"<tr><td>{escape(figure_label(figure.key))}</td><td>{escape(number_text(figure, figure.value))}</td>"
        f"<td>{escape(_interval(figure))}</td><td>{figure.n:,}</td>"
        f'<td class="text small">{"" if figure.conclusive else "not conclusive"}</td></tr>'
        for figure in report.figures
    )
    facts = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in _facts(report)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in _notes(report))
    return html_page(
        title,
        [
            f'<h1>{escape(title)}</h1><p class="muted">{escape(_about(report))}</p>',
            '<div class="card wide first"><table><tr><th></th><th>value</th><th>95% interval</th><th>n</th>'
            f'<th class="text"></th></tr>{rows}</table></div>',
            *(_items(kind, report) for kind in KIND_NAMES),
            f'<div class="card wide"><h2>Where</h2><table class="facts">{facts}</table></div>',
            f'<div class="card"><h2>How it was measured</h2><ul class="small">{notes}</ul></div>',
        ],
    )


def verdict_text(item: ItemResult) -> str:
    """The verdict on an item; of a conversation its score."""
    if item.verdict == "scored":
        return f"ROUGE-L {item.scores.get('rouge_l', 0.0):.2f}"
    return VERDICTS[item.verdict]


def _browsable(report: QualityReport) -> list[ItemResult]:
    """A text was read in parts that say nothing one by one."""
    return [item for item in report.items if item.kind != "perplexity"]


def _about(report: QualityReport) -> str:
    run = report.run
    state = "" if report.finished else ", not finished"
    where = f", {run.source}" if run.is_elsewhere else ""
    return f"Stillroom {run.stillroom_version}, {run.started_at}{state}{where}."


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{number_text(figure, figure.low)} to {number_text(figure, figure.high)}"


def _notes(report: QualityReport) -> list[str]:
    notes = [protocol_text(report.run)]
    notes += [
        f"{KIND_NAMES[facts.kind]}: {facts.name}, {facts.licence}, {facts.source}, {facts.items} items"
        if facts.items
        else f"{KIND_NAMES[facts.kind]}: {facts.name}, {facts.licence}, {facts.source}"
        for facts in report.run.collections
    ]
    if report.left_out:
        notes.append(f"Left out, because they do not fit into the context: {report.left_out}")
    return notes


def _facts(report: QualityReport) -> list[tuple[str, str]]:
    run = report.run
    machine, model, engine = run.machine, run.model, run.engine
    rows = [("Model file", f"{model.file}, {format_bytes(model.size_bytes)}"), ("SHA-256", model.sha256)]
    if engine is not None:
        rows.append(("llama.cpp", f"{engine.llama_cpp_version}, {engine.backend}"))
        rows.append(("Settings", f"context {engine.context_tokens:,}, KV cache {engine.kv_type}"))
    if not run.is_elsewhere:
        rows.append(("Processor", machine.processor))
        rows.append(("GPU", ", ".join(gpu.name for gpu in machine.gpus)))
    return [(name, value) for name, value in rows if value]


def _items(kind: Kind, report: QualityReport) -> str:
    items = [item for item in _browsable(report) if item.kind == kind]
    if not items:
        return ""
    return f'<div class="card wide"><h2>{KIND_NAMES[kind]}</h2>{"".join(map(_item, items))}</div>'


def _item(item: ItemResult) -> str:
    look = _LOOKS.get(item.verdict, "mark")
    found = f"<h3>Read as</h3><pre>{escape(item.found)}</pre>" if item.found else ""
    return (
        f'<details><summary>{escape(item.id.partition("/")[2])} <span class="{look}">'
        f"{escape(verdict_text(item))}</span> "
        f'<span class="muted">{item.completion_tokens:,} tokens, {item.seconds:,.1f} s</span></summary>'
        f"{found}{''.join(map(_turn, item.turns))}</details>"
    )


def _turn(turn: TurnResult) -> str:
    parts = (
        ("Prompt", turn.question),
        ("Thinking", turn.thinking),
        ("Answer", turn.answer.strip() or "(nothing)"),
        ("Expected", turn.expected),
    )
    texts = "".join(f"<h3>{name}</h3><pre>{escape(text)}</pre>" for name, text in parts if text)
    return (
        f'{texts}<p class="small">{turn.completion_tokens:,} tokens ({turn.thinking_tokens:,} thinking) in '
        f"{turn.seconds:.1f} s, seed {turn.seed}, ended by {escape(turn.finish_reason)}</p>"
    )
