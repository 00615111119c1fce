"""The length of an answer against the shortest one that passes the same tests."""


class ShortestAnswers:
    """Remembers, for each set of tests, the length of the shortest program that passed them."""

    def __init__(self) -> None:
        self._lengths: dict[str, int] = {}

    def passed(self, tests: str, code: str) -> float:
        """Note a program that passed, and give its length as a multiple of the shortest one's: 1.0 for it."""
        length = max(1, len(code.strip()))
        shortest = min(length, self._lengths.get(tests.strip(), length))
        self._lengths[tests.strip()] = shortest
        return length / shortest
