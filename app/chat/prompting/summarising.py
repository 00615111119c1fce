"""The model sums up the oldest messages of a chat: what it is asked, and in how many steps."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files

from app.base.errors import Cancelled, StillroomError
from app.chat.prompting.context import CountTokens
from app.chat.prompting.prompt import ChatMessage, ChatTemplate, Prompt
from app.engine.protocol import Delta, Generate, ReplyEvent, Sampling, ThinkingLimits
from app.engine.protocol.reply_source import Answers

WriteSummary = Callable[[Prompt, int], Awaitable[str]]
"""Writes what a prompt asks for in at most so many tokens."""

MOST_SUMMARY_TOKENS = 768
SUMMARY_SAMPLING = Sampling(temperature=0.2, repeat_penalty=1.05)
_WORDS_PER_TOKEN = 0.6
_LEAST_PIECE_CHARACTERS = 200


class SummaryFailed(StillroomError):
    """The model gave no summary."""


def summary_tokens(context_tokens: int) -> int:
    """Return the most tokens of a summary: an eighth of the context, and no longer than anybody reads."""
    return max(48, min(MOST_SUMMARY_TOKENS, context_tokens // 8))


async def summarise(
    template: ChatTemplate,
    messages: Sequence[ChatMessage],
    previous: str,
    count_tokens: CountTokens,
    context_tokens: int,
    write: WriteSummary,
) -> str:
    """One summary of `previous` (the summary before, or empty) and `messages`.

    What does not fit the context at once is summed up in several steps, each of which builds on the one
    before. Raises `SummaryFailed` where the model writes nothing, and what `write` raises.
    """
    most = summary_tokens(context_tokens)
    # The template's own words and rounding need a little room.
    room = context_tokens - most - 16
    waiting = [_spoken(message) for message in messages if message.content.strip()]
    text = previous
    while waiting:
        prompt, waiting = await _next_step(template, waiting, text, most, count_tokens, room)
        written = (await write(prompt, most)).strip()
        if not written:
            raise SummaryFailed(
                "The model wrote no summary.",
                "Try again, leave the oldest messages out, or start a new chat.",
            )
        text = written
    return text


async def write_summary(
    engine: Answers, prompt: Prompt, most_tokens: int, model: str, on_text: Callable[[str], None]
) -> str:
    """Let the loaded model write it, without thinking. `on_text` gets the words as they come, on the engine
    client's thread. Cancelling the task stops the engine; raises `EngineError`.
    """
    pieces: list[str] = []

    def take(event: ReplyEvent) -> None:
        if isinstance(event, Delta) and event.channel == "answer":
            pieces.append(event.text)
            on_text(event.text)

    generation = engine.ask(
        Generate(
            request_id=0,
            parts=prompt.parts,
            sampling=SUMMARY_SAMPLING,
            max_tokens=most_tokens,
            thinking=prompt.thinking,
            thinking_limits=ThinkingLimits(tokens=0),
            answer_guard=True,
            model=model,
        ),
        take,
    )
    try:
        finished = await asyncio.wrap_future(generation.future)
    except asyncio.CancelledError:
        generation.cancel()
        raise
    if finished.reason == "cancelled":
        raise Cancelled
    return "".join(pieces)


async def _next_step(
    template: ChatTemplate,
    waiting: list[str],
    previous: str,
    most_tokens: int,
    count_tokens: CountTokens,
    room_tokens: int,
) -> tuple[Prompt, list[str]]:
    """The prompt with as many of the waiting messages as fit, and what is left of them."""

    async def fitting(pieces: Sequence[str]) -> Prompt | None:
        prompt = await template.render([ChatMessage("user", _request(pieces, previous, most_tokens))])
        return prompt if await count_tokens(prompt.parts) <= room_tokens else None

    low, best = 0, None
    high = len(waiting)
    while low < high:
        middle = (low + high + 1) // 2
        prompt = await fitting(waiting[:middle])
        if prompt is None:
            high = middle - 1
        else:
            low, best = middle, prompt
    if best is not None:
        return best, waiting[low:]
    # Not even one message fits: a part of it.
    characters = len(waiting[0])
    while characters > _LEAST_PIECE_CHARACTERS:
        characters = characters * 2 // 3
        characters = waiting[0].rfind(" ", characters // 2, characters) + 1 or characters
        prompt = await fitting([waiting[0][:characters]])
        if prompt is not None:
            return prompt, [waiting[0][characters:], *waiting[1:]]
    raise SummaryFailed(
        "The context is too small to sum the chat up.",
        "Load the model with a larger context, or leave the oldest messages out.",
    )


def _request(pieces: Sequence[str], previous: str, most_tokens: int) -> str:
    return _template().format(
        after=", which goes on from an earlier summary" if previous else "",
        words=int(most_tokens * _WORDS_PER_TOKEN),
        previous=f"Earlier summary:\n{previous.strip()}\n\n" if previous else "",
        conversation="Conversation:\n" + "\n\n".join(pieces),
    )


def _spoken(message: ChatMessage) -> str:
    return f"{'User' if message.role == 'user' else 'Assistant'}: {message.content.strip()}"


@cache
def _template() -> str:
    return files("resources").joinpath("prompts", "summarise.md").read_text(encoding="utf-8").strip()
