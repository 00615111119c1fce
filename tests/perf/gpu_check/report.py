"""The report of a check: one folder with JSON, Markdown and plots."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.bench.report.curves import Line
from app.bench.report.curves import Point as Dot
from app.bench.report.svg_plot import svg_plot
from models.system.durable import write_durably
from tests.perf.gpu_check.points import FILE, Figures, Point, Points, shown

JSON, MARKDOWN = "report.json", "report.md"
FILES = (JSON, MARKDOWN, FILE, "*.svg")
"""The patterns of what a check leaves in its folder beside its work."""
LOOKS = {
    "axis": 'fill="none" stroke="#999"',
    "grid": 'fill="none" stroke="#ddd"',
    "line main": 'fill="none" stroke="#2563c9" stroke-width="2"',
    "line before": 'fill="none" stroke="#888" stroke-width="2" stroke-dasharray="8 5"',
    "dot main": 'fill="#2563c9"',
    "dot before": 'fill="#888"',
}
"""The looks of the plots' classes: a picture by itself has no style sheet, and few viewers read one in it."""

_LONGEST_CELL = 300


def write_report(folder: Path, points: Points, stages: dict[str, str]) -> None:
    """Write it anew from all points. `stages` are titles by name, in their order."""
    unfinished = [stage for stage in stages if stage not in points.finished]
    document = {
        "facts": points.facts,
        "unfinished": unfinished,
        "stages": {
            stage: [msgspec.to_builtins(point) for point in points.of(stage)]
            for stage in stages
            if points.of(stage)
        },
    }
    write_durably(folder / JSON, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    plots = {name: svg for name, svg in _plots(points).items() if svg}
    for name, svg in plots.items():
        write_durably(folder / name, _by_itself(svg).encode())
    text = _markdown(points, stages, unfinished, list(plots))
    write_durably(folder / MARKDOWN, text.encode())


def _by_itself(svg: str) -> str:
    for kind, look in LOOKS.items():
        svg = svg.replace(f'class="{kind}"', look)
    head, _, rest = svg.partition(">")
    paper = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} font-family="sans-serif" font-size="12">{paper}{rest}\n'


def _markdown(points: Points, stages: dict[str, str], unfinished: Sequence[str], plots: Sequence[str]) -> str:
    facts = points.facts
    lines = [f"# A check of {facts['card']}", ""]
    if facts["stands in"]:
        lines += [
            f"No graphics card was here: {facts['stands in']} stood in for it. What is counted and compared "
            "is real, speed and graphics memory are not.",
            "",
        ]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts.items() if value]
    versions = list(dict.fromkeys(point.commit for stage in stages for point in points.of(stage)))
    if len(versions) > 1:
        lines += ["", f"Measured with several Stillrooms: {', '.join(map(_named, versions))}."]
    if unfinished:
        lines += ["", f"Not finished: {', '.join(unfinished)}. The same command goes on there."]
    failures = [point for stage in stages for point in points.of(stage) if point.failure]
    if failures:
        lines += ["", f"{len(failures)} points failed; each says why below."]
    for stage, title in stages.items():
        if found := points.of(stage):
            lines += ["", f"## {title}", "", *_table(found)]
            lines += _ratios(points) if stage == "llama-bench" else []
        elif stage not in unfinished:
            lines += ["", f"## {title}", "", f"Nothing to measure with {facts['back end']}."]
        lines += [f"\n![{title}]({name})" for name in plots if name.startswith(stage.replace(" ", "-"))]
    return "\n".join([*lines, ""])


def _named(commit: str) -> str:
    return commit or "one without a name"


def _table(found: Sequence[Point]) -> list[str]:
    names = list(dict.fromkeys(name for point in found for name in point.figures if name != "plan"))
    heads = [*names, "took s", *(["failed"] if any(point.failure for point in found) else [])]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for point in found:
        cells = [_cell(shown(point.figures.get(name))) for name in names]
        failure = [_cell(point.failure)] if "failed" in heads else []
        lines.append(f"| {' | '.join([point.key, *cells, f'{point.seconds:.1f}', *failure])} |")
    return lines


def _ratios(points: Points) -> list[str]:
    """Divide the engine's rates and those of whole replies by llama-bench's, for each model."""
    rows = []
    for model in _models(points, "llama-bench"):
        for way in ("llama-bench", "llama-bench so set"):
            theirs: Figures = {}
            for point in points.of("llama-bench"):
                if point.key.startswith(f"{model}, {way} at "):
                    theirs |= point.figures
            for name in ("engine", "whole replies"):
                ours = points.figures("llama-bench", f"{model}, {name}")
                shares = {
                    what: float(rate or 0) / float(theirs[what] or 1)
                    for what, rate in ours.items()
                    if theirs.get(what)
                }
                if shares:
                    told = ", ".join(f"{what} {share:.3f}" for what, share in shares.items())
                    rows.append(f"| {model}, {name} / {way} | {told} |")
    return ["", "| | of llama-bench's |", "|---|---|", *rows] if rows else []


def _models(points: Points, stage: str) -> list[str]:
    return list(dict.fromkeys(point.key.partition(",")[0] for point in points.of(stage)))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:_LONGEST_CELL]


def _plots(points: Points) -> dict[str, str]:
    """Generation by depth beside llama-bench's, and by the share of layers on the card, for each model."""
    made = {}
    for model in _models(points, "llama-bench"):
        mine: list[Dot] = []
        theirs: list[Dot] = []
        for point in points.of("llama-bench"):
            target = mine if point.key == f"{model}, engine" else theirs
            if not point.key.startswith(f"{model}, ") or "replies" in point.key or "so set" in point.key:
                continue
            for name, value in point.figures.items():
                if match := re.fullmatch(r"tg\d+ at (\d+)", name):
                    target.append(Dot(float(match[1]), float(value or 0)))
        lines = [Line(mine), *([Line(theirs, "before")] if theirs else [])]
        made[f"llama-bench-{model}.svg"] = svg_plot(
            f"{model}: generation behind so many tokens, llama-bench dashed", "tokens before", "tok/s", lines
        )
    for model in _models(points, "partial"):
        best: dict[float, float] = {}
        for point in points.of("partial"):
            share = re.search(r", (\d+)% of", point.key)
            rates = [float(value or 0) for name, value in point.figures.items() if name.startswith("tg")]
            if point.key.startswith(f"{model}, ") and share and rates:
                at = float(share[1])
                best[at] = max(best.get(at, 0.0), *rates)
        made[f"partial-{model}.svg"] = svg_plot(
            f"{model}: generation with so many of the layers on the card",
            "% of the layers",
            "tok/s",
            [Line([Dot(at, rate) for at, rate in sorted(best.items())])],
        )
    return made
