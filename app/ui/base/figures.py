"""Measured figures as text: about three significant figures, thousands with a comma."""


def rate(tok_per_s: float) -> str:
    """Tokens per second, without the unit."""
    return number(tok_per_s)


def seconds(duration_s: float) -> str:
    """Seconds, without the unit; never more exact than a millisecond."""
    return f"{duration_s:.3f}" if duration_s < 0.1 else number(duration_s)


def change(percent: float, decimals: int = 1) -> str:
    """A change with its sign, of which a falling one is as wide as a rising one, and %."""
    return f"{signed(f'{percent:+.{decimals}f}')}%"


def signed(number_text: str) -> str:
    """A figure with a minus of the typographer in place of the hyphen."""
    return number_text.replace("-", "−")


def number(value: float) -> str:
    """A positive figure to three significant figures, at most two decimals."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{decimals}f}"
