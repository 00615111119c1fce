"""Prompt lookup: guesses the next tokens from what the prompt and the reply said before. Pure."""

from bisect import bisect
from collections.abc import Sequence

from app.engine.speculation.token_guess import NO_GUESS, Guess

NGRAM = 2
"""Tokens that must agree before a continuation is guessed. Two often agree by chance; how often such guesses
are right is counted apart from surer ones, and they are made where they pay."""

LONGEST_MATCH = 32
CANDIDATES = 8
MOST_FAVOUR = 3

_AGREED = (3, 4, 6, 8, 12, 16, 24, 32)


class PromptLookup:
    """Guesses for one reply. An edit or a summary repeats long stretches of its prompt: where the last tokens
    have occurred before, those that followed then are likely to follow now.

    Method: prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding
    """

    def __init__(self) -> None:
        self._places: dict[tuple[int, ...], list[int]] = {}
        self._indexed = 0
        self._favour = 0
        """For the first of places that agree equally; below 0 for the latest."""
        self._contest: tuple[int, int, int] | None = None

    def guess(self, tokens: Sequence[int], most: int) -> Guess:
        """Guess at most `most` tokens that may follow `tokens`, which only ever grow at their end.

        The place whose past agrees longest is taken. Of equals it is the first or the latest, whichever has
        been right more often lately where they differ: what is copied stands in the question, but a name
        that was changed goes on to be changed.
        """
        self._index(tokens)
        self._settle(tokens)
        places = self._places.get(tuple(tokens[-NGRAM:]), ())
        if most <= 0 or not places:
            return NO_GUESS
        lengths = [_agreement(tokens, place) for place in places]
        agreed = max(lengths)
        equals = [place for place, length in zip(places, lengths, strict=True) if length == agreed]
        first, latest = equals[0], equals[-1]
        if tokens[first] != tokens[latest]:
            self._contest = (len(tokens), first, latest)
        start = first if self._favour >= 0 else latest
        end = min(start + most, len(tokens))
        kinds = tuple(self._kind(tokens, place, agreed + place - start) for place in range(start, end))
        return Guess(tuple(tokens[start:end]), kinds, agreed)

    def _settle(self, tokens: Sequence[int]) -> None:
        """Note which of the first and the latest was right, where they differed."""
        if self._contest is None or self._contest[0] == len(tokens):
            return
        (end, first, latest), self._contest = self._contest, None
        if tokens[end] == tokens[first]:
            self._favour = min(self._favour + 1, MOST_FAVOUR)
        elif tokens[end] == tokens[latest]:
            self._favour = max(self._favour - 1, -MOST_FAVOUR)

    def _kind(self, tokens: Sequence[int], place: int, agreed: int) -> int:
        """Classify how likely the token at `place` comes again: by how many before it agree, and by whether
        something else has followed the last of them elsewhere."""
        places = self._places.get(tuple(tokens[place - NGRAM : place]), ())
        is_doubtful = any(tokens[other] != tokens[place] for other in places)
        return 1 + 2 * bisect(_AGREED, agreed) + is_doubtful

    def _index(self, tokens: Sequence[int]) -> None:
        # The end itself is no place: nothing is known of what follows it.
        for place in range(max(NGRAM, self._indexed), len(tokens)):
            places = self._places.setdefault(tuple(tokens[place - NGRAM : place]), [])
            places.append(place)
            if len(places) > CANDIDATES:
                del places[1]
        self._indexed = max(self._indexed, len(tokens))


def _agreement(tokens: Sequence[int], place: int) -> int:
    """Count the tokens before `place` that are the same as those at the end."""
    end, length = len(tokens), NGRAM
    while length < min(place, LONGEST_MATCH) and tokens[place - 1 - length] == tokens[end - 1 - length]:
        length += 1
    return length
