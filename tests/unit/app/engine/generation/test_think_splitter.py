import itertools
import random

import pytest

from app.engine.generation.think_splitter import ThinkingStart, ThinkSplitter, held_suffix_length
from app.engine.protocol import Channel


def split(pieces: list[str], start: ThinkingStart) -> dict[Channel, str]:
    splitter = ThinkSplitter(start)
    out: dict[Channel, str] = {"thinking": "", "answer": ""}
    for piece in pieces:
        for channel, text in splitter.feed(piece):
            assert text
            out[channel] += text
    for channel, text in splitter.finish():
        out[channel] += text
    return out


def every_cut(text: str, parts: int) -> list[list[str]]:
    """All ways to cut `text` into at most `parts` pieces."""
    cuts = []
    for count in range(parts):
        for places in itertools.combinations(range(1, len(text)), count):
            edges = [0, *places, len(text)]
            cuts.append([text[a:b] for a, b in itertools.pairwise(edges)])
    return cuts


@pytest.mark.parametrize(
    ("text", "start", "thinking", "answer"),
    [
        ("<think>\nhm</think>\n\nyes", "auto", "hm", "yes"),
        ("\n<think>a<b</think>c", "auto", "a<b", "c"),
        ("hm\n</think>\nyes", "open", "hm\n", "yes"),
        ("<think>\nhm</think>yes", "open", "hm", "yes"),
        ("\n\nhm</th</think>y", "open", "hm</th", "y"),
        ("a <think> b", "auto", "", "a <think> b"),
        ("<thin", "auto", "", "<thin"),
        ("hm</thin", "open", "hm</thin", ""),
        ("</think>yes", "open", "", "yes"),
        ("<think></think>", "auto", "", ""),
        ("<think>a</think>b</think>c", "auto", "a", "b</think>c"),
        ("<think>a</think>", "off", "", "<think>a</think>"),
        (" \n", "auto", "", " \n"),
        ("x\n\ny", "auto", "", "x\n\ny"),
    ],
)
def test_tags_split_over_any_pieces_give_the_same_channels(
    text: str, start: ThinkingStart, thinking: str, answer: str
) -> None:
    for pieces in every_cut(text, 4):
        assert split(pieces, start) == {"thinking": thinking, "answer": answer}, pieces
    assert split(list(text), start) == {"thinking": thinking, "answer": answer}


def test_text_that_cannot_become_a_tag_is_shown_at_once() -> None:
    splitter = ThinkSplitter("open")
    assert splitter.feed("a < b") == [("thinking", "a < b")]
    assert splitter.feed(" </") == [("thinking", " ")]
    assert splitter.feed("x") == [("thinking", "</x")]


def test_random_texts_come_out_as_if_they_were_whole() -> None:
    rng = random.Random(7)
    for _ in range(3000):
        text = "".join(rng.choices("<>/think a\n", k=rng.randrange(1, 30)))
        if rng.random() < 0.7:
            text = text[: len(text) // 2] + "</think>" + text[len(text) // 2 :]
        start: ThinkingStart = rng.choice(["open", "auto", "off"])
        pieces, at = [], 0
        while at < len(text):
            size = rng.randrange(1, 6)
            pieces.append(text[at : at + size])
            at += size
        assert split(pieces, start) == split([text], start), (text, start)


def test_held_suffix_is_the_longest_beginning_of_a_needle() -> None:
    assert held_suffix_length("abc<", ["<end>"]) == 1
    assert held_suffix_length("abc<e", ["<end>", "c<e!"]) == 3
    assert held_suffix_length("abc", ["<end>"]) == 0
    assert held_suffix_length("", ["<end>"]) == 0
