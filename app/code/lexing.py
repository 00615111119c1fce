"""Pygments, line by line: an edit lexes again only what it changed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pygments.lexer import ExtendedRegexLexer, Lexer, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Whitespace, _TokenType

from app.base.threads import start_thread
from app.code.languages import Language

LINE_LIMIT_CHARACTERS = 4000
"""Longer lines (minified code, data) stay plain: one regular expression over them could stall the window."""

LineToken = tuple[int, int, _TokenType]
"""Start and length in characters of the line, and the kind."""

# Pygments matches a comment or a raw string of several lines as one expression that needs its end. With
# these ends after the text, one that is still open reaches to the end of the text instead of being missed.
_C_END = "\n*/`"
_ENDS = {"markdown": "\n```\n", "html": "\n-->", "xml": "\n-->", "lua": "\n]]", "python": "", "bash": ""}


@dataclass(frozen=True, slots=True)
class _Start:
    """The start of a line: with the lexer's state stack, or inside a token that began `lines_back` lines
    before in `column`."""

    lines_back: int
    column: int
    stack: tuple[str, ...]


_TOP = _Start(0, 0, ("root",))


class IncrementalLexer:
    """The tokens of a text that is being edited. Not thread-safe; no Qt.

    Lines are lexed from the first changed one until a line begins as it did before. Regular-expression
    lexers see the text after it, so tokens of several lines come out right; the few others (JSON, YAML, Ruby,
    Makefile) are lexed each line for itself. Expressions that look further ahead than their token (a script
    element's end in HTML) can miss a later edit until `lex_again`.
    """

    def __init__(self, language: Language, lines: list[str]) -> None:
        self._key = language.key
        self._end = _ENDS.get(language.key, _C_END)
        self._lines = _bounded(lines)
        self._starts: list[_Start | None] = [None] * len(lines)
        self._starts[0] = _TOP
        self._pending: int | None = 0
        self._edited_until = 0
        self._run: Iterator[tuple[int, list[LineToken]]] | None = None

    @property
    def is_ready(self) -> bool:
        """Tell whether the language's rules are compiled; if not, `lex_until` does it, in up to 0.2 s."""
        return self._key in _LEXERS

    def prepare(self) -> None:
        """Let a thread compile the language's rules, if none does so."""
        if self._key not in _BEGUN:
            _BEGUN.add(self._key)
            start_thread(partial(_lexer, self._key), "lexer")

    @property
    def pending(self) -> bool:
        """Tell whether some lines are still to be lexed."""
        return self._pending is not None

    @property
    def line_count(self) -> int:
        """Lines of the text as known here."""
        return len(self._lines)

    def replace_lines(self, first: int, removed: int, lines: list[str]) -> None:
        """Tell that the `removed` lines from `first` on have become `lines` (at least one)."""
        start = self._starts[first]
        self._lines[first : first + removed] = _bounded(lines)
        self._starts[first : first + removed] = [start, *[None] * (len(lines) - 1)]
        shift = len(lines) - removed
        last = first + len(lines) - 1
        if self._pending is None:
            self._pending, self._edited_until = first, last
        else:
            unfinished = max(self._edited_until, self._pending)
            if unfinished >= first:
                unfinished = max(first, unfinished + shift)
            self._pending = min(self._pending, first)
            self._edited_until = max(last, unfinished)
        self._edited_until = min(self._edited_until, len(self._lines) - 1)
        self._run = None

    def lex_again(self) -> None:
        """Make every line pending."""
        self._starts[1:] = [None] * (len(self._lines) - 1)
        self._pending, self._edited_until, self._run = 0, 0, None

    def lex_until(self, deadline_s: float) -> Iterator[tuple[int, list[LineToken]]]:
        """Lines and their tokens until `time.perf_counter()` passes `deadline_s` or nothing is pending."""
        while self._pending is not None:
            if self._run is None:
                self._run = self._lex_lines(self._pending) if self._uses_states() else self._lex_each()
            done = next(self._run, None)
            if done is None:
                self._run = None
                self._pending = None
                return
            self._pending = min(done[0] + 1, len(self._lines) - 1)
            yield done
            if time.perf_counter() > deadline_s:
                return

    def _uses_states(self) -> bool:
        lexer = _lexer(self._key)
        return isinstance(lexer, RegexLexer) and not isinstance(lexer, ExtendedRegexLexer)

    def _lex_each(self) -> Iterator[tuple[int, list[LineToken]]]:
        assert self._pending is not None
        for number in range(self._pending, len(self._lines)):
            if number > self._edited_until and self._starts[number] is not None:
                return
            self._starts[number] = _TOP
            line = self._lines[number]
            found = _lexer(self._key).get_tokens_unprocessed(line + "\n") if line else []
            yield number, [(start, len(value), kind) for start, kind, value in found if value.strip()]

    def _lex_lines(self, line: int) -> Iterator[tuple[int, list[LineToken]]]:
        """Lex from `line`, or from where the token began that it lies in, until a line begins as before."""
        start = self._starts[line]
        while start is None or start.lines_back:
            line -= start.lines_back if start else 1
            start = self._starts[line]
        text = "\n".join(self._lines[line:]) + "\n" + self._end
        tokens: list[LineToken] = []
        line_begin, line_end = 0, text.index("\n")
        match_line, match_column, stack_before = line, 0, start.stack
        for found, position, stack in _matches(_lexer(self._key), text, start.stack):
            for begin, length, kind in [*_single_lines(found), (position, 0, Whitespace)]:
                while line_end < begin:
                    if line + 1 == len(self._lines):
                        yield line, tokens
                        return
                    at_boundary = line_end + 1 == position
                    begins = (
                        _Start(0, 0, stack)
                        if at_boundary
                        else _Start(line + 1 - match_line, match_column, stack_before)
                    )
                    past_edit = at_boundary and line + 1 > self._edited_until
                    settled = past_edit and self._starts[line + 1] == begins
                    self._starts[line + 1] = begins
                    yield line, tokens
                    if settled:
                        return
                    tokens = []
                    line += 1
                    line_begin, line_end = line_end + 1, text.index("\n", line_end + 1)
                if length:
                    tokens.append((begin - line_begin, length, kind))
            match_line, match_column, stack_before = line, position - line_begin, stack


_LEXERS: dict[str, Lexer] = {}
_BEGUN: set[str] = set()
"""The languages whose rules a thread has begun to compile."""


def _lexer(key: str) -> Lexer:
    if key not in _LEXERS:
        _LEXERS[key] = get_lexer_by_name(key)
    return _LEXERS[key]


def _bounded(lines: list[str]) -> list[str]:
    return [line if len(line) <= LINE_LIMIT_CHARACTERS else "" for line in lines]


_Found = list[tuple[int, _TokenType, str]]


def _single_lines(found: _Found) -> Iterator[tuple[int, int, _TokenType]]:
    """Start, length and kind of what is not blank, cut at line ends."""
    for begin, kind, value in found:
        if "\n" not in value:
            if not value.isspace():
                yield begin, len(value), kind
            continue
        for line in value.split("\n"):
            if line and not line.isspace():
                yield begin, len(line), kind
            begin += len(line) + 1


def _matches(
    lexer: Lexer, text: str, stack: tuple[str, ...]
) -> Iterator[tuple[_Found, int, tuple[str, ...]]]:
    """Tokens of each match, the position after it and the state stack then.

    The loop of `pygments.lexer.RegexLexer.get_tokens_unprocessed` (Pygments 2.21), which keeps its stack to
    itself.
    """
    definitions = lexer._tokens  # type: ignore[attr-defined]  # made by Pygments' RegexLexerMeta
    position = 0
    states = list(stack)
    while position < len(text):
        for match_at, action, change in definitions[states[-1]]:
            match = match_at(text, position)
            if match is None:
                continue
            if action is None:
                found: _Found = []
            elif type(action) is _TokenType:
                found = [(position, action, match.group())]
            else:
                found = list(action(lexer, match))
            position = match.end()
            if change is not None:
                _change_state(states, change)
            break
        else:
            at_line_end = text[position] == "\n"
            if at_line_end:
                states = ["root"]
            found = [(position, Whitespace if at_line_end else Error, text[position])]
            position += 1
        yield found, position, tuple(states)


def _change_state(states: list[str], change: tuple[str, ...] | int | str) -> None:
    if isinstance(change, int):
        if abs(change) >= len(states):
            del states[1:]
        else:
            del states[change:]
        return
    for state in change if isinstance(change, tuple) else (change,):
        if state == "#pop":
            if len(states) > 1:
                states.pop()
        elif state == "#push":
            states.append(states[-1])
        else:
            states.append(state)
