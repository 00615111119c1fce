"""Follow a text through a grammar, byte by byte, at a bounded cost. Pure.

llama.cpp's matcher (src/llama-grammar.cpp) tries every way through a token by itself, so that `(" "? "
"?){12}` takes it 14 s for one token of spaces, and it cannot be stopped. Here all ways that lead to the same
place are one: a state is the set of stacks that a text can have come to, states are numbered, and each step
from one to the next is worked out once.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from app.engine.grammar.gbnf import END, ByteRange, ByteStrings, GrammarError, Rules

DEAD, UNKNOWN = -1, -2

MOST_WORK = 400_000
"""Steps that may be taken at once, half a second; a usual token takes some hundred."""

WORK_PER_TOKEN = 20_000
"""By so much grows with each token what may be taken again."""

STATE_WORK = 30
"""A state costs as much as so many steps."""

MOST_KEPT = 1_000_000
"""Steps whose results are kept, some 100 MB; then all but the present state is forgotten."""

EMPTY = 0
"""The stack on which nothing is left to come."""

Table = npt.NDArray[np.int32]


class TooManyWays(GrammarError):
    """So many ways through the grammar are open that the next token would take too long."""

    def __init__(self) -> None:
        super().__init__("it leaves too many ways open at once")


class GrammarState:
    """The states of one reply. `state` is the present one, by its number; numbers hold until `settle`.

    A stack is what has still to come: a place in the rules' items (or, within a character, the bytes that are
    left of it) and the stack below, which many share.
    """

    def __init__(self, rules: Rules) -> None:
        """Start at the beginning of a text. Raises `TooManyWays`."""
        self._rules = rules
        self._classes = np.frombuffer(rules.classes, np.uint8)
        self._left = MOST_WORK
        self._clear()
        self.state = self._state(self._closed(self._entered(rules.root, EMPTY)))

    @property
    def states(self) -> int:
        """Tell how many are known."""
        return len(self._sets)

    @property
    def may_end(self) -> bool:
        """Tell whether the text may end here."""
        return EMPTY in self._sets[self.state]

    def after(self, state: int, byte: int) -> int:
        """Return the state behind `byte`, or `DEAD`. Raises `TooManyWays`."""
        kind = self._rules.classes[byte]
        following = int(self._table[state, kind])
        return following if following != UNKNOWN else self._work_out(state, kind)

    def after_bytes(self, piece: bytes) -> int:
        """Return the state behind `piece`, or `DEAD`. Raises `TooManyWays`."""
        state = self.state
        for byte in piece:
            state = self.after(state, byte)
            if state == DEAD:
                break
        return state

    def after_each(self, states: Table, following: npt.NDArray[np.uint8]) -> Table:
        """Return the states behind `states`, each with its own byte. Raises `TooManyWays`."""
        kinds = self._classes[following]
        found: Table = self._table[states, kinds]
        unknown = found == UNKNOWN
        if unknown.any():
            for key in np.unique(states[unknown].astype(np.int64) * 256 + kinds[unknown]):
                self._work_out(int(key) >> 8, int(key) & 255)
            found = self._table[states, kinds]
        return found

    def settle(self, state: int) -> None:
        """Go on from `state`, which is not `DEAD`. Another token begins."""
        self.state = state
        self._left = min(MOST_WORK, self._left + WORK_PER_TOKEN)
        if self._kept > MOST_KEPT:
            self._forget()

    def _clear(self) -> None:
        self._kept = 0
        self._tops: list[int] = [END]
        self._below: list[int] = [EMPTY]
        self._stacks: dict[tuple[int, int], int] = {}
        self._tails: list[tuple[ByteRange, ...]] = []
        """The bytes that are left of a character; its number is -1 - the place here."""
        self._tail_numbers: dict[tuple[ByteRange, ...], int] = {}
        self._closures: dict[int, frozenset[int]] = {EMPTY: frozenset((EMPTY,))}
        self._sets: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self._ways: dict[int, tuple[dict[int, list[int]], list[tuple[int, int, int]]]] = {}
        self._table: Table = np.full((64, len(self._rules.samples)), UNKNOWN, np.int32)

    def _forget(self) -> None:
        """Begin anew with the stacks of the present state."""
        tops, below, tails = self._tops, self._below, self._tails
        present = self._sets[self.state]
        self._clear()
        new = {EMPTY: EMPTY}
        for stack in present:
            way = []
            while stack not in new:
                way.append(stack)
                stack = below[stack]
            for old in reversed(way):
                top = tops[old]
                if top < 0:
                    top = self._tail(tails[-1 - top])
                new[old] = self._stack(top, new[below[old]])
        self.state = self._state(frozenset(new[stack] for stack in present))

    def _spend(self, work: int) -> None:
        self._kept += work
        self._left -= work
        if self._left < 0:
            raise TooManyWays

    def _stack(self, top: int, below: int) -> int:
        number = self._stacks.setdefault((top, below), len(self._tops))
        if number == len(self._tops):
            self._tops.append(top)
            self._below.append(below)
        return number

    def _tail(self, tail: tuple[ByteRange, ...]) -> int:
        number = self._tail_numbers.setdefault(tail, len(self._tails))
        if number == len(self._tails):
            self._tails.append(tail)
        return -1 - number

    def _entered(self, rule: int, below: int) -> list[int]:
        """Return the stacks with which `rule` begins above `below`."""
        items = self._rules.items
        starts = self._rules.starts[rule]
        self._spend(len(starts))
        return [below if items[start] == END else self._stack(start, below) for start in starts]

    def _behind(self, at: int, below: int) -> int:
        """Return the stack once the item at `at` has come."""
        return below if self._rules.items[at + 1] == END else self._stack(at + 1, below)

    def _closed(self, stacks: Iterable[int]) -> frozenset[int]:
        """Return the stacks that these come to before another byte: with characters on top, or empty."""
        found: set[int] = set()
        for stack in stacks:
            closure = self._closures.get(stack)
            if closure is None:
                closure = self._closures[stack] = self._closure(stack)
            self._spend(len(closure))
            found |= closure
        return frozenset(found)

    def _closure(self, stack: int) -> frozenset[int]:
        items = self._rules.items
        found: list[int] = []
        seen = {stack}
        todo = [stack]
        while todo:
            self._spend(1)
            stack = todo.pop()
            top = self._tops[stack]
            if stack == EMPTY or top < 0 or items[top] < 0:
                found.append(stack)
                continue
            for one in self._entered(items[top], self._behind(top, self._below[stack])):
                if one not in seen:
                    seen.add(one)
                    todo.append(one)
        return frozenset(found)

    def _state(self, stacks: frozenset[int]) -> int:
        """Return the number of a set of stacks."""
        if not stacks:
            return DEAD
        number = self._numbers.setdefault(stacks, len(self._sets))
        if number == len(self._sets):
            self._spend(STATE_WORK)
            self._sets.append(stacks)
            if number == len(self._table):
                self._table = np.concatenate([self._table, np.full_like(self._table, UNKNOWN)])
        return number

    def _work_out(self, state: int, kind: int) -> int:
        """Work out the state behind a byte of class `kind`, and note it in the table."""
        byte = self._rules.samples[kind]
        ways = self._ways.get(state)
        if ways is None:
            ways = self._ways[state] = self._ways_on(self._sets[state])
        exact, ranges = ways
        self._spend(1 + len(ranges))
        stacks = exact.get(byte, []) + [stack for low, high, stack in ranges if low <= byte <= high]
        following = self._state(self._closed(stacks))
        self._table[state, kind] = following
        return following

    def _ways_on(self, stacks: frozenset[int]) -> tuple[dict[int, list[int]], list[tuple[int, int, int]]]:
        """Return the stacks that each byte leads to: for single bytes, and for ranges of them."""
        exact: dict[int, list[int]] = {}
        ranges: list[tuple[int, int, int]] = []
        for stack in stacks:
            if stack == EMPTY:
                continue
            top, below = self._tops[stack], self._below[stack]
            strings: ByteStrings
            if top < 0:
                strings, behind = (self._tails[-1 - top],), below
            else:
                strings = self._rules.terminals[-1 - self._rules.items[top]]
                behind = self._behind(top, below)
            self._spend(len(strings))
            for (low, high), *rest in strings:
                following = self._stack(self._tail(tuple(rest)), behind) if rest else behind
                if low == high:
                    exact.setdefault(low, []).append(following)
                else:
                    ranges.append((low, high, following))
        return exact, ranges
