"""Parts of a rendered conversation, in which only the template's own text may hold control tokens."""

import itertools
from collections.abc import Callable, Sequence

from app.engine.protocol.message_base import THINK_CLOSE, Part

# Unicode's noncharacters: they mean nothing in text, are no whitespace, and so survive a template's trim.
NONCHARACTERS = tuple(chr(code) for code in (*range(0xFDD0, 0xFDF0), 0xFFFE, 0xFFFF))
# No whitespace either, but a template that writes JSON escapes them.
CONTROLS = ("\x01", "\x02", "\x03", "\x04")

Render = Callable[[Sequence[str]], str]
"""A template's text of a conversation with these contents; the same one for the same contents."""


def prompt_parts(render: Render, contents: list[str]) -> list[Part]:
    """Tell the template's text from what people wrote, by rendering once plainly and once with marks around
    each content. Raises what `render` does.
    """
    plain = render(contents)
    text = "".join(contents)
    free = _two_free(NONCHARACTERS, text)
    if free is None:
        # Somebody wrote all of them; they carry no meaning, so they go.
        nothing = dict.fromkeys(map(ord, NONCHARACTERS))
        return prompt_parts(render, [content.translate(nothing) for content in contents])
    # Marks of one byte leave Python's strings as small as they are, which is most of the speed.
    short = _two_free(CONTROLS, text) if text.isascii() else None
    for start, end in (short, free) if short is not None else (free,):
        for shape in (contents, [content.strip() for content in contents]):
            marked = render([f"{start}{content}{end}" for content in shape])
            parts = _split(marked, start, end)
            if parts is not None and "".join([part.text for part in parts]) == plain:
                return parts
    skeleton = _skeleton(render, plain, contents, *free)
    located = _located(plain, contents)
    if located is not None and _special_text(located) == _special_text(skeleton):
        return located
    return skeleton


def merged(parts: Sequence[Part]) -> list[Part]:
    """The same text in as few parts as possible."""
    return [
        Part("".join(part.text for part in run), special)
        for special, group in itertools.groupby(
            (part for part in parts if part.text), lambda part: part.special
        )
        if (run := list(group))
    ]


def _two_free(marks: Sequence[str], text: str) -> tuple[str, str] | None:
    free = itertools.islice((mark for mark in marks if mark not in text), 2)
    start, end = next(free, None), next(free, None)
    return None if start is None or end is None else (start, end)


def _split(marked: str, start: str, end: str) -> list[Part] | None:
    """Parts of a rendering with marked contents; None when a template has torn a pair of marks apart."""
    first, *pieces = marked.split(start)
    if end in first:
        return None
    parts = [Part(first, special=True)] if first else []
    for piece in pieces:
        content, found, after = piece.partition(end)
        if not found or end in after:
            return None
        if content:
            parts.append(Part(content))
        if after:
            parts.append(Part(after, special=True))
    return parts if all(a.special != b.special for a, b in itertools.pairwise(parts)) else merged(parts)


def _skeleton(render: Render, plain: str, contents: Sequence[str], start: str, end: str) -> list[Part]:
    """For a template that alters what was said: its text around numbered gaps, the words put there."""
    gaps = [f"{start}{number}{end}" for number in range(len(contents))]
    parts: list[Part] = []
    for index, piece in enumerate(render(gaps).split(start)):
        number, found, rest = piece.partition(end)
        if index and found and number.isascii() and number.isdecimal() and int(number) < len(contents):
            content = contents[int(number)]
            said = [shape for shape in _shapes(content) if shape and shape in plain]
            parts.append(Part(said[0] if said else content.strip()))
            piece = rest
        parts.append(Part(piece, special=True))
    return merged(parts)


def _located(plain: str, contents: Sequence[str]) -> list[Part] | None:
    """Parts of the plain rendering by looking for each content in turn; None when one is not there.

    A content is found as it is, trimmed, or as what follows the last `</think>`. What a template repeats in
    front of a content (a short "hi" inside its own words) cannot be told apart, so each must occur only once.
    """
    parts: list[Part] = []
    at = 0
    for said in contents:
        for content in _shapes(said):
            found = plain.find(content, at) if content else -1
            if found >= 0 and plain.find(content, found + 1) < 0:
                parts += [Part(plain[at:found], special=True), Part(content)]
                at = found + len(content)
                break
        else:
            return None
    return merged([*parts, Part(plain[at:], special=True)])


def _shapes(content: str) -> list[str]:
    after_thinking = content.rpartition(THINK_CLOSE)[2]
    return [content, content.strip(), after_thinking, after_thinking.strip()]


def _special_text(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts if part.special)
