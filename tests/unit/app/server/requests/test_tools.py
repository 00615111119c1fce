"""Tools in words: told of, called, found again."""

import asyncio
import json
import sys
from typing import Any

import pytest

from app.server.access.api_error import ApiError
from app.server.requests.openai_requests import (
    Function,
    FunctionCall,
    NamedFunction,
    NamedTool,
    Tool,
    ToolCall,
)
from app.server.requests.tools import CallWatch, ToolUse, call_text

WEATHER = Tool(function=Function(name="weather", parameters={"type": "object", "properties": {}}))
CLOCK = Tool(function=Function(name="clock", description="What time it is."))
AUTO = ToolUse.of([WEATHER, CLOCK], "auto")
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'


def names(calls: list[dict[str, Any]]) -> list[str]:
    return [call["function"]["name"] for call in calls]


def test_each_tool_is_described_in_the_instructions() -> None:
    assert '"name": "weather"' in AUTO.instructions()
    assert "What time it is." in AUTO.instructions()
    assert ToolUse.of([WEATHER], "none").instructions() == ToolUse.of(None, None).instructions() == ""


def test_calls_are_found_between_words() -> None:
    text, calls = AUTO.found(f'Let me look.\n{CALL}\n<tool_call>{{"name": "clock"}}</tool_call>')
    assert text == "Let me look."
    assert names(calls) == ["weather", "clock"]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [{"city": "Rome"}, {}]
    assert calls[0]["id"] != calls[1]["id"]


@pytest.mark.parametrize(
    "answer",
    [
        "No call at all.",
        '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>',
        "<tool_call>{broken}</tool_call>",
        "<tool_call>[1]</tool_call>",
        '<tool_call>{"name": ["weather"], "arguments": {}}</tool_call>',
        '<tool_call>{"name": {}, "arguments": {}}</tool_call>',
        # These could not be sent on as JSON.
        '<tool_call>{"name": "weather", "arguments": {"city": "\\ud800"}}</tool_call>',
        '<tool_call>{"name": "weather", "arguments": {"city": NaN}}</tool_call>',
        '<tool_call>{"name": "weather", "arguments": {"city": 1e999}}</tool_call>',
        '<tool_call>{"name": "weather", "arguments": ' + "[" * 5000 + "]" * 5000 + "}</tool_call>",
    ],
)
def test_what_is_no_call_of_a_known_tool_stays_text(answer: str) -> None:
    assert AUTO.found(answer) == (answer, [])


def test_an_earlier_call_is_written_as_it_is_found() -> None:
    call = ToolCall(function=FunctionCall(name="weather", arguments='{"city": "Rome"}'))
    assert call_text(call) == CALL
    assert names(AUTO.found(call_text(call))[1]) == ["weather"]


def test_arguments_of_every_depth_are_written() -> None:
    for depth in range(1, sys.getrecursionlimit() + 10):
        arguments = "[" * depth + "]" * depth
        call = ToolCall(function=FunctionCall(name="weather", arguments=arguments))
        assert arguments in call_text(call)


def test_a_forced_call_is_the_whole_answer() -> None:
    forced = ToolUse.of([WEATHER, CLOCK], NamedTool(function=NamedFunction(name="clock")))
    assert json.loads(asyncio.run(forced.schema()))["properties"]["name"] == {"const": "clock"}
    assert "anyOf" in json.loads(asyncio.run(ToolUse.of([WEATHER, CLOCK], "required").schema()))
    assert names(forced.found('{"name": "clock", "arguments": {}}')[1]) == ["clock"]
    assert forced.found('{"name": "clo') == ('{"name": "clo', [])
    with pytest.raises(ApiError):
        ToolUse.of([WEATHER], NamedTool(function=NamedFunction(name="other")))


def test_arguments_that_a_grammar_cannot_hold_to_are_refused() -> None:
    odd = Tool(function=Function(name="odd", parameters={"type": "object", "patternProperties": {"x": {}}}))
    with pytest.raises(ApiError):
        asyncio.run(ToolUse.of([odd], "required").schema())


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_stream_shows_words_at_once_and_holds_back_calls(size: int) -> None:
    answer = f"It is <b>fine</b>. {CALL}"
    watch = CallWatch(AUTO)
    shown = "".join(watch.feed(answer[at : at + size]) for at in range(0, len(answer), size))
    assert shown == "It is <b>fine</b>. "
    text, calls = watch.finish()
    assert (text, names(calls)) == ("", ["weather"])


def test_a_stream_that_only_seemed_to_call_loses_nothing() -> None:
    watch = CallWatch(AUTO)
    shown = watch.feed("a <tool") + watch.feed("box")
    assert shown + watch.finish()[0] == "a <toolbox"
    watch = CallWatch(AUTO)
    shown = watch.feed("a <tool_ca")
    assert shown + watch.finish()[0] == "a <tool_ca"
    plain = CallWatch(ToolUse())
    assert plain.feed("<tool_call>") == "<tool_call>"
