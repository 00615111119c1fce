"""Measured figures as text: about three significant figures, thousands with a comma."""


def rate(tok_per_s: float) -> str:
    """Tokens per second, without the unit."""
    return number(tok_per_s)


def seconds(duration_s: float) -> str:
    """Seconds, without the unit; never more exact than a millisecond."""
    return f"{duration_s:.3f}" if duration_s < 0.1 else number(duration_s)


def gib(count_bytes: float) -> str:
    """Memory in GiB, without the unit: one decimal, as cards and memory modules are named."""
    return f"{count_bytes / (1 << 30):.1f}"


def number(value: float) -> str:
    """A positive figure to three significant figures, at most two decimals."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{decimals}f}"
