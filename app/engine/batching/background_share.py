"""How much the background may take while a reply in front is being written. Pure."""

MOST_EXTRA_S = 0.05
"""A step may take so much longer for the background: text that comes ten times a second looks smooth."""

FIRST_TOKENS = 8
NEW_WEIGHT = 0.25


class BackgroundPace:
    """Leaves the front at least half of the time.

    A step of the front alone sets the measure. What a shared step takes beyond it is a debt, and while there
    is one, the front goes alone.
    """

    def __init__(self) -> None:
        self._alone_s = 0.0
        self._token_s = 0.0
        self._debt_s = 0.0

    @property
    def tokens(self) -> int:
        """So many tokens of the background may join the next step."""
        if self._debt_s > 0.0:
            return 0
        return max(1, int(MOST_EXTRA_S / self._token_s)) if self._token_s else FIRST_TOKENS

    def took(self, seconds: float, background_tokens: int) -> None:
        """A step with a reply in front and so many tokens of the background."""
        if not background_tokens:
            self._debt_s = max(0.0, self._debt_s - seconds)
            self._alone_s += (seconds - self._alone_s) * (NEW_WEIGHT if self._alone_s else 1.0)
            return
        extra_s = max(0.0, seconds - self._alone_s)
        token_s = extra_s / background_tokens
        self._token_s += (token_s - self._token_s) * (NEW_WEIGHT if self._token_s else 1.0)
        self._debt_s += extra_s
