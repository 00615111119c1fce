"""Puts a text through the rules, in their order."""

import time
from collections.abc import Sequence

from app.filters.pattern import spans
from app.filters.redaction import RedactedText
from app.filters.rule import FilterRule
from app.filters.verdict import Hit, Verdict

CHECK_S = 2.0
"""The longest that all rules together take; a sound rule needs about a millisecond for a page of text."""

MOST_SPANS = 200


class InputFilter:
    """The rules that are on. Any thread; a check takes up to `CHECK_S` and lets other threads run."""

    def __init__(self, rules: Sequence[FilterRule]) -> None:
        """Raises `RuleError` when one of the rules that are on cannot work."""
        self.rules = tuple(rule.checked() for rule in rules if rule.on)

    def check(self, text: str, check_s: float = CHECK_S) -> Verdict:
        """Put `text` through the rules: each sees what the ones before it left, up to the first that blocks.

        A rule that is not done in time blocks, unless it would only have flagged.
        """
        if not self.rules or not text:
            return Verdict(text, text)
        until = time.monotonic() + check_s
        redacted = RedactedText(text)
        hits = []
        for rule in self.rules:
            hit = _apply(rule, redacted, until - time.monotonic())
            if hit is not None:
                hits.append(hit)
                if hit.action == "block" or (hit.unfinished and hit.action != "flag"):
                    break
        return Verdict(text, redacted.text, tuple(hits))


def _apply(rule: FilterRule, redacted: RedactedText, left_s: float) -> Hit | None:
    if rule.kind == "length":
        too_long = len(redacted.text) - rule.at_most
        if too_long <= 0:
            return None
        span = redacted.original_span(rule.at_most, len(redacted.text))
        return Hit(rule.id, rule.name, rule.action, too_long, (span,))
    try:
        # At least a moment: a time that has run out is no reason to let a rule go unasked.
        found = list(spans(rule.matcher(), redacted.text, max(left_s, 0.02)))
    except TimeoutError:
        return Hit(rule.id, rule.name, rule.action, 0, unfinished=True)
    if not found:
        return None
    hit = Hit(
        rule.id,
        rule.name,
        rule.action,
        len(found),
        tuple(redacted.original_span(*span) for span in found[:MOST_SPANS]),
    )
    if rule.action == "redact":
        # What nobody sees is not missed; a mark would be read as part of the text.
        redacted.take_out(found, "" if rule.kind == "control" else f"[removed: {rule.name}]")
    return hit
