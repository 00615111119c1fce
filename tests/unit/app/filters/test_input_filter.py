"""The rules change, flag or block a text, in their order."""

import random
import threading

import pytest

from app.filters.input_filter import InputFilter
from app.filters.redaction import RedactedText
from app.filters.rule import FilterRule, RuleError
from app.filters.verdict import BlockedError


def rule(name: str, pattern: str = "", **more: object) -> FilterRule:
    return FilterRule(id=name, name=name, pattern=pattern, **more)  # type: ignore[arg-type]


def test_a_blocked_message_names_its_rule_and_asks_no_further_one() -> None:
    verdict = InputFilter([rule("no", "secret", action="block"), rule("later", "s")]).check("a secret")
    assert [(hit.rule, hit.spans) for hit in verdict.hits] == [("no", ((2, 8),))]
    with pytest.raises(BlockedError, match="“no” does not let this message out"):
        verdict.require_sendable()


def test_redacting_leaves_a_mark_and_tells_where_it_was() -> None:
    verdict = InputFilter([rule("number", r"\d+", action="redact")]).check("1 and 22")
    assert verdict.require_sendable() == "[removed: number] and [removed: number]"
    assert verdict.redactions[0].spans == ((0, 1), (6, 8))
    assert verdict.redactions[0].count == 2


def test_a_flag_changes_nothing() -> None:
    verdict = InputFilter([rule("word", "word", ignore_case=True)]).check("A WORD")
    assert verdict.require_sendable() == "A WORD"
    assert verdict.flags[0].spans == ((2, 6),)


def test_later_rules_see_what_earlier_ones_left() -> None:
    hidden, phrase = rule("hidden", kind="control", action="redact"), rule("phrase", "ignore", action="block")
    text = "ig\u200bno\u202ere it"
    assert InputFilter([phrase, hidden]).check(text).blocked_by is None
    verdict = InputFilter([hidden, phrase]).check(text)
    assert verdict.blocked_by is not None
    assert verdict.blocked_by.spans == ((0, 8),)
    assert InputFilter([rule("name", "ignore", action="redact"), phrase]).check("ignore").blocked_by is None


def test_a_rule_that_is_off_is_not_asked() -> None:
    assert InputFilter([rule("no", "a", action="block", on=False)]).check("a").hits == ()


def test_the_length_rule_counts_characters() -> None:
    limited = InputFilter([rule("short", kind="length", at_most=3, action="block")])
    assert limited.check("äöü").blocked_by is None
    hit = limited.check("äöü!?").blocked_by
    assert hit is not None
    assert (hit.count, hit.spans) == (2, ((3, 5),))


def test_control_characters_go_and_the_joiners_of_emoji_stay() -> None:
    verdict = InputFilter([rule("hidden", kind="control", action="redact")]).check(
        "a\x1b[0m\tb\r\nc \U000e0041\u202e👩\u200d💻\x9f\ufeff"
    )
    assert verdict.text == "a[0m\tb\r\nc 👩\u200d💻"


@pytest.mark.parametrize(
    ("action", "blocked"),
    [("block", True), ("redact", True), ("flag", False)],
    ids=["block", "redact", "flag"],
)
def test_an_expression_without_end_is_given_up_and_errs_on_the_safe_side(action: str, blocked: bool) -> None:
    slow = InputFilter([rule("slow", r"(a|aa)+$", action=action), rule("next", "b")])
    verdict = slow.check("a" * 200 + "b", check_s=0.05)
    assert verdict.hits[0].unfinished
    assert (verdict.blocked_by is not None) is blocked
    assert verdict.text == verdict.original
    # The next rule is still asked where the message may go.
    assert len(verdict.hits) == (1 if blocked else 2)
    if blocked:
        with pytest.raises(BlockedError, match="did not finish in time"):
            verdict.require_sendable()


def test_other_threads_run_while_an_expression_is_searched() -> None:
    slow = InputFilter([rule("slow", r"(a|aa)+$")])
    started, steps, done = threading.Event(), 0, threading.Event()

    def check() -> None:
        started.set()
        slow.check("a" * 200 + "b", check_s=0.2)
        done.set()

    thread = threading.Thread(target=check)
    thread.start()
    started.wait()
    while not done.is_set():
        steps += 1
    thread.join()
    assert steps > 10


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (rule("r", "["), "unterminated character set"),
        (rule("r", "a("), "at character"),
        (rule("r", "a*"), "fits the empty text"),
        (rule("r", ""), "it is empty"),
        (rule("r", "((a{100}){100}){100}"), "counted repeats"),
        (rule("r", "(" * 900 + "a" + ")" * 900), "nested too deeply"),
        (rule("r", "a" * 2001), "longer than 2,000 characters"),
        (rule("r", "a{999999999}"), "counted repeats"),
        (rule(" ", "a"), "needs a name"),
        (rule("a\nb", "a"), "needs a name"),
        (rule("r", kind="length", action="redact", at_most=1), "nothing it could take out"),
        (rule("r", kind="length", action="block"), "needs a number"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_the_reason(made: FilterRule, words: str) -> None:
    with pytest.raises(RuleError, match=words):
        InputFilter([made])


def test_places_are_those_of_the_original_whatever_was_taken_out() -> None:
    chance = random.Random(5)
    for _ in range(300):
        original = "".join(chance.choice("abc-") for _ in range(chance.randint(1, 30)))
        text = RedactedText(original)
        for _ in range(3):
            if not text.text:
                break
            cuts = sorted(chance.sample(range(len(text.text) + 1), min(4, len(text.text) + 1)))
            spans = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if b > a]
            text.take_out(spans, chance.choice(["", "X", "XYZ"]))
        for start in range(len(text.text)):
            was = text.original_span(start, start + 1)
            sign = text.text[start]
            if sign in "XYZ":
                assert was[1] > was[0]
            else:
                assert original[was[0] : was[1]] == sign
        if text.text:
            first, last = text.original_span(0, len(text.text))
            assert 0 <= first < last <= len(original)
