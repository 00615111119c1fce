import asyncio

import pytest

from app.chat.prompting.context import ContextPlan, plan_context
from app.chat.prompting.prompt import ChatMessage, ChatTemplate
from app.engine.protocol import Part
from tests.support.templates import template_process

TEMPLATE = ChatTemplate(template_process(), "", bos_text="", eos_text="<|im_end|>")


def plan(messages: list[ChatMessage], context_tokens: int, **options: int) -> tuple[ContextPlan, int]:
    calls = 0

    async def count(parts: list[Part]) -> int:
        nonlocal calls
        calls += 1
        return sum(len(part.text.split()) for part in parts)

    return asyncio.run(plan_context(TEMPLATE, messages, count, context_tokens, **options)), calls


def conversation(turns: int) -> list[ChatMessage]:
    messages = [ChatMessage("system", "short")]
    for number in range(turns):
        messages += [ChatMessage("user", f"q{number} " * 10), ChatMessage("assistant", f"a{number} " * 10)]
    return [*messages, ChatMessage("user", "last")]


def test_everything_is_sent_when_it_fits_at_the_price_of_one_count() -> None:
    result, calls = plan(conversation(5), 10_000)
    assert (result.dropped, result.fits, calls) == ([], True, 1)
    assert result.sent == conversation(5)
    assert result.left_tokens == 10_000 - result.prompt_tokens


@pytest.mark.parametrize("context_tokens", [120, 200, 300, 500])
def test_the_oldest_exchanges_go_first_and_no_more_than_needed(context_tokens: int) -> None:
    messages = conversation(40)
    result, calls = plan(messages, context_tokens, reply_tokens=40)
    assert result.fits
    assert result.dropped
    assert result.sent[0] == messages[0]
    assert result.sent[1].role == "user"
    assert [messages[0], *result.dropped, *result.sent[1:]] == messages
    assert calls <= 8
    one_more = [messages[0], *result.dropped[-2:], *result.sent[1:]]
    assert plan(one_more, context_tokens, reply_tokens=40)[0].dropped


def test_a_message_that_is_too_long_by_itself_is_told() -> None:
    result, _ = plan([*conversation(3), ChatMessage("user", "word " * 500)], 100)
    assert not result.fits
    assert result.sent[-1].content.startswith("last\n\nword") or result.sent[-1].content.startswith("word")
    assert result.left_tokens == 0
