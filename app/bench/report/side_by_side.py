"""Runs side by side as a table of English texts; that table as Markdown, as a page and for a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from app.bench.report.html_page import html_page
from app.bench.report.markdown import plain
from app.bench.results.run_difference import Verdict
from models.system.shown_text import shown

_LOOKS: dict[Verdict, str] = {
    "better": "good",
    "worse": "danger",
    "noise": "muted",
    "not_conclusive": "mark",
    "too_few": "mark",
}


@dataclass(frozen=True, slots=True)
class Against:
    """A later run's entry beside `Line.first`: its value, the change and what that means. `note` is more
    about the change, "" where there is no more."""

    value: str
    change: str
    verdict: Verdict
    verdict_text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure by its name, over `n` repeats or items; None for a run that has none to compare."""

    name: str
    n: str
    first: str
    others: tuple[Against | None, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The first of `runs` and how the others compare with it. `outcomes` are of the others, "" each where
    nothing is said of all figures together; `notes` say how it was compared and what else differs."""

    title: str
    runs: tuple[str, ...]
    outcomes: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def side_by_side_markdown(table: SideBySide) -> str:
    """One table, the first run at its left."""
    first, *others = map(plain, table.runs)
    heads = [f"{run} | change |" for run in others]
    lines = [f"# {plain(table.title)}", ""]
    lines += [f"- {plain(run)}: {outcome}." for run, outcome in _told(table)]
    lines += ["", f"| | n | {first} | {' '.join(heads)}", f"|---|---:|---:|{'---:|---|' * len(others)}"]
    for line in table.lines:
        cells = [
            " – | |" if other is None else f" {other.value} | {_sentence(other)} |" for other in line.others
        ]
        lines.append(f"| {plain(line.name)} | {line.n} | {line.first} |{''.join(cells)}")
    lines += ["", *(f"- {plain(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def side_by_side_html(table: SideBySide) -> str:
    """One file that loads nothing."""
    first, *others = table.runs
    heads = "".join(f'<th>{escape(run)}</th><th class="text">change</th>' for run in others)
    rows = "".join(_row(line) for line in table.lines)
    outcomes = "".join(f"<li>{escape(run)}: {escape(outcome)}</li>" for run, outcome in _told(table))
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return html_page(
        table.title,
        [
            f"<h1>{escape(table.title)}</h1>",
            f"<ul>{outcomes}</ul>" if outcomes else "",
            f'<div class="card wide first"><table><tr><th></th><th>n</th><th>{escape(first)}</th>{heads}</tr>'
            f"{rows}</table></div>",
            f'<div class="card"><h2>How it was compared</h2><ul class="small">{notes}</ul></div>',
        ],
    )


def side_by_side_lines(table: SideBySide) -> Iterable[str]:
    """For a terminal: a run after the other against the first."""
    for place, run in enumerate(table.runs[1:]):
        outcome = table.outcomes[place]
        yield f"{shown(run)} against {shown(table.runs[0])}:{f' {outcome}.' if outcome else ''}"
        for line in table.lines:
            other = line.others[place]
            if other is not None:
                yield f"  {line.name}: {line.first} → {other.value}, {_sentence(other)}, n = {line.n}"
    yield from table.notes


def _told(table: SideBySide) -> Sequence[tuple[str, str]]:
    pairs = zip(table.runs[1:], table.outcomes, strict=True)
    return [(run, outcome) for run, outcome in pairs if outcome]


def _sentence(other: Against) -> str:
    text = f"{other.change} {other.verdict_text}".strip()
    return f"{text} ({other.note})" if other.note else text


def _row(line: Line) -> str:
    cells = "".join(
        '<td class="muted">–</td><td></td>'
        if other is None
        else f'<td>{escape(other.value)}</td><td class="text {_LOOKS[other.verdict]}">'
        f"{escape(_sentence(other))}</td>"
        for other in line.others
    )
    return (
        f"<tr><td>{escape(line.name)}</td><td>{escape(line.n)}</td><td>{escape(line.first)}</td>{cells}</tr>"
    )
