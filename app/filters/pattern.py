"""Regular expressions that people write: compiled with a bound on their size, searched with one on the time.

Python's own `re` holds the interpreter while it searches and cannot be stopped. The `regex` library takes the
same expressions, lets other threads run, and gives up after a time.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

from app.base.errors import StillroomError

MOST_REPEATS = 100_000
"""The limit of counted repeats: `((a{100}){100}){100}` is compiled as a million letters, in 1.5 s."""


class PatternError(StillroomError):
    """An expression that cannot be used."""


@functools.lru_cache(maxsize=512)
def compiled(pattern: str, ignore_case: bool) -> Any:
    """The expression, ready to search. Raises `PatternError`."""
    if not pattern:
        raise PatternError("it is empty.", "Write what is to be found.")
    if _size(pattern) > MOST_REPEATS:
        raise PatternError(
            "its counted repeats come to more than {repeats:,}.", "Use + or * there.", repeats=MOST_REPEATS
        )
    # Loaded with the first rule that is on: the window does not wait for it.
    import regex

    try:
        made = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        place = 1 if error.pos is None else error.pos + 1
        raise PatternError(
            "{reason}, at character {place}.",
            "Put a backslash before a sign that is meant as itself.",
            reason=error.msg,
            place=place,
        ) from error
    except (RecursionError, OverflowError, ValueError) as error:
        raise PatternError("it is nested too deeply.", "Make it simpler.") from error
    if made.fullmatch("", timeout=1.0):
        raise PatternError(
            "it fits the empty text, so it would be found everywhere.", "Use + in place of *, for instance."
        )
    return made


def spans(matcher: Any, text: str, timeout_s: float) -> Iterator[tuple[int, int]]:
    """Start and end of everything found, in order, never empty. Other threads run meanwhile.

    Raises `TimeoutError` when it takes longer.
    """
    for found in matcher.finditer(text, timeout=timeout_s, concurrent=True):
        if found.end() > found.start():
            yield found.span()


def _size(pattern: str) -> int:
    """About how many items an expression is compiled to: groups times their counted repeats."""
    totals = [0]
    last, at = 0, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            last, at = 1, at + 2
        elif sign == "[":
            last, at = 1, _class_end(pattern, at)
        elif sign == "(":
            totals.append(0)
            last, at = 0, at + 1
            continue
        elif sign == ")":
            last, at = (totals.pop() if len(totals) > 1 else 0), at + 1
        elif sign == "{" and (repeat := re.match(r"\{(\d{0,9}),?(\d{0,9})\}", pattern[at : at + 24])):
            # What it repeats was counted once already.
            times = max(int(repeat[1] or 0), int(repeat[2] or 0), 1)
            last, at = last * (times - 1), at + len(repeat[0])
        else:
            last, at = 1, at + 1
        totals[-1] += last
    return sum(totals)


def _class_end(pattern: str, start: int) -> int:
    """The place after the `]` that closes a class of characters."""
    at = start + 1
    at += pattern[at : at + 1] == "^"
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
