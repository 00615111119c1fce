"""Compare two final answers by their meaning, however they are written."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

import sympy

from app.bench.quality.answers.latex_parser import parse
from app.bench.quality.answers.latex_tokens import cleaned, has_groups, tokens
from app.bench.quality.answers.plain_answer import plain_answer, words_of
from app.bench.quality.answers.units import unit_of
from app.bench.quality.answers.values import (
    Expression,
    Matrix,
    Ordered,
    Quantity,
    Ratio,
    Relation,
    Union,
    Unordered,
    Unreadable,
    Value,
    Words,
)

DIGITS = 40
LARGEST_POWER = 100_000
POINTS = (
    (Fraction(7, 5), Fraction(11, 3), Fraction(13, 7), Fraction(23, 9), Fraction(31, 11)),
    (Fraction(-19, 8), Fraction(29, 12), Fraction(-5, 13), Fraction(17, 6), Fraction(-41, 15)),
    (Fraction(3, 17), Fraction(-37, 14), Fraction(43, 19), Fraction(-2, 21), Fraction(53, 22)),
    (Fraction(61, 16), Fraction(1, 23), Fraction(-59, 18), Fraction(67, 25), Fraction(4, 27)),
    (Fraction(-71, 24), Fraction(-73, 26), Fraction(-79, 28), Fraction(-83, 32), Fraction(-89, 33)),
)
"""The values at which expressions with variables are compared: no root of anything that people ask about."""

_CLOCK = re.compile(r"\d{1,2}:0\d(?!\d)")

_ENDLESS = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def same_answer(expected: str, found: str) -> bool:
    """Tell whether `found` means the same as `expected`. Each is a final answer in LaTeX or plain text.

    Fractions, decimals, radicals, sets, intervals, inequalities, equations, matrices, points, units and
    words are compared as what they mean; a percent sign and a unit that only one of them has are let pass,
    as MATH's own graders do (https://arxiv.org/abs/2103.03874). Decimals are exact: 0.33 is not a third.

    Hostile text can make this slow, so it runs in a process with limits (`AnswerJudge`).
    """
    plain = plain_answer(expected), plain_answer(found)
    if plain[0] == plain[1]:
        return True
    if any(_CLOCK.match(text) for text in plain):
        # 12:00 is a time of day; as a ratio it would be 5:00 as well.
        return False
    theirs = list(_readings(found))
    return any(_same(one, other) for one in _readings(expected) for other in theirs)


def _readings(answer: str) -> Iterator[Value]:
    words = words_of(answer)
    if words is not None:
        yield Words(words)
        if not _may_be_product(words):
            return
    try:
        text, unit = _trailing_words(cleaned(answer))
    except Unreadable:
        return
    for grouped in (True, False) if has_groups(text) else (True,):
        try:
            found = tokens(text, grouped=grouped)
            value = parse(found)
            if any(token.text in ("pm", "mp") for token in found):
                value = Unordered((value, parse(found, -1)))
            if unit and isinstance(value, Quantity) and not value.unit:
                value = Quantity(value.expression, unit)
        except (Unreadable, ArithmeticError, TypeError, ValueError, AttributeError, RecursionError):
            # Sympy's own refusals of what makes no sense, such as a symbol compared with a number.
            continue
        yield value


def _trailing_words(text: str) -> tuple[str, str]:
    """ "5 apples" as a number and its unit; words in \\text are the parser's."""
    match = re.fullmatch(
        r"(.*[\d})])\s*((?:square |sq |cubic )?(?:cm|mm|km|kg|mi|ft|in|ml|mph|[A-Za-z]{3,}(?: [a-z]+)*)"
        r"(?:\s*\^\s*\{?[23]\}?)?|km/h|m/s)",
        text,
    )
    if match is None or "\\" in match[1].rsplit("}", 1)[-1]:
        return text, ""
    return match[1], match[2]


def _may_be_product(words: str) -> bool:
    return bool(re.fullmatch(r"[a-z]{1,2}|[b-df-hj-np-tv-z]{3,4}", words)) and words not in ("no", "up", "on")


def _same(a: Value, b: Value) -> bool:
    if isinstance(a, Relation) != isinstance(b, Relation):
        a, b = _without_name(a), _without_name(b)
    if isinstance(a, Relation) or isinstance(b, Relation):
        return _same_relation(a, b)
    if isinstance(a, Words) or isinstance(b, Words):
        return _name(a) == _name(b) != ""
    if isinstance(a, Union) and isinstance(b, Union):
        return _same_unordered(a.parts, b.parts)
    if isinstance(a, Unordered) and isinstance(b, Unordered):
        return _same_unordered(a.items, b.items)
    if isinstance(a, Unordered) and len(a.items) == 1:
        return _same(a.items[0], b)
    if isinstance(b, Unordered) and len(b.items) == 1:
        return _same(a, b.items[0])
    if isinstance(a, Ordered) and isinstance(b, Ordered):
        return (a.opening, a.closing) == (b.opening, b.closing) and _same_ordered(a.items, b.items)
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        return len(a.rows) == len(b.rows) and all(map(_same_ordered, a.rows, b.rows))
    if isinstance(a, Ratio) and isinstance(b, Ratio):
        return _same_ratio(a, b)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _same_quantity(a, b)
    return False


def _same_ordered(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(map(_same, a, b))


def _same_unordered(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return all(any(_same(one, other) for other in b) for one in a) and all(
        any(_same(one, other) for one in a) for other in b
    )


def _same_ratio(a: Ratio, b: Ratio) -> bool:
    if len(a.terms) != len(b.terms):
        return False
    return all(
        _same_expression(one * b.terms[0], other * a.terms[0])
        for one, other in zip(a.terms, b.terms, strict=True)
    )


def _same_quantity(a: Quantity, b: Quantity) -> bool:
    (measures, size), (other, other_size) = unit_of(a.unit), unit_of(b.unit)
    if a.unit and b.unit:
        scaled = a.expression * sympy.Rational(size), b.expression * sympy.Rational(other_size)
        return measures == other and _same_expression(*scaled)
    if _same_expression(a.expression, b.expression):
        return True
    with_unit, plain = (a, b) if a.unit else (b, a)
    factor = {"%": sympy.Rational(1, 100), "deg": sympy.pi / 180}.get(unit_of(with_unit.unit)[0])
    return factor is not None and _same_expression(with_unit.expression * factor, plain.expression)


def _without_name(value: Value) -> Value:
    """5 for x = 5, and [1, 2] for x in [1, 2]."""
    if isinstance(value, Unordered):
        return Unordered(tuple(_without_name(item) for item in value.items))
    if isinstance(value, Relation) and value.operators in (("=",), ("in",)) and _is_name(value.values[0]):
        return value.values[1]
    if isinstance(value, Relation) and value.operators == ("=", "="):
        # x = 3/6 = 1/2
        return value.values[2]
    return value


def _is_name(value: Value) -> bool:
    return isinstance(value, Words) or (
        isinstance(value, Quantity) and isinstance(value.expression, sympy.Symbol)
    )


def _same_relation(a: Value, b: Value) -> bool:
    if isinstance(a, Relation) and isinstance(b, Relation):
        if set(a.operators) == set(b.operators) == {"="} and len(a.values) == len(b.values) == 2:
            return _same_equation(a, b)
        if a.operators == b.operators and _same_ordered(a.values, b.values):
            return True
    one, other = _interval(a), _interval(b)
    if one is None or other is None:
        return False
    (name, interval), (other_name, other_interval) = one, other
    names_agree = name is None or other_name is None or name == other_name
    return names_agree and _same(interval, other_interval)


def _same_equation(a: Relation, b: Relation) -> bool:
    (left, right), (other_left, other_right) = a.values, b.values
    if _same_ordered(a.values, b.values) or (_same(left, other_right) and _same(right, other_left)):
        return True
    sides = [side.expression for side in (left, right, other_left, other_right) if isinstance(side, Quantity)]
    if len(sides) != 4:
        return False
    one, other = sides[0] - sides[1], sides[2] - sides[3]
    if one.free_symbols != other.free_symbols or not one.free_symbols:
        return False
    # Equal up to a constant factor: their ratio is the same everywhere.
    ratios = [ratio for point in POINTS if (ratio := _at(one / other, point)) is not None]
    return len(ratios) >= 3 and ratios[0] != 0 and all(_is_zero(ratio - ratios[0]) for ratio in ratios)


def _interval(value: Value) -> tuple[Expression, Value] | None:
    """An interval, with the variable of an inequality; None for what is neither."""
    if isinstance(value, Ordered | Union):
        return None, value
    if not isinstance(value, Relation) or not all(isinstance(side, Quantity) for side in value.values):
        if isinstance(value, Relation) and value.operators == ("in",) and _is_name(value.values[0]):
            return None, value.values[1]
        return None
    sides = [side.expression for side in value.values if isinstance(side, Quantity)]
    operators = list(value.operators)
    if any(operator not in _FLIPPED for operator in operators):
        return None
    if operators[0] in (">", ">="):
        sides.reverse()
        operators = [_FLIPPED[operator] for operator in reversed(operators)]
    if any(operator not in ("<", "<=") for operator in operators):
        return None
    if len(sides) == 2:
        low_open, high_open = operators[0], operators[0]
        if sides[1].free_symbols:
            return sides[1], _ordered(sides[0], sympy.oo, low_open, "<")
        return sides[0], _ordered(-sympy.oo, sides[1], "<", high_open)
    if len(sides) == 3:
        return sides[1], _ordered(sides[0], sides[2], operators[0], operators[1])
    return None


def _ordered(low: Expression, high: Expression, low_operator: str, high_operator: str) -> Ordered:
    return Ordered(
        (Quantity(low), Quantity(high)),
        "(" if low_operator == "<" else "[",
        ")" if high_operator == "<" else "]",
    )


def _name(value: Value) -> str:
    """An answer as one word: a choice (C) may be a letter of mathematics or of text."""
    if isinstance(value, Words):
        return words_of(value.text) or plain_answer(value.text)
    if isinstance(value, Quantity) and isinstance(value.expression, sympy.Symbol):
        return str(value.expression.name).casefold()
    return ""


def _same_expression(a: Expression, b: Expression) -> bool:
    if a == b:
        return True
    if isinstance(a, sympy.Rational) and isinstance(b, sympy.Rational):
        return False
    if a.has(*_ENDLESS) or b.has(*_ENDLESS):
        return False
    if _is_huge(a) or _is_huge(b):
        return False
    difference = a - b
    if not difference.free_symbols:
        return _is_zero(difference)
    points = POINTS[:1] if difference.has(sympy.log) else POINTS
    values = [value for point in points if (value := _at(difference, point)) is not None]
    if difference.has(sympy.log):
        shifted = [tuple(coordinate + step for coordinate in POINTS[0]) for step in (1, 2, 3)]
        values += [value for point in shifted if (value := _at(difference, point)) is not None]
    return len(values) >= 3 and all(_is_zero(value) for value in values)


def _is_huge(expression: Expression) -> bool:
    """Tell whether it holds a power such as 9^{9^9}, whose digits nobody can write down."""
    return any(
        (isinstance(power.exp, sympy.Rational) and abs(power.exp) > LARGEST_POWER) or _is_huge(power.exp)
        for power in expression.atoms(sympy.Pow)
    )


def _at(expression: Expression, point: Sequence[Fraction]) -> Expression | None:
    """The expression where its variables, by name, have the coordinates of `point`."""
    names = sorted(expression.free_symbols, key=str)
    values = {
        name: sympy.Rational(*point[place % len(point)].as_integer_ratio()) + place // len(point)
        for place, name in enumerate(names)
    }
    found = expression.subs(values)
    return None if found.has(*_ENDLESS) else found


def _is_zero(number: Expression) -> bool:
    """Tell whether a number is zero, to `DIGITS` digits of its largest term."""
    if isinstance(number, sympy.Rational):
        return bool(number == 0)
    terms = [abs(term.evalf(15)) for term in sympy.Add.make_args(number)]
    value = abs(number.evalf(DIGITS, chop=False, maxn=2000))
    if not all(isinstance(term, sympy.Float) and term.is_finite for term in (*terms, value)):
        return bool(value == 0)
    scale = max([*terms, sympy.Float("1e-30")])
    return bool(value <= scale * sympy.Float(10) ** (8 - DIGITS))
