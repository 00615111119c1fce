"""Code blocks of a reply."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from app.code.languages import PLAIN_TEXT, language_named, language_of_file

if TYPE_CHECKING:
    # Comes with the first answer, which is after the window's first painting.
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block. `language` is a key of `app.code.languages`, or the model's own word if unknown, or "".

    `file_name` is where the model says the code belongs: a relative path with forward slashes that does
    not climb out of its folder, or "". `first_line` and `end_line` (0-based, end exclusive) are the
    block's lines in the answer, fences included. `closed` is False while the block is still being written.
    """

    code: str
    language: str
    file_name: str
    first_line: int
    end_line: int
    closed: bool


def code_blocks(answer: str) -> list[CodeBlock]:
    """The fenced blocks of a reply's answer, in order, blank ones left out.

    Give it the answer channel only: code in the thinking is a draft and must not be offered. Fences follow
    CommonMark 0.31.2 section 4.5 (https://spec.commonmark.org/0.31.2/#fenced-code-blocks): inside lists
    and quotes too, a longer fence may hold shorter ones, and a missing end means "until the end". Any thread.
    """
    total_lines = answer.count("\n") + (not answer.endswith("\n"))
    blocks = []
    before: Token | None = None
    for token in _parser().parse(answer):
        if token.type == "fence" and token.map and token.content.strip():
            blocks.append(_block(token, before, token.map[0], token.map[1], total_lines))
        if token.type in ("inline", "fence"):
            before = token
    return blocks


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _block(
    token: "Token", before: "Token | None", first_line: int, end_line: int, total_lines: int
) -> CodeBlock:
    code = token.content
    code_lines = code.count("\n") + (not code.endswith("\n"))
    has_end_fence = end_line - first_line - 1 > code_lines
    word, name = _info(token.info)
    name = name or _name_in_first_line(code) or _name_before(before, first_line)
    language = language_named(word)
    if language is None and not word and name:
        from_name = language_of_file(name)
        language = None if from_name is PLAIN_TEXT else from_name
    return CodeBlock(
        code=code.removesuffix("\n"),
        language=language.key if language else word.lower(),
        file_name=name,
        first_line=first_line,
        end_line=end_line,
        closed=has_end_fence or end_line < total_lines,
    )


_NAMED = re.compile(
    r"""\b(?:title|file|filename|path)\s*[=:]\s*(?:"([^"]+)"|'([^']+)'|(\S+))""", re.IGNORECASE
)
_FIRST_LINE = re.compile(
    r"^\s*(?:#|//|--|;|%|/\*|<!--)\s*(?:file(?:name)?\s*:\s*)?(\S+\.\w{1,8})\s*(?:\*/|-->)?\s*$"
)
_BEFORE = re.compile(
    r"^(?:#+\s*)?(?:\*\*|__)?(?:file(?:name)?\s*:\s*)?[`*_]*([^\s`*]+\.\w{1,8})[`*_]*:?(?:\*\*|__)?:?$",
    re.IGNORECASE,
)


def _info(info: str) -> tuple[str, str]:
    """Language word and file name of an info string such as `python title="a.py"` or `ts:src/a.ts`."""
    info = info.strip().strip("{}").strip()
    named = _NAMED.search(info)
    name = next((group for group in named.groups() if group), "") if named else ""
    word, _, rest = info.partition(" ")
    word, colon, after_colon = word.partition(":")
    word = "" if "=" in word else word.lstrip(".")
    if not name and colon and after_colon:
        name = after_colon
    if not name and "." in rest and "=" not in rest and " " not in rest.strip():
        name = rest.strip()
    if not name and language_named(word) is None and language_of_file(word) is not PLAIN_TEXT:
        word, name = "", word
    return word, _safe_name(name)


def _name_in_first_line(code: str) -> str:
    match = _FIRST_LINE.match(code.partition("\n")[0])
    return _known_name(match[1]) if match else ""


def _name_before(before: "Token | None", fence_line: int) -> str:
    """The name in a line that holds nothing else and stands right before the fence."""
    if before is None or before.type != "inline" or not before.map or fence_line - before.map[1] > 1:
        return ""
    match = _BEFORE.match(before.content.strip())
    return _known_name(match[1]) if match else ""


def _known_name(name: str) -> str:
    return _safe_name(name) if language_of_file(name) is not PLAIN_TEXT or name.endswith(".txt") else ""


_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


def _safe_name(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or any(map(_WINDOWS_DEVICE.match, path.parts))
    printable = name.isprintable() and not set(name) & set('<>:"|?*')
    return str(path) if path.name and printable and not outside else ""
