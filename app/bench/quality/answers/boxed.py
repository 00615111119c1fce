r"""The final answer of a reply to a mathematics question: what stands in its last `\boxed{}`."""

import re

_BOX = re.compile(r"\\(?:boxed|fbox)\s*")


def boxed_answers(text: str) -> list[str]:
    r"""List the contents of each `\boxed{}` or `\fbox{}` of a text, braces balanced, in its order.

    A box that is never closed (a reply that broke off) is none.
    """
    found = []
    for match in _BOX.finditer(text):
        rest = text[match.end() :]
        if rest.startswith("{"):
            end = _closing(rest)
            if end:
                found.append(rest[1:end].strip())
        elif rest and not rest[0].isspace():
            found.append(rest[0])
    return [answer for answer in found if answer]


def final_answers(text: str) -> list[str]:
    r"""List the readings of a reply's final answer, likeliest first; none where nothing is boxed.

    It is the last box; where the line of the last box has several ("\boxed{1} and \boxed{2}"), also all of
    them together.
    """
    answers = boxed_answers(text)
    if not answers:
        return []
    together = boxed_answers(next(line for line in reversed(text.splitlines()) if boxed_answers(line)))
    return [answers[-1], ", ".join(together)] if len(together) > 1 else [answers[-1]]


def _closing(text: str) -> int:
    """Find the brace that closes the one that `text` begins with; 0 where none does."""
    depth, at = 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    return 0
