"""A report as one HTML file that loads nothing: its pictures are in it, and there is no script."""

from html import escape

from app.bench.report.curves import (
    Line,
    batching_gain,
    generation_by_depth,
    generation_limit,
    prompt_by_length,
    roofline,
    speed_by_streams,
)
from app.bench.report.html_page import html_page
from app.bench.report.report_words import (
    MARKS,
    STATISTICS,
    facts_of,
    format_interval,
    format_measure,
    interruptions_text,
    label_of,
    limit_text,
    protocol_of,
)
from app.bench.report.svg_plot import svg_plot
from app.bench.results.report import Measure, Report, Section


def report_to_html(report: Report) -> str:
    """The whole report. English; light and dark as the reader's system is."""
    model = report.model
    title = f"{model.name} {model.quantisation}".strip()
    program = f"Stillroom {report.stillroom_version}" if report.source == "stillroom" else report.source
    about = f"{program} · suite {report.suite} · {report.started_at} · {report.duration_s:.0f} s"
    parts = [
        f'<h1>{escape(title)}</h1><p class="muted">{escape(about)}</p>',
        *(f'<p class="mark">{escape(MARKS[mark])}</p>' for mark in report.marks),
        _cards(report),
        _pictures(report),
        _figures(report),
        *(_section(section) for section in report.sections),
        _not_measured(report),
        _facts(report),
        _protocol(report),
    ]
    return html_page(f"Benchmark of {title}", parts)


def _cards(report: Report) -> str:
    memory = report.measure("peak_vram") or report.measure("peak_ram")
    last = report.measure("tok_per_j") or memory
    cards = []
    for caption, measure in (
        ("Generation", report.generation),
        ("Prompt", report.prompt),
        ("First token", report.measure("first_token")),
        ("Efficiency" if last is not memory else "Peak memory", last),
    ):
        if measure is None:
            continue
        value, _, unit = format_measure(measure).partition(" ")
        limit = report.limit(measure.key)
        line = limit_text(limit) if limit is not None else label_of(measure.key)
        cards.append(
            f'<div class="card"><div class="caption">{caption}</div><span class="figure">{value}</span> '
            f'<span class="unit">{escape(unit)}</span><p class="small">{escape(line)}</p></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _pictures(report: Report) -> str:
    cards = []
    depth = generation_by_depth(report)
    if len(depth) > 1:
        lines = [Line(depth), Line(generation_limit(report), "limit")]
        cards.append(
            _picture(
                "Generation speed over context",
                svg_plot("Generation speed over context", "tokens before", "tok/s", lines),
                "bars: one deviation; dotted: what memory and processor allow",
            )
        )
    prompts = prompt_by_length(report)
    if len(prompts) > 1:
        picture = svg_plot("Prompt speed", "prompt tokens", "tok/s", [Line(prompts)], log_x=True)
        cards.append(_picture("Prompt speed over length", picture, "bars: one deviation"))
    streams = speed_by_streams(report)
    if len(streams) > 1:
        picture = svg_plot("Replies at once", "replies at once", "tok/s together", [Line(streams)])
        note = f"{batching_gain(report) or 0:.1f} times one reply's speed with {streams[-1].x:.0f}"
        cards.append(_picture("Several replies at once", picture, note))
    roof = roofline(report)
    if roof is not None:
        names = "operations for each byte read", "operations a second"
        picture = svg_plot("Roofline", *names, roof.lines(label_of), log_x=True, log_y=True)
        note = "how near each speed comes to the roof that memory (slope) and processor (level) make"
        cards.append(_picture("Roofline", picture, note))
    return f'<div class="pictures">{"".join(cards)}</div>' if cards else ""


def _picture(title: str, picture: str, note: str) -> str:
    return f'<div class="card"><h2>{escape(title)}</h2>{picture}<p class="small">{escape(note)}</p></div>'


def _figures(report: Report) -> str:
    rows = "".join(_row(report, measure) for measure in report.measures)
    return (
        '<div class="card wide"><h2>All figures</h2><table><tr><th></th><th>mean ± deviation</th>'
        f'<th>95% interval</th><th>n</th><th class="text"></th></tr>{rows}</table></div>'
    )


def _row(report: Report, measure: Measure) -> str:
    limit = report.limit(measure.key)
    marks = sorted({mark for sample in measure.samples for mark in sample.marks})
    note = "" if limit is None else limit_text(limit)
    if marks:
        note = f"{note} · disturbed: {', '.join(marks)}" if note else f"disturbed: {', '.join(marks)}"
    return (
        f"<tr><td>{escape(label_of(measure.key))}</td><td>{escape(format_measure(measure))}</td>"
        f"<td>{format_interval(measure)}</td><td>{len(measure.samples)}</td>"
        f'<td class="text small">{escape(note)}</td></tr>'
    )


def _section(section: Section) -> str:
    rows = "".join(
        f"<tr><td>{escape(figure.name)}</td><td>{figure.value:.4g} {escape(figure.unit)}</td>"
        f"<td>{'' if figure.low is None else f'{figure.low:.4g} to {figure.high:.4g}'}</td>"
        f'<td>{figure.n or ""}</td><td class="text small">{escape(figure.protocol)}</td></tr>'
        for figure in section.figures
    )
    missing = "".join(f'<p class="small">Not measured: {escape(text)}</p>' for text in section.not_measured)
    return (
        f'<div class="card wide"><h2>{escape(section.title)}</h2>'
        f'<p class="small">{escape(section.protocol)}</p><table><tr><th></th><th>value</th>'
        "<th>95% interval</th><th>n</th>"
        f'<th class="text"></th></tr>{rows}</table>{missing}</div>'
    )


def _not_measured(report: Report) -> str:
    items = "".join(
        f"<li>{escape(label_of(item.key))}: {escape(str(item))}</li>" for item in report.not_measured
    )
    return f'<div class="card wide"><h2>Not measured</h2><ul>{items}</ul></div>' if items else ""


def _facts(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts_of(report)
    )
    return f'<div class="card wide"><h2>Where</h2><table class="facts">{rows}</table></div>'


def _protocol(report: Report) -> str:
    texts = {
        protocol_of(measure.key, report.source): label_of(measure.key)
        for measure in reversed(report.measures)
    }
    items = "".join(
        f"<li>{escape(name)}: {escape(text)}</li>" for text, name in reversed(texts.items()) if text
    )
    again = ""
    if report.interruptions:
        again = f" {interruptions_text(report.interruptions)}"
    return (
        f'<div class="card"><h2>How it was measured</h2><p class="small">{STATISTICS}{again}</p>'
        f'<ul class="small">{items}</ul></div>'
    )
