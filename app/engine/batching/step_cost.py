"""The time of a step by its number of tokens, learnt from the steps that run. Pure."""

FORGET = 0.98
"""Weight of the past: attention grows with the context, other programs come and go."""

HOPE_PART = 0.1
HOPE_WEIGHT = 0.5
"""A token more costs a tenth of a step until it is measured. Measurements of larger steps age while none is
made, so that they are tried again: the program that made them dear may have ended."""

LINE_WEIGHT = 2.0
LONGEST_MEMORY = 32.0


class StepCost:
    """The time of a step in seconds by its number of tokens: a straight line through the steps seen,
    corrected for each size by how far its steps were off the line. Matrix kernels are faster at some sizes:
    on one processor a step of eight costs less than one of seven.
    """

    def __init__(self) -> None:
        self._weight = self._n = self._nn = self._t = self._nt = self._larger = 0.0
        self._bends: dict[int, tuple[float, float]] = {}
        """By size, the sum of the steps' times relative to the line, and their number."""

    def observe(self, tokens: int, seconds: float) -> None:
        """Note that a step with `tokens` in its batch took `seconds`."""
        self._weight = self._weight * FORGET + 1.0
        self._n = self._n * FORGET + tokens
        self._nn = self._nn * FORGET + tokens * tokens
        self._t = self._t * FORGET + seconds
        self._nt = self._nt * FORGET + tokens * seconds
        self._larger = self._larger * FORGET + (tokens > 1)
        line = self._line()
        if line is not None:
            base, slope = line
            total, count = self._bends.get(tokens, (0.0, 0.0))
            keep = min(1.0, LONGEST_MEMORY / (count + 1.0))
            self._bends[tokens] = (total + seconds / (base + slope * tokens)) * keep, (count + 1.0) * keep

    def seconds(self, tokens: int) -> float:
        """Estimate the time of a step of `tokens`; in an arbitrary unit until two sizes were seen."""
        base, slope = self._line() or (1.0, HOPE_PART)
        total, count = self._bends.get(tokens, (0.0, 0.0))
        return (base + slope * tokens) * (total + LINE_WEIGHT) / (count + LINE_WEIGHT)

    def _line(self) -> tuple[float, float] | None:
        """Fit the line's base and slope; None before steps of two sizes were seen."""
        spread = self._weight * self._nn - self._n * self._n
        if self._weight < 2 or spread <= 1e-6 * self._nn:
            return None
        tokens, seconds = self._n / self._weight, self._t / self._weight
        hoped = HOPE_PART * seconds / (1.0 + HOPE_PART * tokens)
        # Noise can tilt the line; a step costs something, and a token more never makes it cheaper.
        slope = max((self._weight * self._nt - self._n * self._t) / spread, 0.0)
        slope = (slope * self._larger + hoped * HOPE_WEIGHT) / (self._larger + HOPE_WEIGHT)
        base = seconds - slope * tokens
        return max(base, 0.05 * (base + slope), 1e-9), slope
