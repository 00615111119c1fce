"""Text from outside becomes one short line without a character that cannot be seen."""

import pytest

from models.system.errors import StillroomError
from models.system.shown_text import MOST_OF_A_VALUE, fill, shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DeepSeek-R1 1.5B, 蒸馏 ✓ é", "DeepSeek-R1 1.5B, 蒸馏 ✓ é"),
        ("a\x1b]0;owned\x07b", "a·]0;owned·b"),
        ("\x9b31mred\x7f\x00", "·31mred··"),
        ("one\r\ntwo\tthree\u2028four\x85five", "one  two three four five"),
        ("gpj\u202eexe\u2066\u200f\u061c", "gpj·exe···"),
        ("in\u200bvi\u200dsi\ufeffble\u00ad\u2060", "in·vi·si·ble··"),
        ("tag\U000e0041\U000e0100 fill\u3164\u115f", "tag·· fill··"),
        ("half\ud800\udc80 own\ue000 none\U0010ffff", "half·· own· none·"),
        ("wide\u3000and\u00a0hard", "wide and hard"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, said: str) -> None:
    assert shown(text) == said
    said.encode("utf-8")


@pytest.mark.parametrize("most", [3, 20, 80, 81])
def test_long_texts_lose_their_middle(most: int) -> None:
    cut = shown("a" * 5000 + "z" * 5000, most)
    assert (len(cut), cut[0], cut[-1], "…" in cut) == (most, "a", "z", True)
    assert shown("b" * most, most) == "b" * most


def test_an_errors_values_are_clean_and_its_numbers_are_numbers() -> None:
    error = StillroomError(
        "{name} has {count:,} keys: {inner}.",
        "Look into {name}.",
        name="\x1b]0;x\x07" + "k" * 100_000,
        count=1234,
        inner=StillroomError("no {key}", key="\u202etxt"),
    )
    assert str(error).startswith("·]0;x·kkk")
    assert str(error).endswith(" has 1,234 keys: no ·txt.")
    assert len(str(error)) < MOST_OF_A_VALUE + 40
    assert len(error.hint_text()) < MOST_OF_A_VALUE + 20
    assert fill("{literally}", {}) == "{literally}"


def test_amounts_have_commas_and_numbers_that_are_names_have_none() -> None:
    error = StillroomError(
        "{tokens} of {context} tokens at {host}, port {port}, {share} and {yes}.",
        tokens=131775,
        context=4096,
        host="h",
        port=11434,
        share=12345.5,
        yes=True,
    )
    assert str(error) == "131,775 of 4,096 tokens at h, port 11434, 12345.5 and True."
