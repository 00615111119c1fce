"""Whole numbers between limits as a grammar (GBNF) over their digits. Pure."""

MOST_DIGITS = 18


def whole_number(low: int | None, high: int | None) -> str:
    """Return the alternatives that are exactly the whole numbers from `low` to `high`; None is no limit (up
    to `MOST_DIGITS` digits). Empty where there are none."""
    largest = 10**MOST_DIGITS - 1
    low = -largest if low is None else max(low, -largest)
    high = largest if high is None else min(high, largest)
    options: list[str] = []
    if low < 0:
        top = min(high, -1)
        options += [f'"-" {option}' for option in _natural(-top, -low)] if top >= low else []
    if high >= 0:
        options += _natural(max(low, 0), high) if high >= max(low, 0) else []
    return " | ".join(options)


def _natural(low: int, high: int) -> list[str]:
    """Return the numbers from `low` to `high`, both at least 0, without leading zeros."""
    options = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (digits - 1) if digits > 1 else 0)
        last = min(high, 10**digits - 1)
        options += _same_length(str(first), str(last))
    return options


def _same_length(low: str, high: str) -> list[str]:
    """Return the digit strings between two of the same length."""
    if low == high:
        return [f'"{low}"']
    place = next(index for index in range(len(low)) if low[index] != high[index])
    head = f'"{low[:place]}" ' if place else ""
    rest = len(low) - place - 1
    if not rest:
        return [f"{head}[{low[place]}-{high[place]}]"]
    first, last = int(low[place]), int(high[place])
    options = []
    if int(low[place + 1 :]):
        options += [f'{head}"{first}" {option}' for option in _same_length(low[place + 1 :], "9" * rest)]
        first += 1
    tail: list[str] = []
    if int(high[place + 1 :]) != 10**rest - 1:
        tail = [f'{head}"{last}" {option}' for option in _same_length("0" * rest, high[place + 1 :])]
        last -= 1
    if first <= last:
        options.append(f"{head}[{first}-{last}] [0-9]{{{rest}}}")
    return options + tail
