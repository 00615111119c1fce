"""OpenAI's own Python client, unmodified, against the real server and the real model."""

import asyncio
import json
from collections.abc import Iterator
from typing import Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.support.api import KEY, MODEL, Api

QUESTION = [{"role": "user", "content": "Name three colours."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class City(BaseModel):
    name: Literal["Paris", "Rome"]
    capital: bool


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL) == client.models.retrieve("starter") == client.models.list().data[0]
    with pytest.raises(openai.NotFoundError, match="no model of-another-name here"):
        client.models.retrieve("of-another-name")


@pytest.mark.parametrize("by_message", [True, False])
def test_the_last_message_of_the_assistant_goes_on(client: OpenAI, by_message: bool) -> None:
    def reply(
        messages: list[dict[str, object]], tokens: int, **extra: object
    ) -> openai.types.chat.ChatCompletion:
        return client.chat.completions.create(
            model="starter", messages=messages, max_tokens=tokens, temperature=0.0, extra_body=extra
        )  # type: ignore[call-overload] # messages with a field of other servers

    whole = reply(QUESTION, 12)
    first = reply(QUESTION, 5).choices[0].message.content
    begun = {"role": "assistant", "content": first}
    if by_message:
        second = reply([*QUESTION, begun | {"prefix": True}], 7)
    else:
        second = reply([*QUESTION, begun], 7, continue_final_message=True, add_generation_prompt=False)
    assert first + second.choices[0].message.content == whole.choices[0].message.content
    assert second.usage.prompt_tokens == whole.usage.prompt_tokens + 5


def test_only_a_last_message_of_the_assistant_goes_on(client: OpenAI) -> None:
    for messages in (
        [QUESTION[0] | {"prefix": True}],
        [{"role": "assistant", "content": "Red", "prefix": True}, *QUESTION],
    ):
        with pytest.raises(openai.BadRequestError, match="Only the last message can go on"):
            client.chat.completions.create(model="starter", messages=messages, max_tokens=1)


def test_a_reply_has_its_figures_and_a_seed_repeats_it(client: OpenAI) -> None:
    replies = [
        client.chat.completions.create(model="starter", messages=QUESTION, max_tokens=8, seed=5)
        for _ in range(2)
    ]
    first = replies[0]
    assert first.choices[0].message.content == replies[1].choices[0].message.content != ""
    assert first.choices[0].finish_reason == "length"
    assert first.model == MODEL
    assert first.usage is not None
    assert (first.usage.completion_tokens, first.usage.total_tokens) == (8, first.usage.prompt_tokens + 8)
    assert first.timings["decode_tok_per_s"] > 0


def test_a_stream_says_the_same_and_ends_with_the_tokens(client: OpenAI) -> None:
    wishes = {"model": MODEL, "messages": QUESTION, "max_completion_tokens": 12, "temperature": 0.0}
    whole = client.chat.completions.create(**wishes)
    chunks = list(
        client.chat.completions.create(**wishes, stream=True, stream_options={"include_usage": True})
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 12
    assert chunks[0].usage is None


def test_a_stop_text_ends_the_reply_before_it(client: OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=12, temperature=0)
    text = whole.choices[0].message.content or ""
    stopped = client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=12, temperature=0, stop=[text[4:9]]
    )
    assert stopped.choices[0].message.content == text[:4]
    assert stopped.choices[0].finish_reason == "stop"


def test_several_choices_come_side_by_side(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=12, n=2, seed=1, temperature=1.5
    )
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert reply.choices[0].message.content != reply.choices[1].message.content
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 24


def test_log_probabilities_cover_the_text(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=5, temperature=0, logprobs=True, top_logprobs=3
    )
    found = reply.choices[0].logprobs
    assert found is not None
    assert found.content is not None
    spelt = b"".join(bytes(token.bytes or []) for token in found.content).decode()
    assert spelt == reply.choices[0].message.content
    assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in found.content)
    chunks = client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=5, temperature=0, logprobs=True, stream=True
    )
    streamed = [
        token.token
        for chunk in chunks
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content or []
    ]
    assert streamed == [token.token for token in found.content]


def test_structured_output_is_parsed_by_the_client(client: OpenAI) -> None:
    asked = [{"role": "user", "content": "Paris as JSON."}]
    reply = client.chat.completions.parse(
        model=MODEL, messages=asked, response_format=City, max_tokens=40, temperature=0
    )
    assert isinstance(reply.choices[0].message.parsed, City)
    plain = client.chat.completions.create(
        model=MODEL, messages=asked, response_format={"type": "json_object"}, max_tokens=8, temperature=0
    )
    assert (plain.choices[0].message.content or "").startswith("{")


@pytest.mark.parametrize("stream", [False, True])
def test_a_required_tool_is_called_with_valid_arguments(client: OpenAI, stream: bool) -> None:
    wishes = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Weather in Paris?"}],
        "tools": [WEATHER],
        "tool_choice": "required",
        "max_tokens": 60,
        "temperature": 0,
    }
    if stream:
        deltas = [chunk.choices[0] for chunk in client.chat.completions.create(**wishes, stream=True)]
        calls = [call for delta in deltas for call in delta.delta.tool_calls or []]
        reason = deltas[-1].finish_reason
    else:
        choice = client.chat.completions.create(**wishes).choices[0]
        calls, reason = choice.message.tool_calls or [], choice.finish_reason
    assert reason == "tool_calls"
    (call,) = calls
    assert call.function.name == "weather"
    assert set(json.loads(call.function.arguments)) == {"city"}


def test_calls_and_results_of_earlier_turns_are_taken(client: OpenAI) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    }
    reply = client.chat.completions.create(
        model=MODEL,
        tools=[WEATHER],
        max_tokens=4,
        messages=[
            {"role": "user", "content": "Weather in Rome?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."},
        ],
    )
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 4


def test_the_async_client_asks_several_things_at_once(api: Api) -> None:
    async def ask() -> list[str | None]:
        async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0) as client:
            replies = await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model=MODEL, messages=QUESTION, max_tokens=5, temperature=0
                    )
                    for _ in range(3)
                )
            )
            stream = await client.completions.create(
                model=MODEL, prompt="The sky is", max_tokens=5, temperature=0, stream=True
            )
            text = "".join([chunk.choices[0].text async for chunk in stream])
        return [*(reply.choices[0].message.content for reply in replies), text]

    *answers, text = asyncio.run(ask())
    assert len(set(answers)) == 1
    assert text


def test_completions_go_on_from_texts_and_from_tokens(client: OpenAI) -> None:
    both = client.completions.create(
        model=MODEL, prompt=["The sky is", "One, two,"], max_tokens=4, temperature=0, logprobs=2, echo=True
    )
    assert both.choices[0].text.startswith("The sky is")
    assert both.choices[1].text.startswith("One, two,")
    found = both.choices[0].logprobs
    assert found is not None
    assert found.text_offset is not None
    assert found.text_offset[0] == len("The sky is")
    assert "".join(found.tokens or []) == both.choices[0].text.removeprefix("The sky is")
    tokens = client.completions.create(model=MODEL, prompt=[504, 4963, 314], max_tokens=2)
    assert tokens.usage is not None
    assert tokens.usage.prompt_tokens == 3


def test_errors_are_the_clients_own(api: Api, client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no model gpt-4"):
        client.chat.completions.create(model="gpt-4", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="temperature") as refused:
        client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=-1)
    assert refused.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as too_long:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 2000}])
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as too_long_stream:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "word " * 2000}], stream=True
        )
    assert too_long_stream.value.code == "context_length_exceeded"
    with (
        OpenAI(base_url=f"{api.url}/v1", api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
