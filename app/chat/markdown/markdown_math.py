r"""LaTeX in Markdown: `\(…\)`, `\[…\]`, `$$…$$`, `$…$` where it can be nothing else, and a bare `\boxed{…}`.

Formulas are taken out before Markdown sees them: it would eat their backslashes, and a line of a formula that
begins with a minus would become a list.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

DELIMITERS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"))
DISPLAY = ("\\[", "$$")
BOXED = "\\boxed{"
WHOLE = "whole"
"""In a parser's environment: the text is complete. A formula without an end is one only where it was cut off,
which its commands tell from an escaped bracket."""

_DOLLARS = re.compile(r"\$(?!\s)([^$\n]{1,200}?)(?<![\s\\])\$(?!\d)")
_FORMULA_ONLY = re.compile(r"[\\^_={}+*/<>]|^[A-Za-z]$|^[A-Za-z]\(|^\d+(\.\d+)?$")
"""Tells the formula in `$…$` from two prices in one line."""
_BRACE = re.compile(r"(?<!\\)[{}]")
_COMMAND = re.compile(r"\\[A-Za-z]{2,}")


def with_math(parser: "MarkdownIt") -> "MarkdownIt":
    """`parser`, which then gives tokens "math" (inline) and "math_block" with the source as content; `meta`
    says whether an inline one is meant as "display", and whether a block is "closed"; `markup` opens a block.
    """
    parser.inline.ruler.before("escape", "math", _inline_rule)
    terminates = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "math_block", _block_rule, {"alt": terminates})
    return parser


def without_delimiters(source: str) -> str:
    """The LaTeX of a formula as it stands in the text."""
    for opening, closing in (*DELIMITERS, ("$", "$")):
        if source.startswith(opening) and source.endswith(closing) and len(source) > len(opening):
            return source[len(opening) : -len(closing)].strip()
    return source


def begins_formula(text: str, start: int) -> bool:
    """Tell whether a formula begins at this character of a line."""
    return _end_of_formula(text, start, len(text)) is not None


def _inline_rule(state: "StateInline", silent: bool) -> bool:
    end = _end_of_formula(state.src, state.pos, state.posMax)
    if end is None:
        return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = state.src[state.pos : end]
        token.meta = {"display": token.content.startswith(DISPLAY)}
    state.pos = end
    return True


def _end_of_formula(source: str, start: int, limit: int) -> int | None:
    for opening, closing in DELIMITERS:
        if source.startswith(opening, start):
            end = source.find(closing, start + len(opening), limit)
            if end <= start + len(opening) or not source[start + len(opening) : end].strip("\\ "):
                return None
            return end + len(closing)
    if source.startswith(BOXED, start):
        end = _ends_of_braces(source).get(start + len(BOXED), limit + 1)
        return end if end <= limit else None
    if source.startswith("$", start):
        match = _DOLLARS.match(source, start, limit)
        if match and _FORMULA_ONLY.search(match[1]):
            return match.end()
    return None


@lru_cache(maxsize=4)
def _ends_of_braces(source: str) -> dict[int, int]:
    """Where what stands behind each opening brace ends: one way through the text for all, however deep."""
    ends: dict[int, int] = {}
    starts: list[int] = []
    for brace in _BRACE.finditer(source):
        if brace[0] == "{":
            starts.append(brace.end())
        elif starts:
            ends[starts.pop()] = brace.end()
    return ends


def _block_rule(state: "StateBlock", start_line: int, end_line: int, silent: bool) -> bool:
    """A display formula that begins a line and ends one; one that is still coming in counts too."""
    if state.is_code_block(start_line):
        return False
    first = state.src[state.bMarks[start_line] + state.tShift[start_line] : state.eMarks[start_line]]
    opening = next((mark for mark in DISPLAY if first.startswith(mark)), None)
    if opening is None:
        return False
    closing = dict(DELIMITERS)[opening]
    lines: list[str] = []
    closed = False
    line = start_line
    while line < end_line:
        outside = line > start_line and state.sCount[line] < state.blkIndent
        if outside or (line > start_line and state.isEmpty(line)):
            break
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        text = text[len(opening) :] if line == start_line else text
        line += 1
        if closing in text:
            text, rest = text.split(closing, 1)
            if rest.strip(" .,;:"):
                return False
            lines.append(text + rest.strip())
            closed = True
            break
        lines.append(text)
    if not closed and line < end_line:
        return False
    if not closed and state.env.get(WHOLE) and not _COMMAND.search("\n".join(lines)):
        return False
    if silent:
        return True
    token = state.push("math_block", "", 0)
    token.block = True
    token.content = "\n".join(lines).strip()
    token.markup = opening
    token.meta = {"closed": closed}
    token.map = [start_line, line]
    state.line = line
    return True
