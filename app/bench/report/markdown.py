"""A report as Markdown, for an issue, a forum or a wiki. English, as such places are."""

import re

from app.bench.report.report_words import (
    MARKS,
    STATISTICS,
    facts_of,
    format_interval,
    format_measure,
    interruptions_text,
    label_of,
    limit_text,
    model_title,
    protocol_of,
)
from app.bench.results.report import Measure, Report, Section
from models.system.shown_text import shown

LONGEST_TEXT = 2000
_MARKUP = re.compile(r"[\\|\[\]`]|<(?=[A-Za-z/!?])")


def plain(text: str) -> str:
    """A text that makes neither cells nor links nor pictures of what a file or a server called itself."""
    return _MARKUP.sub(r"\\\g<0>", shown(text, LONGEST_TEXT))


def report_to_markdown(report: Report) -> str:
    """The whole report."""
    model = report.model
    program = f"Stillroom {report.stillroom_version}" if report.source == "stillroom" else report.source
    lines = [
        f"# Benchmark of {plain(model_title(model))}",
        "",
        plain(f"{program}, suite {report.suite}, {report.started_at}, {report.duration_s:.0f} s."),
        "",
        "| | mean ± deviation | 95% interval | n | |",
        "|---|---:|---:|---:|---|",
        *(_measure_row(report, measure) for measure in report.measures),
        "",
        *(f"> {MARKS[mark]}\n" for mark in report.marks),
    ]
    if report.interruptions:
        lines += [f"> {interruptions_text(report.interruptions)}\n"]
    if report.not_measured:
        lines += ["Not measured:", ""]
        lines += [f"- {plain(label_of(item.key))}: {plain(str(item))}" for item in report.not_measured]
        lines += [""]
    for section in report.sections:
        lines += _section(section)
    lines += ["## How it was measured", "", STATISTICS, ""]
    lines += [f"- {plain(label_of(key))}: {plain(text)}" for key, text in _protocols(report)]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {plain(value)} |" for name, value in facts_of(report)]
    return "\n".join(lines) + "\n"


def _measure_row(report: Report, measure: Measure) -> str:
    limit = report.limit(measure.key)
    return (
        f"| {plain(label_of(measure.key))} | {format_measure(measure)} | {format_interval(measure)} "
        f"| {len(measure.samples)} |{'' if limit is None else f' {limit_text(limit)}'} |"
    )


def _protocols(report: Report) -> list[tuple[str, str]]:
    """Each protocol once, under the first measure that has it."""
    found: dict[str, str] = {}
    for measure in report.measures:
        if text := protocol_of(measure.key, report.source):
            found.setdefault(text, measure.key)
    return [(key, text) for text, key in found.items()]


def _section(section: Section) -> list[str]:
    lines = [
        f"## {plain(section.title)}",
        "",
        plain(section.protocol),
        "",
        "| | value | 95% interval | n | |",
    ]
    lines.append("|---|---:|---:|---:|---|")
    for figure in section.figures:
        interval = "" if figure.low is None else f"{figure.low:.4g} to {figure.high:.4g}"
        lines.append(
            f"| {plain(figure.name)} | {figure.value:.4g} {plain(figure.unit)} | {interval} "
            f"| {figure.n or ''} | {plain(figure.protocol)} |"
        )
    lines += [""] + [f"Not measured: {plain(text)}" for text in section.not_measured]
    return [*lines, ""]
