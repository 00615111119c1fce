"""Prompt lookup: guesses the next tokens from what the prompt and the reply said before. Pure."""

from collections.abc import Sequence

from app.engine.guess import NO_GUESS, Guess

NGRAM = 2
"""Tokens that must agree before a continuation is guessed. Two often agree by chance; how often such guesses
are right is counted apart from surer ones, and they are made where they pay."""

LONGEST_MATCH = 32
CANDIDATES = 4


class PromptLookup:
    """Guesses for one reply. An edit or a summary repeats long stretches of its prompt: where the last tokens
    have occurred before, those that followed then are likely to follow now.

    Method: prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding
    """

    def __init__(self) -> None:
        self._places: dict[tuple[int, ...], list[int]] = {}
        self._indexed = 0

    def guess(self, tokens: Sequence[int], most: int) -> Guess:
        """At most `most` tokens that may follow `tokens`, which only ever grow at their end.

        The place whose past agrees longest is taken, the latest of equals. The more agrees, the surer the
        guess: its `confidence` is the length of the agreement.
        """
        self._index(tokens)
        if most <= 0 or len(tokens) < NGRAM:
            return NO_GUESS
        best, best_length = -1, 0
        for place in reversed(self._places.get(tuple(tokens[-NGRAM:]), ())):
            length = _agreement(tokens, place)
            if length > best_length:
                best, best_length = place, length
        if best < 0:
            return NO_GUESS
        return Guess(tuple(tokens[best : best + most]), best_length)

    def _index(self, tokens: Sequence[int]) -> None:
        # The end itself is no place: nothing is known of what follows it.
        for place in range(max(NGRAM, self._indexed), len(tokens)):
            places = self._places.setdefault(tuple(tokens[place - NGRAM : place]), [])
            places.append(place)
            if len(places) > CANDIDATES:
                del places[1]
        self._indexed = max(self._indexed, len(tokens))


def _agreement(tokens: Sequence[int], place: int) -> int:
    """How many tokens before `place` are the same as those at the end."""
    end, length = len(tokens), NGRAM
    while length < min(place, LONGEST_MATCH) and tokens[place - 1 - length] == tokens[end - 1 - length]:
        length += 1
    return length
