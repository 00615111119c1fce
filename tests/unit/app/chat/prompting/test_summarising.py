"""Summaries: what the model is asked in how many steps, and which branch a summary belongs to."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from app.chat.prompting.prompt import ChatMessage, ChatTemplate, Prompt
from app.chat.prompting.summarising import SummaryFailed, summarise, summary_tokens
from app.chat.store.store import ChatStore
from app.chat.store.summary import after_summary, summary_of
from app.chat.turn import history
from app.engine.protocol import Part
from tests.support.templates import template_process

TEMPLATE = ChatTemplate(template_process(), "", bos_text="", eos_text="<|im_end|>")
CONTEXT_TOKENS = 400


async def count(parts: list[Part]) -> int:
    """A token a word."""
    return sum(len(part.text.split()) for part in parts)


def sum_up(messages: list[ChatMessage], previous: str = "", answers: str = "S") -> tuple[str, list[Prompt]]:
    asked: list[Prompt] = []

    async def write(prompt: Prompt, most_tokens: int) -> str:
        asked.append(prompt)
        assert most_tokens == summary_tokens(CONTEXT_TOKENS)
        assert await count(prompt.parts) + most_tokens <= CONTEXT_TOKENS
        return f"{answers}{len(asked)}" if answers else ""

    text = asyncio.run(summarise(TEMPLATE, messages, previous, count, CONTEXT_TOKENS, write))
    return text, asked


def said(number: int, words: int) -> ChatMessage:
    return ChatMessage("user" if number % 2 == 0 else "assistant", f"m{number} " * words)


def test_what_fits_is_summed_up_in_one_step() -> None:
    text, asked = sum_up([said(0, 20), said(1, 20)])
    assert text == "S1"
    [prompt] = asked
    assert "User: m0 m0" in prompt.text
    assert "Assistant: m1 m1" in prompt.text


def test_what_does_not_fit_is_summed_up_in_steps_that_build_on_each_other() -> None:
    text, asked = sum_up([said(number, 90) for number in range(6)], previous="The summary before.")
    assert len(asked) >= 3
    assert text == f"S{len(asked)}"
    assert "The summary before." in asked[0].text
    assert "S1" in asked[1].text
    for number in range(6):
        assert sum(f"m{number} m{number}" in prompt.text for prompt in asked) == 1


def test_a_message_longer_than_the_context_is_summed_up_in_parts() -> None:
    _, asked = sum_up([said(0, 1500)])
    assert sum(prompt.text.count("m0") for prompt in asked) >= 1499


def test_a_model_that_writes_nothing_gives_no_summary() -> None:
    with pytest.raises(SummaryFailed):
        sum_up([said(0, 5)], answers="")


def test_a_summary_belongs_to_the_branches_through_its_last_message(tmp_path: Path) -> None:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        chat = store.create_conversation()
        first = store.add_message(chat.id, None, "user", "one")
        answer = store.add_message(chat.id, first.id, "assistant", "two")
        more = store.add_message(chat.id, answer.id, "user", "three")
        last = store.add_message(chat.id, more.id, "assistant", "four")
        other = store.add_message(chat.id, answer.id, "user", "another three")
        shared = store.add_summary(chat.id, answer.id, "one and two", "m")
        deep = store.add_summary(chat.id, last.id, "all four", "m")
        summaries = store.summaries(chat.id)
        through, beside = store.branch(chat.id, last.id), store.branch(chat.id, other.id)
        assert summary_of(through, summaries) == deep
        assert summary_of(beside, summaries) == shared
        assert after_summary(through, deep) == []
        assert [message.content for message in after_summary(beside, shared)] == ["another three"]
        sent = history(beside, "Be brief.", shared)
        assert [message.role for message in sent] == ["system", "user", "user"]
        assert "one and two" in sent[1].content
        store.change_summary(shared.id, "mine")
        assert store.summaries(chat.id)[0].text == "mine"
        store.delete_summary(deep.id)
        assert summary_of(through, store.summaries(chat.id)) is not None
        assert len(store.messages(chat.id)) == 5
