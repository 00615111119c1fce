"""Numbers of final answers that could be too large: powers, factorials, periods and other bases."""

import sympy

from app.bench.quality.answers.values import Expression, Unreadable

LARGEST_EXPONENT = 2000
LARGEST_FACTORIAL = 300


def raised(base: Expression, exponent: Expression) -> Expression:
    """A power; a large one stays as it is written, because nobody has use for its digits."""
    if base is sympy.E or not (base.is_number and exponent.is_number):
        return base**exponent
    if isinstance(exponent, sympy.Rational) and _digits(base) * abs(exponent) <= LARGEST_EXPONENT:
        return base**exponent
    return sympy.Pow(base, exponent, evaluate=False)


def _digits(base: Expression) -> int:
    return max([len(str(atom)) for atom in base.atoms(sympy.Rational)], default=1)


def factorial(value: Expression) -> Expression:
    """n!, which stays as it is written where n is large."""
    small = value.is_Integer and 0 <= value <= LARGEST_FACTORIAL
    return sympy.factorial(value, evaluate=bool(small))


def repeating(digits: str) -> Expression:
    r"""The fraction of a decimal with a period, such as "0.1\overline{6}"."""
    before, _, period = digits.partition("\\overline")
    period = period.strip().strip("{}")
    whole, _, fixed = before.partition(".")
    scale = 10 ** len(fixed)
    start = sympy.Rational(int((whole or "0") + fixed), scale)
    return start + sympy.Rational(int(period), scale * (10 ** len(period) - 1))


def in_base(digits: str, base: Expression) -> Expression:
    """The number of digits in another base than ten. Raises `Unreadable`."""
    if not (base.is_Integer and 2 <= base <= 36):
        raise Unreadable("no base")
    try:
        return sympy.Integer(int(digits, int(base)))
    except ValueError:
        raise Unreadable("digits that the base does not have") from None
