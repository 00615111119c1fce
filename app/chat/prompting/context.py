"""Plan what fits into the context before anything is sent, so that nothing is cut in silence."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.chat.documents.retrieval import PASSAGE_CHARACTERS, Passage, best_passages
from app.chat.prompting.attached import with_documents
from app.chat.prompting.prompt import MOST_CHARACTERS, MOST_TURNS, ChatMessage, ChatTemplate, Prompt
from app.chat.store.records import Attachment
from app.engine.protocol import Part

CountTokens = Callable[[list[Part]], Awaitable[int]]
"""Counts the tokens of a prompt; the engine's tokeniser."""

ChoosePassages = Callable[[Sequence[Attachment], str, int], Awaitable[list[Passage]]]
"""Up to so many passages of the documents for a question."""

LEAST_REPLY_TOKENS = 256
"""Room that a reply needs at least: with less, an answer breaks off before it says anything."""


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """One exchange, measured against the context.

    `dropped` are the turns that have to be left out, oldest first, and `sent` is the rest. `fits` is False
    when even the last message alone leaves too little room for a reply.
    """

    prompt: Prompt
    sent: list[ChatMessage]
    dropped: list[ChatMessage]
    prompt_tokens: int
    context_tokens: int
    fits: bool

    @property
    def left_tokens(self) -> int:
        """Tokens of the context that are free for the reply."""
        return max(0, self.context_tokens - self.prompt_tokens)


async def plan_context(
    template: ChatTemplate,
    messages: Sequence[ChatMessage],
    count_tokens: CountTokens,
    context_tokens: int,
    *,
    reply_tokens: int = LEAST_REPLY_TOKENS,
    pinned: int = 0,
) -> ContextPlan:
    """Find the longest end of the conversation that leaves `reply_tokens` free.

    The system prompt, `pinned` messages behind it (a summary) and the last message always stay. Turns are
    dropped from the oldest on, a question together with its reply. Takes one count when everything fits, else
    a binary search. A small context keeps a quarter for the reply at least.
    """
    reserve = min(reply_tokens, max(1, context_tokens // 4))
    always = sum(message.role == "system" for message in messages[:1]) + pinned
    head, turns = list(messages[:always]), list(messages[always:])
    # A conversation may only start with a question.
    first = max(0, len(turns) - MOST_TURNS + always)
    starts = [i for i, turn in enumerate(turns) if turn.role == "user" and i >= first] or [first]

    async def measured(start: int) -> tuple[Prompt, int]:
        prompt = await template.render([*head, *turns[start:]])
        return prompt, await count_tokens(prompt.parts)

    low, high = 0, len(starts) - 1
    prompt, tokens = await measured(starts[0])
    if tokens + reserve > context_tokens and high > 0:
        best = await measured(starts[high])
        low = 1
        while low < high:
            middle = (low + high) // 2
            attempt = await measured(starts[middle])
            if attempt[1] + reserve <= context_tokens:
                best, high = attempt, middle
            else:
                low = middle + 1
        low = high
        prompt, tokens = best
    start = starts[low]
    return ContextPlan(
        prompt=prompt,
        sent=[*head, *turns[start:]],
        dropped=turns[:start],
        prompt_tokens=tokens,
        context_tokens=context_tokens,
        fits=tokens + reserve <= context_tokens,
    )


PASSAGE_TOKENS = PASSAGE_CHARACTERS // 4
"""About what a passage takes; the engine's count has the last word."""


async def plan_with_documents(
    template: ChatTemplate,
    earlier: Sequence[ChatMessage],
    question: str,
    attachments: Sequence[Attachment],
    count_tokens: CountTokens,
    context_tokens: int,
    *,
    pinned: int = 0,
    choose: ChoosePassages | None = None,
) -> tuple[ContextPlan, list[Passage] | None]:
    """As `plan_context`, for a question with documents: whole where they fit beside the question, else their
    best passages, as many as help and take half of the context at most. The passages are None where the whole
    goes along; `choose` takes the place of the choice by words.
    """

    async def planned(passages: list[Passage] | None) -> ContextPlan:
        content = with_documents(question, attachments, passages)
        messages = [*earlier, ChatMessage("user", content)]
        return await plan_context(template, messages, count_tokens, context_tokens, pinned=pinned)

    texts = [attachment.text for attachment in attachments]
    if not attachments or sum(map(len, texts)) <= MOST_CHARACTERS // 2:
        whole = await planned(None)
        if whole.fits or not attachments:
            return whole, None
    most = max(1, context_tokens // 2 // PASSAGE_TOKENS)
    while True:
        if choose is None:
            passages = await asyncio.to_thread(best_passages, texts, question, most)
        else:
            passages = await choose(attachments, question, most)
        plan = await planned(passages)
        if plan.fits or most == 1:
            return plan, passages
        most = max(1, min(most, len(passages)) * 2 // 3)
