import re

import pytest

from app.engine.grammar.digits import whole_number


def matcher(rule: str) -> re.Pattern[str]:
    """The rule as a regular expression: it has only strings, classes and counts."""
    return re.compile(
        "|".join(f"(?:{part.replace(chr(34), '').replace(' ', '')})" for part in rule.split(" | "))
    )


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 0),
        (0, 9),
        (1, 10),
        (5, 5),
        (-3, 7),
        (17, 2024),
        (99, 1001),
        (-250, -9),
        (0, 1000),
        (100, 199),
        (-1, 0),
    ],
)
def test_exactly_the_numbers_between_the_limits_match(low: int, high: int) -> None:
    pattern = matcher(whole_number(low, high))
    for number in range(low - 300, high + 300):
        assert bool(pattern.fullmatch(str(number))) == (low <= number <= high), number
    assert not pattern.fullmatch("007")
    assert not pattern.fullmatch("")


def test_a_side_without_limit_is_open() -> None:
    at_least = matcher(whole_number(18, None))
    assert at_least.fullmatch("18")
    assert at_least.fullmatch("123456789012345")
    assert not at_least.fullmatch("17")
    at_most = matcher(whole_number(None, -1))
    assert at_most.fullmatch("-99999")
    assert not at_most.fullmatch("0")


def test_no_number_is_no_rule() -> None:
    assert whole_number(5, 4) == ""
