"""The kinds of final answers: a quantity, a list, an interval, a relation, a matrix, or words."""

from dataclasses import dataclass
from typing import Any

Expression = Any
"""A sympy expression, built node by node by `latex_parser`; sympy brings no types of its own."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An expression and its unit, which may be empty ("%" and "deg" among them)."""

    expression: Expression
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """An answer in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """A point, a vector or an interval, with its brackets, such as "[" and ")"."""

    items: "tuple[Value, ...]"
    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class Unordered:
    """A set, or several answers."""

    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Union:
    """A union of sets or intervals."""

    parts: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as 1 <= x < 4: one more value than operators."""

    values: "tuple[Value, ...]"
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of values."""

    rows: "tuple[tuple[Value, ...], ...]"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Such as 2 : 3."""

    terms: tuple[Expression, ...]


Value = Quantity | Words | Ordered | Unordered | Union | Relation | Matrix | Ratio


class Unreadable(Exception):
    """The answer cannot be read as a value; it can still be compared letter by letter."""
