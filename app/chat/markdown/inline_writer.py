"""Runs of a paragraph as Markdown, with a backslash only before what would be read as something else."""

import re
from collections.abc import Sequence

from app.chat.markdown.block_text import Mark, Run, without_breaks
from app.chat.markdown.markdown_math import begins_formula

PICTURE = "▧ "
"""Before the words of a picture, which is shown as a link."""
LINE_END, EDGE = "\n", "\x00"
"""Beside a run's text: the start or end of a line, and another run."""

_DELIMITERS = {"strong": "**", "em": "*", "s": "~~"}
_DELIMITER_RUN = re.compile(r"\*+|_+|~+")
_MEANT_LITERALLY = re.compile(
    r"\\(?=[!-/:-@\[-`{-~\n\x00])"  # before what it would escape
    r"|`"
    r"|\](?=[(\[:])"  # a link or its definition
    r"|!(?=\x00)"  # before a link, a picture
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)"
)
_BLOCK_START = re.compile(
    r" {0,3}(?:\d{1,9}(?=[.)](?:\s|$))|(?=#{1,6}(?:\s|$)|>|~~~|[-+*](?:\s|$)|[-=_*:|][-=_*:|\s]*$))"
)
_BRACKETS = {"[": "&#91;", "]": "&#93;"}
_AUTOLINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*")


def inline_markdown(runs: Sequence[Run], *, in_table: bool = False) -> str:
    """The runs as the Markdown of a paragraph, which may have several lines."""
    runs = _trimmed(runs)
    written: list[str] = []
    opened: list[Mark] = []
    for number, run in enumerate(runs):
        marks = _written(run.marks)
        kept = 0
        while kept < min(len(opened), len(marks)) and _are_one(opened[kept], marks[kept]):
            kept += 1
        written += [_closing(mark) for mark in reversed(opened[kept:])]
        del opened[kept:]
        if marks and marks[-1].tag == "a" and (special := _special_link(run, marks[-1], runs)):
            # Its mark is never opened, so it needs no end.
            marks, text = marks[:-1], special
        else:
            text = _text(run, *_neighbours(runs, number))
        opened += marks[kept:]
        written += [*map(_opening, marks[kept:]), text]
    written += [_closing(mark) for mark in reversed(opened)]
    text = "".join(written)
    return text.replace("|", "\\|") if in_table else text


def _are_one(before: Mark, mark: Mark) -> bool:
    """Tell whether a text is within the mark of the one before it, or in one that looks the same."""
    return before == mark or (before.tag == mark.tag and mark.tag != "a")


def _written(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that are written around a text: not those of code, and none within one of its kind."""
    first = {mark.tag: mark for mark in reversed(marks)}
    return [mark for mark in marks if mark.tag == "a" or (mark.tag != "code" and mark == first[mark.tag])]


def code_span(code: str) -> str:
    """Code within a line."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    ticks = "`" * (longest + 1)
    spaced = code.startswith(" ") and code.endswith(" ") and bool(code.strip())
    pad = " " if code.startswith("`") or code.endswith("`") or spaced else ""
    return f"{ticks}{pad}{code}{pad}{ticks}"


def _text(run: Run, before: str, after: str) -> str:
    if run.is_formula or run.text == "\n":
        return run.text
    text = without_breaks(run.text)
    if run.marks and run.marks[-1].tag == "code":
        return code_span(text.replace(" \xa0", "  "))
    return _escaped(text, before, after, in_link=any(mark.tag == "a" for mark in run.marks))


def _escaped(text: str, before: str, after: str, *, in_link: bool) -> str:
    around = f"{before}{text}{after}"
    places = {found.start() - 1 for found in _MEANT_LITERALLY.finditer(around)}
    for found in _DELIMITER_RUN.finditer(around):
        if _is_delimiter(found[0], around[found.start() - 1], around[found.end()]):
            places |= set(range(found.start() - 1, found.end() - 1))
    # Backslashes between two prices would make a formula of them.
    places |= {
        at
        for at, letter in enumerate(text)
        if letter == "$" and (begins_formula(text, at) or (places and "$" in text[at + 1 :]))
    }
    if before == LINE_END and (start := _BLOCK_START.match(text + ("" if after == LINE_END else after))):
        places.add(start.end())
    if in_link and not _is_balanced(text):
        # With backslashes they would be a formula's.
        return "".join(
            _BRACKETS.get(letter, f"\\{letter}" if at in places else letter) for at, letter in enumerate(text)
        )
    if not places:
        return text
    return "".join(f"\\{letter}" if at in places else letter for at, letter in enumerate(text))


def _is_balanced(text: str) -> bool:
    """Tell whether the brackets in a link's text are its own."""
    depth = 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if depth < 0:
            return False
    return depth == 0 and "](" not in text and "][" not in text


def _is_delimiter(signs: str, before: str, after: str) -> bool:
    """Tell whether a stretch of signs may open or close an emphasis between these two characters."""
    if before.isspace() and after.isspace():
        return False
    if signs == "~":
        return EDGE in (before, after)
    return not (signs[0] == "_" and before.isalnum() and after.isalnum())


def _neighbours(runs: Sequence[Run], number: int) -> tuple[str, str]:
    """What stands beside a run's text; between it and a line's end there may be a mark's sign."""
    line_end = Run("\n")
    around = [line_end, *runs, line_end][number : number + 3]
    before, after = (
        LINE_END if beside.text == "\n" and beside.marks == around[1].marks else EDGE
        for beside in (around[0], around[2])
    )
    return before, after


def _trimmed(runs: Sequence[Run]) -> list[Run]:
    """The same with white space at both ends outside of all marks: no emphasis begins or ends with it."""
    trimmed = list(runs)
    if trimmed and _is_marked_text(trimmed[0]):
        text, marks = trimmed[0].text, trimmed[0].marks
        core = text.lstrip()
        trimmed[:1] = [
            piece for piece in (Run(text[: len(text) - len(core)]), Run(core, marks)) if piece.text
        ]
    if trimmed and _is_marked_text(trimmed[-1]):
        text, marks = trimmed[-1].text, trimmed[-1].marks
        core = text.rstrip()
        trimmed[-1:] = [piece for piece in (Run(core, marks), Run(text[len(core) :])) if piece.text]
    # A line's start is in one run.
    if len(trimmed) > 1 and not any(run.marks or run.is_formula or run.text == "\n" for run in trimmed[:2]):
        trimmed[:2] = [Run(trimmed[0].text + trimmed[1].text)]
    return trimmed


def _is_marked_text(run: Run) -> bool:
    return not run.is_formula and bool(run.marks) and run.marks[-1].tag != "code"


def _opening(mark: Mark) -> str:
    return "[" if mark.tag == "a" else _DELIMITERS[mark.tag]


def _closing(mark: Mark) -> str:
    return f"]({_address(mark.href)})" if mark.tag == "a" else _DELIMITERS[mark.tag]


def _address(href: str) -> str:
    if re.search(r"[\s()<>]", href) or not href:
        return "<" + re.sub(r"([<>\\])", r"\\\1", href) + ">"
    return href.replace("\\", "\\\\")


def _special_link(run: Run, link: Mark, runs: Sequence[Run]) -> str:
    """A picture, or an address in angle brackets; empty for any other link."""
    if run.is_formula or sum(link in other.marks for other in runs) > 1:
        return ""
    text = without_breaks(run.text)
    if text.startswith(PICTURE):
        words = text.removeprefix(PICTURE)
        return (
            f"![{'' if words == '…' else _escaped(words, EDGE, EDGE, in_link=True)}]({_address(link.href)})"
        )
    is_address = run.marks[-1] == link and (
        link.href == f"mailto:{text}" or (link.href == text and _AUTOLINK.fullmatch(text) is not None)
    )
    return f"<{text}>" if is_address else ""
