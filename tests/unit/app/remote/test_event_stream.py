"""A stream from a server elsewhere is read, however it cuts and names things."""

import json

import pytest

from app.remote.event_stream import BrokenStream, ReplyStream, StreamError


def said(stream: ReplyStream, *deltas: dict[str, object]) -> dict[str, str]:
    texts = {"thinking": "", "answer": ""}
    for delta in deltas:
        for channel, text in stream.feed("data: " + json.dumps({"choices": [{"delta": delta}]})):
            texts[channel] += text
    for channel, text in stream.finish():
        texts[channel] += text
    return texts


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_thought_in_a_field_of_its_own(field: str) -> None:
    stream = ReplyStream()
    texts = said(stream, {"role": "assistant", "content": None}, {field: "hm"}, {"content": "<think>yes"})
    assert texts == {"thinking": "hm", "answer": "<think>yes"}
    assert stream.pieces == {"thinking": 1, "answer": 1}


def test_a_thought_in_tags_cut_anywhere() -> None:
    texts = said(ReplyStream(), *({"content": piece} for piece in "<think>\nhm</think>\n\nyes <b>"))
    assert texts == {"thinking": "hm", "answer": "yes <b>"}


def test_a_thought_whose_first_tag_the_server_wrote_itself() -> None:
    texts = said(ReplyStream("open"), {"content": "hm"}, {"content": "</think>"}, {"content": "yes"})
    assert texts == {"thinking": "hm", "answer": "yes"}
    # Where the server splits, nothing is taken for a thought that is none.
    assert said(ReplyStream("open"), {"reasoning_content": "hm"}, {"content": "yes"})["answer"] == "yes"


def test_the_end_and_the_counts() -> None:
    stream = ReplyStream()
    stream.feed('data: {"choices":[{"delta":{},"finish_reason":"length"}]}')
    stream.feed(
        'data:{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,'
        '"prompt_tokens_details":{"cached_tokens":3}}}'
    )
    assert not stream.done
    stream.feed("data: [DONE]")
    assert (stream.finish_reason, stream.done) == ("length", True)
    assert (stream.prompt_tokens, stream.completion_tokens, stream.cached_tokens) == (7, 9, 3)


@pytest.mark.parametrize("line", ["", ": a comment", "event: x", "id: 3", "retry: 1", "nonsense"])
def test_other_lines_mean_nothing(line: str) -> None:
    assert ReplyStream().feed(line) == []


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"choices":[]}',
        '{"choices":[3]}',
        '{"choices":[{"delta":3}]}',
        '{"choices":[{"delta":{"content":3}}]}',
        '{"usage":{"prompt_tokens":-1}}',
        '{"usage":{"prompt_tokens":true}}',
        '{"usage":3}',
    ],
)
def test_odd_objects_bring_nothing(data: str) -> None:
    stream = ReplyStream()
    assert stream.feed(f"data: {data}") == []
    assert stream.prompt_tokens == 0


@pytest.mark.parametrize("data", ["{", "[]", "3", "[" * 100_000, "x" * (1 << 20)])
def test_what_is_no_reply_is_told(data: str) -> None:
    with pytest.raises(BrokenStream):
        ReplyStream().feed(f"data: {data}")


def test_an_error_in_the_middle_is_told_in_its_words() -> None:
    with pytest.raises(StreamError) as caught:
        ReplyStream().feed('data: {"error":{"message":"out of memory"}}')
    assert str(caught.value) == "out of memory"


def test_half_an_emoji_can_be_stored() -> None:
    stream = ReplyStream("off")
    told = stream.feed('data: {"choices":[{"delta":{"content":"a\\ud83d","reasoning_content":"\\ude00b"}}]}')
    assert "".join(text for _, text in told + stream.finish()).encode() == b"?ba?"
