import random

import pytest

from app.engine.generation.reply_text import ReplyText, StopStrings
from tests.unit.app.engine.generation.test_think_splitter import every_cut


def stop(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    filter_ = StopStrings(stops)
    out = ""
    for piece in pieces:
        out += filter_.feed(piece)
    return out + filter_.finish(), filter_.stopped


@pytest.mark.parametrize(
    ("text", "stops", "shown", "stopped"),
    [
        ("one\n\ntwo", ["\n\n"], "one", True),
        ("one\ntwo", ["\n\n"], "one\ntwo", False),
        ("aab", ["ab"], "a", True),
        ("aaab", ["aab"], "a", True),
        ("User: hi", ["User:", "Us"], "", True),
        ("xUse", ["User"], "xUse", False),
        ("abc", [], "abc", False),
        ("abc", [""], "abc", False),
    ],
)
def test_a_stop_string_never_leaks(text: str, stops: list[str], shown: str, stopped: bool) -> None:
    for pieces in every_cut(text, 4):
        assert stop(pieces, stops) == (shown, stopped), pieces


def test_no_part_of_a_stop_string_is_shown_before_it_is_sure() -> None:
    filter_ = StopStrings(["<end>"])
    assert filter_.feed("hello <en") == "hello "
    assert filter_.feed("x") == "<enx"
    assert filter_.feed("<end>more") == ""
    assert filter_.feed("more") == ""
    assert filter_.stopped


def test_a_character_spread_over_tokens_waits_for_its_rest() -> None:
    reply = ReplyText("off")
    data = "中😀é".encode()
    out = [text for byte in data for _, text in reply.feed(bytes([byte]))]
    assert out == ["中", "😀", "é"]
    assert reply.finish() == []


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    reply = ReplyText("off")
    shown = "".join(text for _, text in reply.feed(b"a\xff\xfeb") + reply.feed(b"\xe4\xb8"))
    assert shown == "a\ufffd\ufffdb"
    assert reply.finish() == [("answer", "\ufffd")]


def test_stop_strings_apply_to_the_answer_only() -> None:
    reply = ReplyText("open", ["\n\n"])
    out = reply.feed(b"one\n\ntwo</think>\n\nyes\n") + reply.feed(b"\nno")
    assert out == [("thinking", "one\n\ntwo"), ("answer", "yes")]
    assert reply.stopped
    assert reply.finish() == []


def test_the_channel_follows_the_tags() -> None:
    reply = ReplyText("auto")
    assert reply.channel == "answer"
    reply.feed(b"<think>")
    assert reply.channel == "thinking"
    reply.feed(b"x</think>")
    assert reply.channel == "answer"


def test_held_text_is_given_at_the_end() -> None:
    reply = ReplyText("auto", ["END"])
    assert reply.feed(b"fine EN") == [("answer", "fine ")]
    assert reply.finish() == [("answer", "EN")]


@pytest.mark.parametrize("seed", range(200))
def test_no_part_of_a_stop_string_is_ever_shown(seed: int) -> None:
    """However the text is cut into pieces: what is shown is the text before the first stop string, and at no
    moment more than that."""
    draw = random.Random(seed)
    stops = ["".join(draw.choices("ab", k=draw.randint(1, 5))) for _ in range(draw.randint(1, 4))]
    text = "".join(draw.choices("abc", k=60))
    ends = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    expected = text[: min(ends)[1]] if ends else text
    stop_strings = StopStrings(stops)
    shown, rest = "", text
    while rest and not stop_strings.stopped:
        size = draw.randint(1, 4)
        shown += stop_strings.feed(rest[:size])
        rest = rest[size:]
        assert expected.startswith(shown)
    shown += stop_strings.finish()
    assert shown == expected


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_the_stop_string_that_is_complete_first_ends_the_text(size: int) -> None:
    for stops, shown in ((["END", "abcdEND"], "x"), (["abcdENDy", "cd"], "xab")):
        stop_strings = StopStrings(stops)
        text = "xabcdENDy"
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert "".join(map(stop_strings.feed, pieces)) + stop_strings.finish() == shown


def test_a_stop_string_of_wide_characters_may_come_byte_by_byte() -> None:
    text = ReplyText("off", ["终了"])
    shown = "".join(stretch for byte in "好终终了不".encode() for _, stretch in text.feed(bytes([byte])))
    assert shown == "好终"
    assert text.stopped


def test_bytes_that_are_not_whole_are_seen() -> None:
    text = ReplyText("open")
    first, *others = "数".encode()
    text.feed(bytes([first]))
    assert text.is_inside_character
    text.feed(bytes(others))
    assert not text.is_inside_character
