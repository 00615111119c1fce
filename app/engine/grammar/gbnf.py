"""Read grammars in llama.cpp's form (GBNF) into rules over bytes, within limits. Pure.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md

llama.cpp's own reader is not used, because a grammar is a stranger's text. It recurses once for each bracket
and for each rule that begins with another (100,000 of either end the process), visits rules that begin with
each other 2^n times, and misses a left recursion behind a rule that may be empty, which then takes all memory
(src/llama-grammar.cpp, `parse_sequence` and `llama_grammar_detect_left_recursion`).
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

LONGEST_GRAMMAR = 1024 * 1024
"""Characters."""

MOST_REPETITIONS = 2000
"""llama.cpp's own limit."""

MOST_ITEMS = 400_000
"""Items of all rules together, repetitions written out."""

DEEPEST_BRACKETS = 100

END = -1 << 30
"""The item behind the last one of each alternative."""

_ESCAPES = {"t": 9, "r": 13, "n": 10, "\\": 92, '"': 34, "[": 91, "]": 93, "-": 45}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_TIMES = re.compile(r"\{\s*([0-9]{1,9})\s*(?:(,)\s*([0-9]{1,9})?\s*)?\}")
_PLAIN = re.compile(r'[^"\\]+')
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_BYTE_BORDERS = (0x7F, 0x7FF, 0xFFFF, _LAST_CHARACTER)

ByteRange = tuple[int, int]
ByteStrings = tuple[tuple[ByteRange, ...], ...]
"""The byte strings of a set of characters: for each, the range of every byte."""


class GrammarError(Exception):
    """A text is no grammar, or one that takes too much; the message says why, in one short line of
    English."""


@dataclass(slots=True, eq=False)
class Rules:
    """A grammar. `items` holds all alternatives one behind the other, each with an `END`: a rule's number
    where an item is at least 0, else -1 - the place of its characters in `terminals`. `starts` are the places
    in `items` where each rule's alternatives begin."""

    items: list[int] = field(default_factory=list)
    starts: list[list[int]] = field(default_factory=list)
    terminals: list[ByteStrings] = field(default_factory=list)
    root: int = 0
    classes: bytes = bytes(256)
    """For each byte the number of its class: the grammar tells bytes of one class never apart."""
    samples: bytes = b""
    """A byte of each class."""


def read_grammar(text: str) -> Rules:
    """Read the rules of a grammar whose start symbol is "root". Raises `GrammarError`."""
    if len(text) > LONGEST_GRAMMAR:
        raise GrammarError(f"it is longer than {LONGEST_GRAMMAR} characters")
    return _Reader(text).read()


class _Reader:
    """Reads one text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._numbers: dict[str, int] = {}
        self._alternatives: dict[int, list[list[int]]] = {}
        self._rules = Rules()
        self._terminals: dict[ByteStrings, int] = {}
        self._count = 0

    def read(self) -> Rules:
        """Read all rules."""
        self._skip(_SPACE_AND_LINES)
        while self._at < len(self._text):
            self._read_rule()
            self._skip(_SPACE_AND_LINES)
        if "root" not in self._numbers:
            raise GrammarError('it has no rule "root"')
        for name, number in self._numbers.items():
            if number not in self._alternatives:
                raise GrammarError(f'the rule "{name[:40]}" is not there')
        rules = self._rules
        rules.root = self._numbers["root"]
        for number in range(len(self._alternatives)):
            starts = []
            for alternative in self._alternatives[number]:
                starts.append(len(rules.items))
                rules.items += alternative
                rules.items.append(END)
            rules.starts.append(starts)
        _refuse_left_recursion(rules)
        _class_bytes(rules)
        return rules

    def _read_rule(self) -> None:
        number = self._number(self._name())
        self._skip(_SPACE)
        if not self._text.startswith("::=", self._at):
            raise self._wrong("::=")
        self._at += 3
        self._skip(_SPACE_AND_LINES)
        self._alternatives[number] = self._read_alternatives(0)
        if self._next() not in ("", "\r", "\n"):
            raise self._wrong("the end of the rule")

    def _read_alternatives(self, depth: int) -> list[list[int]]:
        found = [self._read_sequence(depth)]
        while self._next() == "|":
            self._at += 1
            self._skip(_SPACE_AND_LINES)
            found.append(self._read_sequence(depth))
        return found

    def _read_sequence(self, depth: int) -> list[int]:
        space = _SPACE_AND_LINES if depth else _SPACE
        items: list[int] = []
        last: list[int] = []
        """The items that a repetition repeats."""
        while True:
            letter = self._next()
            if letter in ("*", "+", "?", "{"):
                if not last:
                    raise self._wrong("something to repeat")
                low, high = self._read_times(letter)
                items[len(items) - len(last) :] = last = self._repeated(last, low, high)
            elif letter == '"':
                last = self._read_literal()
                items += last
            elif letter == "[":
                last = [self._terminal(self._read_set())]
                items += last
            elif letter == ".":
                self._at += 1
                last = [self._terminal([(1, _LAST_CHARACTER)])]
                items += last
            elif letter == "(":
                if depth == DEEPEST_BRACKETS:
                    raise GrammarError(f"its brackets are nested deeper than {DEEPEST_BRACKETS} levels")
                self._at += 1
                self._skip(_SPACE_AND_LINES)
                last = [self._rule(self._read_alternatives(depth + 1))]
                items += last
                if self._next() != ")":
                    raise self._wrong(")")
                self._at += 1
            elif letter and _NAME.match(letter):
                last = [self._number(self._name())]
                items += last
            elif letter in ("<", "!"):
                raise GrammarError("it names single tokens (<...>), which is not known here")
            else:
                self._spend(len(items) + 1)
                return items
            self._skip(space)

    def _repeated(self, last: list[int], low: int, high: int | None) -> list[int]:
        """Repeat `last` so many times: written out, then rules that may be empty."""
        self._spend(len(last) * (low if high is None else high))
        items = last * low
        if high is None:
            again = self._rule([])
            self._alternatives[again] = [[*last, again], []]
            return [*items, again]
        more: list[int] = []
        for _ in range(high - low):
            more = [self._rule([[*last, *more], []])]
        return items + more

    def _read_times(self, letter: str) -> tuple[int, int | None]:
        if letter != "{":
            self._at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[letter]
        found = _TIMES.match(self._text, self._at)
        if found is None:
            raise self._wrong("a number of repetitions")
        self._at = found.end()
        low = int(found[1])
        high = low if not found[2] else None if found[3] is None else int(found[3])
        if max(low, high or 0) > MOST_REPETITIONS:
            raise GrammarError(f"it repeats something more than {MOST_REPETITIONS} times")
        if high is not None and high < low:
            raise GrammarError("it repeats something at most less often than at least")
        return low, high

    def _read_literal(self) -> list[int]:
        self._at += 1
        items: list[int] = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            if plain is not None:
                self._at = plain.end()
                items += [self._single(byte) for byte in plain[0].encode("utf-8", "replace")]
            elif self._next() == '"':
                self._at += 1
                self._spend(len(items))
                return items
            else:
                items += [self._single(byte) for byte in chr(self._character()).encode("utf-8", "replace")]

    def _read_set(self) -> list[tuple[int, int]]:
        self._at += 1
        negative = self._next() == "^"
        self._at += negative
        ranges: list[tuple[int, int]] = []
        while self._next() != "]":
            low = high = self._character()
            if self._next() == "-" and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                high = self._character()
            ranges.append((low, high))
        self._at += 1
        self._spend(len(ranges))
        return _complement(ranges) if negative else ranges

    def _character(self) -> int:
        letter = self._next()
        if not letter:
            raise self._wrong("more")
        self._at += 1
        if letter != "\\":
            return ord(letter)
        kind = self._next()
        self._at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        digits = self._text[self._at : self._at + _HEX_DIGITS.get(kind, 0)]
        if len(digits) != _HEX_DIGITS.get(kind) or not _HEX.fullmatch(digits):
            raise self._wrong("an escape")
        self._at += len(digits)
        if int(digits, 16) > _LAST_CHARACTER:
            raise self._wrong("a character")
        return int(digits, 16)

    def _single(self, byte: int) -> int:
        return self._kept((((byte, byte),),))

    def _terminal(self, ranges: list[tuple[int, int]]) -> int:
        return self._kept(tuple(byte_strings(ranges)))

    def _kept(self, strings: ByteStrings) -> int:
        place = self._terminals.get(strings)
        if place is None:
            place = self._terminals[strings] = len(self._rules.terminals)
            self._rules.terminals.append(strings)
        return -1 - place

    def _rule(self, alternatives: list[list[int]]) -> int:
        """Add a rule without a name."""
        number = self._number(f"({len(self._numbers)}")
        self._alternatives[number] = alternatives
        self._spend(sum(map(len, alternatives)) + len(alternatives))
        return number

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise self._wrong("a name")
        self._at = found.end()
        return found[0]

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, space: re.Pattern[str]) -> None:
        found = space.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _spend(self, items: int) -> None:
        self._count += items
        if self._count > MOST_ITEMS:
            raise GrammarError(f"it comes to more than {MOST_ITEMS} items")

    def _wrong(self, wanted: str) -> GrammarError:
        line = self._text.count("\n", 0, self._at) + 1
        return GrammarError(f"in line {line} there should be {wanted}")


def byte_strings(ranges: Iterable[tuple[int, int]]) -> list[tuple[ByteRange, ...]]:
    """Return the UTF-8 byte strings of ranges of code points, each as the ranges of its bytes; half a
    surrogate pair has none.

    https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/#G27506 (table 3-7)
    """
    todo = list(reversed(_joined(ranges)))
    found: list[tuple[ByteRange, ...]] = []
    while todo:
        low, high = todo.pop()
        border = next(border for border in _BYTE_BORDERS if low <= border)
        if high > border:
            todo += [(border + 1, high), (low, border)]
            continue
        if high <= _BYTE_BORDERS[0]:
            found.append(((low, high),))
            continue
        # Cut so that every byte but the last ones has one value, or all that it can have.
        for bits in (6, 12, 18):
            mask = (1 << bits) - 1
            if low >> bits != high >> bits:
                if low & mask:
                    todo += [((low | mask) + 1, high), (low, low | mask)]
                    break
                if high & mask != mask:
                    todo += [(high & ~mask, high), (low, (high & ~mask) - 1)]
                    break
        else:
            first, last = chr(low).encode(), chr(high).encode()
            found.append(tuple(zip(first, last, strict=True)))
    return found


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in order, without overlaps, and without the halves of surrogate pairs."""
    whole: list[tuple[int, int]] = []
    first, last = _SURROGATES
    for low, high in ranges:
        whole += [(low, min(high, first - 1)), (max(low, last + 1), high)]
    found: list[tuple[int, int]] = []
    for low, high in sorted(one for one in whole if one[0] <= one[1]):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return all other characters but the null, which no text holds."""
    found = []
    at = 1
    for low, high in _joined(ranges):
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    if at <= _LAST_CHARACTER:
        found.append((at, _LAST_CHARACTER))
    return found


def _class_bytes(rules: Rules) -> None:
    borders = {0}
    for strings in rules.terminals:
        for string in strings:
            for low, high in string:
                borders |= {low, high + 1}
    rules.samples = bytes(sorted(borders - {256}))
    rules.classes = bytes(
        number
        for number, (low, high) in enumerate(itertools.pairwise([*rules.samples, 256]))
        for _ in range(low, high)
    )


def _refuse_left_recursion(rules: Rules) -> None:
    """Raise `GrammarError` where a rule can come to itself without a character between."""
    first = _beginnings(rules, _empty_rules(rules))
    unseen, under_way, done = 0, 1, 2
    states = [unseen] * len(first)
    for root in range(len(first)):
        path = [(root, iter(first[root]))] if states[root] == unseen else []
        states[root] = under_way if path else states[root]
        while path:
            rule, rest = path[-1]
            following = next(rest, None)
            if following is None:
                states[rule] = done
                path.pop()
            elif states[following] == under_way:
                raise GrammarError("a rule in it begins with itself")
            elif states[following] == unseen:
                states[following] = under_way
                path.append((following, iter(first[following])))


def _empty_rules(rules: Rules) -> list[bool]:
    """Find the rules that may match the empty text."""
    may_be_empty = [False] * len(rules.starts)
    users: list[list[tuple[int, int]]] = [[] for _ in rules.starts]
    """For each rule the alternatives, made of rules only, that it stands in, each with its own rule."""
    left: dict[int, int] = {}
    """The number of rules in each alternative that are not known to match the empty text."""
    found: list[int] = []
    for rule, starts in enumerate(rules.starts):
        for start in starts:
            end = rules.items.index(END, start)
            items = rules.items[start:end]
            if any(item < 0 for item in items):
                continue
            left[start] = len(items)
            for item in items:
                users[item].append((start, rule))
            if not items and not may_be_empty[rule]:
                may_be_empty[rule] = True
                found.append(rule)
    while found:
        for start, rule in users[found.pop()]:
            left[start] -= 1
            if not left[start] and not may_be_empty[rule]:
                may_be_empty[rule] = True
                found.append(rule)
    return may_be_empty


def _beginnings(rules: Rules, may_be_empty: list[bool]) -> list[list[int]]:
    """Find for each rule those that it may begin with."""
    first: list[list[int]] = []
    for starts in rules.starts:
        known: dict[int, None] = {}
        for at in starts:
            while (item := rules.items[at]) >= 0:
                known[item] = None
                if not may_be_empty[item]:
                    break
                at += 1
        first.append(list(known))
    return first
