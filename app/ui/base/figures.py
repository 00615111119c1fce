"""Measured figures as text: about three significant figures, thousands with a comma."""


def rate(tok_per_s: float) -> str:
    """Tokens per second, without the unit."""
    return number(tok_per_s)


def seconds(duration_s: float) -> str:
    """Seconds, without the unit; never more exact than a millisecond."""
    return f"{duration_s:.3f}" if duration_s < 0.1 else number(duration_s)


def number(value: float) -> str:
    """A positive figure to three significant figures, at most two decimals."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{decimals}f}"
