"""What a step costs by its size, measured while it runs. Pure."""

FORGET = 0.98
"""Weight of the past: attention grows with the context, other programs come and go."""


class StepCost:
    """What a step costs by its number of tokens: a straight line through the steps seen, in seconds."""

    def __init__(self) -> None:
        # A step reads all weights, whatever it computes; until measured, a token more costs a tenth of that.
        self._weight = self._n = self._nn = self._t = self._nt = 0.0

    def observe(self, tokens: int, seconds: float) -> None:
        """A step with `tokens` in its batch took `seconds`."""
        self._weight = self._weight * FORGET + 1.0
        self._n = self._n * FORGET + tokens
        self._nn = self._nn * FORGET + tokens * tokens
        self._t = self._t * FORGET + seconds
        self._nt = self._nt * FORGET + tokens * seconds

    def seconds(self, tokens: int) -> float:
        """What a step of `tokens` takes; before there is a measurement, in a unit of its own."""
        base, slope = self._line()
        return base + slope * tokens

    def _line(self) -> tuple[float, float]:
        spread = self._weight * self._nn - self._n * self._n
        if self._weight < 2 or spread <= 1e-6 * self._nn:
            return 1.0, 0.1
        slope = (self._weight * self._nt - self._n * self._t) / spread
        base = (self._t - slope * self._n) / self._weight
        # Noise can tilt the line; a step costs something, and a token more never makes it cheaper.
        slope = max(slope, 0.0)
        return max(base, 0.05 * (base + slope), 1e-9), slope
