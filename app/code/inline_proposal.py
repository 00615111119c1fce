"""Text for the gap at a cursor: what a model is shown around it, and what of its answer is worth showing."""

from dataclasses import dataclass

CHARACTERS_PER_TOKEN = 3
"""About, of code."""
MOST_BEFORE = 6000
MOST_BEHIND = 2000
CONTEXT_SHARE = 0.5
MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """The text around a cursor, as much as a model is shown."""

    before: str
    behind: str


def gap_at(text: str, position: int, context_tokens: int) -> Gap | None:
    """Return the gap at the end of a line; None where somebody writes within one, or nothing is there yet."""
    line_end = text.find("\n", position)
    rest_of_line = text[position : len(text) if line_end < 0 else line_end]
    if rest_of_line.strip() or not text[:position].strip():
        return None
    room = int(context_tokens * CONTEXT_SHARE * CHARACTERS_PER_TOKEN)
    before = text[max(0, position - min(MOST_BEFORE, room * 3 // 4)) : position]
    behind = text[position : position + min(MOST_BEHIND, room // 4)]
    return Gap(before, behind)


def worth_showing(answer: str, gap: Gap) -> str:
    """Return the part of an answer to show: some lines without what stands behind the gap anyway; empty where
    nothing is left."""
    lines = answer.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:MOST_LINES]
    if any(not character.isprintable() and character not in "\n\t" for line in lines for character in line):
        return ""
    behind = [line.strip() for line in gap.behind.split("\n") if line.strip()]
    if behind:
        # A model goes on with what is there already.
        same = next((at for at, line in enumerate(lines) if at and line.strip() == behind[0]), None)
        if same is not None:
            lines = lines[:same]
    shown = "\n".join(lines).rstrip()
    if shown.strip() == (behind[0] if behind else ""):
        return ""
    return shown
