"""Place the code of a reply in the text that it is about."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from app.code.ask import Excerpt, Task
from app.code.changes.definitions import Definition, definitions
from app.code.line_edits import detect_indent, indent_like, leading_space, next_line_indent

Placement = Literal["replace", "insert"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place for code. `text` is the whole text with it, in which lines `first_line` to `last_line` of the
    old one (from 1; an insertion has the last one before the first) are replaced.

    `doubled` are the definitions that would be there twice, `lost` those that would be gone and were not
    asked about.
    """

    text: str
    first_line: int
    last_line: int
    doubled: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """The place that was `asked` for and the `fitting` one, which doubles and loses least and changes the
    fewest lines; often they are the same."""

    asked: Place
    fitting: Place


def placement_for(task: Task, excerpt: Excerpt) -> Placement:
    """Tell how the reply to a task changes the text: replacing the selection, or inserted at the cursor."""
    completes_at_cursor = task == "complete" and not excerpt.selection.strip()
    return "insert" if completes_at_cursor else "replace"


def with_code(excerpt: Excerpt, code: str, placement: Placement) -> str:
    """The text of `excerpt` with `code` in place of its selection, or below the line of its end."""
    return _inserted(excerpt, code) if placement == "insert" else _replaced(excerpt, code)


def places_for(excerpt: Excerpt, code: str, placement: Placement) -> Places:
    """Find where `code` belongs: a reply may hold more than was selected, such as the whole file, or less.

    Any thread; some milliseconds for a long file.
    """
    present = definitions(excerpt.text, excerpt.language.key)
    asked = _judged(_asked(excerpt, code, placement), excerpt, present, placement)
    others = [_judged(place, excerpt, present, placement) for place in _other_places(excerpt, code, present)]
    fitting = min([asked, *others], key=lambda place: _cost(place, excerpt.text))
    return Places(asked, asked if fitting.text == asked.text else fitting)


def moved(excerpt: Excerpt, now: Excerpt) -> Excerpt:
    """The place of an earlier `excerpt` in the text as it is now; what is selected now where it is gone."""
    if excerpt.text == now.text:
        return excerpt
    if excerpt.selection.strip() and now.text.count(excerpt.selection) == 1:
        start = now.text.index(excerpt.selection)
        return replace(now, start=start, end=start + len(excerpt.selection))
    return now


def _cost(place: Place, text: str) -> tuple[int, int]:
    before, after = Counter(text.split("\n")), Counter(place.text.split("\n"))
    changed = (before - after).total() + (after - before).total()
    return len(place.doubled) + len(place.lost), changed


def _asked(excerpt: Excerpt, code: str, placement: Placement) -> Place:
    text = with_code(excerpt, code, placement)
    if placement == "insert":
        return Place(text, excerpt.last_line + 1, excerpt.last_line)
    return Place(text, excerpt.first_line, excerpt.last_line)


def _other_places(excerpt: Excerpt, code: str, present: list[Definition]) -> Iterator[Place]:
    whole = replace(excerpt, start=0, end=len(excerpt.text))
    yield _asked(whole, _ended_as(excerpt.text, code), "replace")
    there = _counterparts(definitions(code, excerpt.language.key), present)
    if not there:
        return
    first, last = min(there, key=lambda each: each.first_line), max(there, key=lambda each: each.end_line)
    for first_line in {first.head_line, first.first_line}:
        yield _asked(_lines(excerpt, first_line, last.end_line), code.strip("\n"), "replace")
    each_its_own = _each_in_its_place(excerpt, code, present)
    if each_its_own is not None:
        yield Place(each_its_own, first.first_line + 1, last.end_line)


def _counterparts(coming: list[Definition], present: list[Definition]) -> list[Definition]:
    """Return the present definitions whose like the outermost ones of the code are."""
    found = []
    for each in coming:
        if each.is_outermost:
            like = _counterpart(each, present)
            if like is not None:
                found.append(like)
    return found


def _counterpart(coming: Definition, present: list[Definition]) -> Definition | None:
    same = [each for each in present if each.name == coming.name]
    # A method comes without its class.
    same = same or [each for each in present if each.own_name == coming.own_name]
    return same[0] if len(same) == 1 else None


def _each_in_its_place(excerpt: Excerpt, code: str, present: list[Definition]) -> str | None:
    """Return the text with each definition of the code in the place of its like; None where the code holds
    something else that the text does not have."""
    outermost = [each for each in definitions(code, excerpt.language.key) if each.is_outermost]
    lines, known = code.split("\n"), {line.strip() for line in excerpt.text.split("\n")}
    between = set(range(len(lines)))
    for each in outermost:
        between -= set(range(each.head_line, each.end_line))
    if any(lines[number].strip() not in known for number in between if lines[number].strip()):
        return None
    pairs = [(like, each) for each in outermost if (like := _counterpart(each, present)) is not None]
    if len({like.name for like, _ in pairs}) < len(outermost):
        return None
    place = excerpt
    # From the end, so that the lines above keep their numbers.
    for like, each in sorted(pairs, key=lambda pair: pair[0].first_line, reverse=True):
        first_line = like.head_line if each.head_line < each.first_line else like.first_line
        piece = "\n".join(lines[each.head_line : each.end_line])
        text = _replaced(_lines(place, first_line, like.end_line), piece)
        place = replace(place, text=text, start=0, end=0)
    return place.text


def _lines(excerpt: Excerpt, first_line: int, end_line: int) -> Excerpt:
    """Return whole lines as an excerpt, counted from 0, without the last one's end."""
    lines = excerpt.text.split("\n")
    start = sum(len(line) + 1 for line in lines[:first_line])
    length = len("\n".join(lines[first_line:end_line]))
    return replace(excerpt, start=start, end=start + length)


def _ended_as(text: str, code: str) -> str:
    """Return the code of a whole file with as many ends of lines after it as the file has."""
    ends = len(text) - len(text.rstrip("\n"))
    return code.rstrip("\n") + "\n" * ends


def _judged(place: Place, excerpt: Excerpt, present: list[Definition], placement: Placement) -> Place:
    before = Counter(_outer(each.name) for each in present)
    after = Counter(_outer(each.name) for each in definitions(place.text, excerpt.language.key))
    selected = set()
    if placement == "replace":
        first, last = excerpt.first_line - 1, excerpt.last_line
        selected = {_outer(each.name) for each in present if first <= each.first_line < last}
    return replace(
        place,
        doubled=tuple(name for name in after if after[name] > max(1, before[name])),
        lost=tuple(name for name in before if after[name] < before[name] and name not in selected),
    )


def _outer(name: str) -> str:
    """Return a definition's name without the same one around it: code that was put into itself."""
    parts = name.split(".")
    return ".".join(part for number, part in enumerate(parts) if number == 0 or part != parts[number - 1])


def _replaced(excerpt: Excerpt, code: str) -> str:
    before, selection, after = excerpt.text[: excerpt.start], excerpt.selection, excerpt.text[excerpt.end :]
    line_start = before.rpartition("\n")[2]
    if not line_start.strip():
        # The selection starts a line: the code gets its depth.
        sample = line_start + selection
        code = indent_like(code, sample) if sample.strip() else code
        code = code.removeprefix(line_start)
    if selection.endswith("\n"):
        code = code.rstrip("\n") + "\n"
    return before + code + after


def _inserted(excerpt: Excerpt, code: str) -> str:
    text = excerpt.text
    line_start = text.rfind("\n", 0, excerpt.end) + 1
    line_end = text.find("\n", excerpt.end)
    line_end = len(text) if line_end < 0 else line_end
    line = text[line_start:line_end]
    indent = detect_indent(text.split("\n"), excerpt.language.indent)
    blank = not line.strip()
    space = leading_space(line) if blank else next_line_indent(line, excerpt.language, indent)
    if not leading_space(code):
        code = indent_like(code, space + "x")
    if blank:
        return text[:line_start] + code + text[line_end:]
    return f"{text[:line_end]}\n{code}{text[line_end:]}"
