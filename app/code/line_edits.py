"""An editor's changes to whole lines, as plain functions on strings."""

import re
import textwrap
from itertools import pairwise

from app.code.languages import Language

_OPENERS = re.compile(r"[\[({]\s*(?:(?:#|//|--).*)?$")
_COLON = re.compile(r":\s*(?:#.*)?$")
_PYTHON_LEAVES = re.compile(r"\s*(?:return|raise|pass|break|continue)\b")


def leading_space(line: str) -> str:
    """The blanks and tabs that `line` starts with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def detect_indent(lines: list[str], default: str) -> str:
    """One level of indentation as the lines use it: a tab, or the usual number of blanks; else `default`."""
    spaces = [leading_space(line) for line in lines[:2000] if line.strip()]
    if sum(space.startswith("\t") for space in spaces) > sum(space.startswith(" ") for space in spaces):
        return "\t"
    steps = [len(after) - len(before) for before, after in pairwise(spaces) if "\t" not in before + after]
    counts = {step: steps.count(step) for step in (2, 3, 4, 8)}
    best = max(counts, key=lambda step: counts[step])
    return " " * best if counts[best] else default


def next_line_indent(line_before_cursor: str, language: Language, indent: str) -> str:
    """The space a new line starts with after `line_before_cursor`: one more after an opener, one less after
    a statement that leaves a Python block."""
    space = leading_space(line_before_cursor)
    if _OPENERS.search(line_before_cursor):
        return space + indent
    if language.key == "python":
        if _COLON.search(line_before_cursor) and line_before_cursor.strip():
            return space + indent
        if _PYTHON_LEAVES.match(line_before_cursor):
            return space.removesuffix(indent)
    return space


def indent_lines(lines: list[str], indent: str) -> list[str]:
    """The lines one level deeper; blank ones stay as they are."""
    return [indent + line if line.strip() else line for line in lines]


def dedent_lines(lines: list[str], indent: str) -> list[str]:
    """The lines one level less deep, as far as they are indented."""
    width = max(1, len(indent.expandtabs(4)))
    return [line.removeprefix("\t") if line.startswith("\t") else _drop_blanks(line, width) for line in lines]


def toggle_comment(lines: list[str], language: Language) -> list[str]:
    """The lines as comments, or without the comment when all of them are; blank lines stay as they are.

    A language without comments (JSON, plain text) gives them back unchanged.
    """
    code = [line for line in lines if line.strip()]
    if not code:
        return lines
    if language.line_comment:
        opening, closing = language.line_comment, ""
    elif language.block_comment:
        opening, closing = language.block_comment
    else:
        return lines
    if all(_is_comment(line, opening, closing) for line in code):
        return [_uncomment(line, opening, closing) if line.strip() else line for line in lines]
    column = min(len(leading_space(line)) for line in code)
    end = f" {closing}" if closing else ""
    return [f"{line[:column]}{opening} {line[column:]}{end}" if line.strip() else line for line in lines]


def indent_like(code: str, sample: str) -> str:
    """`code` moved as a whole to the depth of the first line of `sample` that is not blank."""
    first = next((line for line in sample.split("\n") if line.strip()), "")
    dedented = textwrap.dedent(code)
    # A block whose first line is the deepest (a method's tail) keeps its shape: only the common part moves.
    return textwrap.indent(dedented, leading_space(first))


def _drop_blanks(line: str, width: int) -> str:
    return line[min(width, len(line) - len(line.lstrip(" "))) :]


def _is_comment(line: str, opening: str, closing: str) -> bool:
    bare = line.strip()
    return bare.startswith(opening) and bare.endswith(closing)


def _uncomment(line: str, opening: str, closing: str) -> str:
    space = leading_space(line)
    bare = line[len(space) :].removeprefix(opening)
    if closing:
        bare = bare.rstrip().removesuffix(closing).rstrip()
    return space + bare.removeprefix(" ")
