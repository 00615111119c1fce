"""Checks on runs that somebody else has measured or made up: before they are kept, and as they are read."""

from collections.abc import Sequence
from datetime import datetime
from string import Formatter
from typing import TypeVar

import msgspec

from app.bench.results.report import NotMeasured, Report
from models.system.shown_text import shown

LARGEST_NUMBER = 1e18
"""An exabyte, or as many tokens."""
LONGEST_TEXT = 2000
LONGEST_NAME = 80
"""Of a measure's key."""
MOST_MEASURES = 500
MOST_SAMPLES = 1000
MOST_CARDS = 64

T = TypeVar("T", bound=msgspec.Struct)


def check_numbers(value: object) -> None:
    """Raise `ValueError` for a number that is infinite, none, or larger than any that is measured."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            check_numbers(item)
    # Compared as it is: an integer of a thousand digits is no float.
    elif isinstance(value, int | float) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ValueError("it holds a number that cannot be measured")


def with_shown_texts(value: T) -> T:
    """Return the same struct with every text in it as one line that can be shown."""
    return msgspec.convert(_cleaned(msgspec.to_builtins(value)), type=type(value))


def checked_report(report: Report) -> Report:
    """Return a report of somebody else's as it can be kept: shown, drawn and compared like an own one.

    Raises `ValueError` with the reason where it cannot.
    """
    check_report(report)
    return with_shown_texts(report)


def check_report(report: Report) -> None:
    """Raise `ValueError` with the reason for a report that cannot be shown, drawn and compared."""
    check_numbers(msgspec.to_builtins(report))
    _check(len(report.measures) <= MOST_MEASURES, "it has more measures than a run has")
    for measure in report.measures:
        _check(0 < len(measure.samples) <= MOST_SAMPLES, "a measure in it has no repeat, or far too many")
        _check(len(measure.key) <= LONGEST_NAME, "a measure's name in it is too long")
        counts = (measure.prompt_tokens, measure.generated_tokens, measure.depth_tokens, measure.streams - 1)
        values = (*measure.values, measure.mean, measure.sd or 0.0)
        _check(min(*counts, *values) >= 0, "it holds a negative speed or count")
    _check(len(report.machine.gpus) <= MOST_CARDS, "it has more graphics cards than a computer has")
    _check(report.model.size_bytes >= 0, "it holds a negative size")
    for limit in report.limits:
        _check(min(limit.bytes, limit.flop, limit.allowed, limit.share) >= 0, "it holds a negative limit")
    for section in report.sections:
        for figure in section.figures:
            _check((figure.low is None) == (figure.high is None), "it holds half an interval")
    _check(is_time(report.started_at), "it does not say when it was measured")
    check_reasons(report.not_measured)


def check_reasons(items: Sequence[NotMeasured]) -> None:
    """Raise `ValueError` for a reason that cannot be told."""
    for item in items:
        _check(_can_be_filled(item), "a reason in it is no sentence")


def is_time(text: str) -> bool:
    """Tell whether a text is a time of ISO 8601."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _can_be_filled(item: NotMeasured) -> bool:
    """Tell whether the template holds nothing but names of its values: a width may be of gigabytes."""
    try:
        fields = [field[1:] for field in Formatter().parse(item.reason) if field[1] is not None]
    except ValueError:
        return False
    return all(name in item.values and not form and conversion is None for name, form, conversion in fields)


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise ValueError(reason)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return shown(value, LONGEST_TEXT)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {shown(str(name), LONGEST_NAME): _cleaned(item) for name, item in value.items()}
    return value
