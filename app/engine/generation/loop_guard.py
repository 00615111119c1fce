"""Thoughts that go round in circles, the complaint about R1 models that is heard most. Pure.

Two signs, each of which costs the same for every token: the tokens repeat with a fixed period, or nearly
everything that is said has been said three times before. Tables, matrices and code repeat themselves too, but
with other words or numbers in each line, or for a short while only.
"""

from collections import deque
from math import ceil

EXACT_TOKENS = 300
EXACT_ROUNDS = 4
"""The same words so often in a row, over so many tokens, are a circle."""

WORDLESS_TOKENS = 1500
"""Without a word in it, it may be a matrix of zeros or the line of a table."""

ANCHOR_TOKENS = 8
"""A period is found where so many tokens come again."""

PHRASE_TOKENS = 12
"""Phrases of so many words and numbers; punctuation does not count, as it comes again in any list."""

HEARD_TIMES = 3
STALE_WINDOW = 512
STALE_SHARE = 0.85
"""So many of the last phrases were heard so often before."""

_LEAST_STALE = ceil(STALE_SHARE * STALE_WINDOW)
_LEAST_RUN = (EXACT_ROUNDS - 1) * EXACT_TOKENS // EXACT_ROUNDS
"""So many tokens repeat others in the shortest circle, whatever its period."""

LONGEST_MEMORY = 1 << 16


class LoopGuard:
    """Watches the tokens of one train of thought."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._last_seen: dict[tuple[int, ...], int] = {}
        self._period = 0
        self._run = 0
        self._words: list[int] = [0]
        self._phrase: deque[str] = deque(maxlen=PHRASE_TOKENS)
        self._heard: dict[int, int] = {}
        self._stale: deque[bool] = deque(maxlen=STALE_WINDOW)
        self._stale_count = 0

    def add(self, token: int, piece: bytes) -> bool:
        """Add a token, which prints `piece`; True when the thought goes round in circles."""
        text = piece.decode("utf-8", "ignore").strip()
        has_word = text.isalpha() or any(character.isalpha() for character in text)
        circle = self._is_exact(token, has_word)
        if not has_word and text.isascii() and not any(character.isdigit() for character in text):
            return circle
        return self._is_stale(text) or circle

    def soonest(self) -> int:
        """Return after how many more tokens, one at least, `add` may say so at the earliest."""
        exact = _LEAST_RUN - ANCHOR_TOKENS + 1
        if self._period:
            run = max((EXACT_ROUNDS - 1) * self._period, EXACT_TOKENS - self._period)
            exact = min(exact, run - self._run)
        return max(1, min(exact, _LEAST_STALE - self._stale_count))

    def _is_exact(self, token: int, has_word: bool) -> bool:
        """Tell whether the tokens at the end repeat with one period."""
        tokens = self._tokens
        if len(tokens) >= LONGEST_MEMORY:
            self._forget()
        place = len(tokens)
        tokens.append(token)
        self._words.append(self._words[-1] + has_word)
        if self._period and token == tokens[place - self._period]:
            self._run += 1
        else:
            self._period = self._run = 0
        if place + 1 >= ANCHOR_TOKENS:
            anchor = tuple(tokens[-ANCHOR_TOKENS:])
            before = self._last_seen.get(anchor)
            self._last_seen[anchor] = place
            if not self._period and before is not None:
                self._period, self._run = place - before, ANCHOR_TOKENS
        period, length = self._period, self._run + self._period
        if not period or self._run < (EXACT_ROUNDS - 1) * period:
            return False
        worded = self._words[-1] > self._words[-1 - period]
        return length >= (EXACT_TOKENS if worded else WORDLESS_TOKENS)

    def _is_stale(self, text: str) -> bool:
        """Tell whether nearly all of the last phrases are old."""
        self._phrase.append(text)
        if len(self._phrase) < PHRASE_TOKENS:
            return False
        key = hash(tuple(self._phrase))
        heard = self._heard.get(key, 0)
        if heard < HEARD_TIMES:
            self._heard[key] = heard + 1
        stale = heard >= HEARD_TIMES and any(
            character.isalpha() for word in self._phrase for character in word
        )
        if len(self._stale) == STALE_WINDOW:
            self._stale_count -= self._stale[0]
        self._stale.append(stale)
        self._stale_count += stale
        return self._stale_count >= _LEAST_STALE

    def _forget(self) -> None:
        """Bound the memory of a very long thought: begin again."""
        self._tokens.clear()
        self._last_seen.clear()
        self._heard.clear()
        self._words = [0]
        self._period = self._run = 0
