"""One reply on a terminal or for a script: the answer on stdout, the thinking beside it."""

import asyncio
import os
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from app.audit.entries import AuditTrail
from app.base.errors import StillroomError
from app.chat.prompting.context import plan_context
from app.chat.prompting.prompt import ChatMessage, ChatTemplate
from app.commands.terminal.console import WAKE_S, Console, readable
from app.engine.protocol import (
    Channel,
    Delta,
    Finished,
    Generate,
    Lora,
    ModelInfo,
    Notice,
    Part,
    ReplyEvent,
    Sampling,
    SpeculationMode,
    ThinkingLimits,
)
from app.engine.protocol.reply_source import Answers
from app.filters.filter_file import FilterFile
from app.filters.screen import Screened, screen
from app.filters.verdict import BlockedError
from models.system.shown_text import fill


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply and how it ended."""

    thinking: str
    answer: str
    end: Finished
    notices: tuple[str, ...] = ()

    def figures(self) -> str:
        """Tokens and speed in one line."""
        stats = self.end.stats
        share = stats.accepted_tokens / stats.drafted_tokens if stats.drafted_tokens else 0.0
        guessed = f", {share:.0%} of {stats.drafted_tokens} guesses right" if stats.drafted_tokens else ""
        return (
            f"{stats.completion_tokens} tokens ({stats.thinking_tokens} of them thinking), "
            f"{stats.decode_tok_per_s:.1f} tokens/s, prompt {stats.prompt_tokens} tokens at "
            f"{stats.prompt_tok_per_s:.0f} tokens/s, first token after {stats.ttft_s:.2f} s, "
            f"context {stats.context_tokens_used} tokens{guessed}"
        )

    def broke_off(self) -> str:
        """Say why the reply is not complete; empty when it is."""
        match self.end.reason:
            case "cancelled":
                return "(stopped)"
            case "length":
                return "(broken off at the limit of tokens; --max-tokens raises it)"
            case "context":
                return "(broken off at the end of the context; --context enlarges it)"
            case "loop":
                return "(ended, as the answer only repeated itself)"
            case "stop":
                return ""


@dataclass(frozen=True, slots=True)
class ReplyWishes:
    """The limits and the format that hold for every reply of a conversation."""

    stop: tuple[str, ...] = ()
    thinking: ThinkingLimits = field(default_factory=ThinkingLimits)
    grammar: str = ""
    json_schema: str = ""


class ReplyPrinter:
    """Prints a reply while it comes: the answer on stdout, the thinking on stderr if that is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._by_a_person = console.out.isatty()
        self._dim = console.is_terminal and "NO_COLOR" not in os.environ and _knows_escapes()
        self._channel: Channel | None = None
        self._pieces: dict[Channel, list[str]] = {"thinking": [], "answer": []}

    def add(self, channel: Channel, text: str) -> None:
        """Add text to a channel."""
        self._pieces[channel].append(text)
        if self._console.as_json or (channel == "thinking" and not self._console.is_terminal):
            return
        if channel != self._channel:
            self._leave()
            self._channel = channel
            if channel == "thinking":
                _write(self._console.err, "\x1b[2m" if self._dim else "[thinking]\n")
        if channel == "thinking":
            _write(self._console.err, readable(text))
        else:
            # What a program reads stays as the model wrote it.
            _write(self._console.out, readable(text) if self._by_a_person else text)

    def end(self) -> None:
        """Close the last line."""
        if self._channel == "answer" and not self.text("answer").endswith("\n"):
            _write(self._console.out, "\n")
        self._leave()
        self._channel = None

    def text(self, channel: Channel) -> str:
        """Return the text of a channel so far."""
        return "".join(self._pieces[channel])

    def _leave(self) -> None:
        if self._channel == "thinking":
            end = "" if self.text("thinking").endswith("\n") else "\n"
            _write(self._console.err, f"{end}\x1b[0m\n" if self._dim else f"{end}[answer]\n")


class Speaks(Protocol):
    """A model that answers, wherever it runs. For one thread, which waits."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that a conversation may have."""

    def reply(self, messages: Sequence[ChatMessage], cancel: threading.Event) -> Reply:
        """Answer the conversation, printing as it comes. A cancelled reply ends with that reason.

        Raises `BlockedError` when a filter rule forbids to send it, and `StillroomError` when the last
        message alone does not fit into the context.
        """


class Asked(Answers, Protocol):
    """The engine that is asked for a reply, or a server elsewhere in its place."""

    def count_tokens(self, parts: Sequence[Part]) -> "Future[int]":
        """Count the tokens of a prompt."""


class Speaker:
    """Answers with a model that was loaded for this command, or that a server elsewhere has."""

    def __init__(
        self,
        client: Asked,
        info: ModelInfo,
        template: ChatTemplate,
        console: Console,
        *,
        filters: FilterFile,
        audit: AuditTrail,
        sampling: Sampling,
        max_tokens: int,
        loras: tuple[Lora, ...] = (),
        speculation: SpeculationMode = "off",
        wishes: ReplyWishes = ReplyWishes(),
    ) -> None:
        self.context_tokens = info.context_tokens
        self._info = info
        self._filters = filters
        self._audit = audit
        self._loras = loras
        self._speculation = speculation
        self._client = client
        self._console = console
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._wishes = wishes
        self._template = template

    def reply(self, messages: Sequence[ChatMessage], cancel: threading.Event) -> Reply:
        """See `Speaks`."""
        messages, screened, notices = self._screened(messages)
        plan = asyncio.run(plan_context(self._template, messages, self._count_tokens, self.context_tokens))
        if not plan.fits:
            raise StillroomError(
                "The message has {tokens} tokens, too many for a context of {context}.",
                "Shorten it, or choose a larger context with --context.",
                tokens=plan.prompt_tokens,
                context=plan.context_tokens,
            )
        if plan.dropped:
            self._console.note(
                f"The conversation no longer fits: its first {len(plan.dropped)} messages are left out."
            )
        printer = ReplyPrinter(self._console)
        events: queue.SimpleQueue[ReplyEvent | None] = queue.SimpleQueue()
        wishes = self._wishes
        request = Generate(
            request_id=0,
            parts=plan.prompt.parts,
            sampling=self._sampling,
            max_tokens=self._max_tokens,
            thinking=plan.prompt.thinking,
            loras=self._loras,
            speculation=self._speculation,
            stop=list(wishes.stop),
            thinking_limits=wishes.thinking,
            grammar=wishes.grammar,
            json_schema=wishes.json_schema,
            answer_guard=True,
        )
        answers = self._audit.follow(self._client, "command line", self._info, screened.hits)
        generation = answers.ask(request, events.put)
        generation.future.add_done_callback(lambda _: events.put(None))
        asked_to_stop = False
        while True:
            if cancel.is_set() and not asked_to_stop:
                generation.cancel()
                asked_to_stop = True
            try:
                event = events.get(timeout=WAKE_S)
            except queue.Empty:
                continue
            if event is None:
                break
            if isinstance(event, Delta) and event.text:
                printer.add(event.channel, event.text)
            elif isinstance(event, Notice):
                notices.append(fill(event.message, event.values))
        printer.end()
        for notice in notices:
            self._console.note(notice)
        return Reply(
            printer.text("thinking"), printer.text("answer"), generation.future.result(), tuple(notices)
        )

    def _screened(self, messages: Sequence[ChatMessage]) -> tuple[list[ChatMessage], Screened, list[str]]:
        """The messages as they may be sent, what the filter found, and what is to be said of the newest."""
        asked = [message for message in messages if message.role != "assistant"]
        try:
            screened = screen(self._filters, [message.content for message in asked])
        except BlockedError as error:
            texts = [message.content for message in asked]
            self._audit.refused("command line", self._info, error.hits, texts)
            raise
        sendable_texts = iter(screened.texts)
        sendable = [
            message if message.role == "assistant" else ChatMessage(message.role, next(sendable_texts))
            for message in messages
        ]
        notices = [
            f"The filter rule “{rule}” took out what it found ({count}) before the message was sent."
            for rule, count in screened.newest.found("redact").items()
        ] + [
            f"The filter rule “{rule}” found something in the message, which was sent."
            for rule in screened.newest.found("flag")
        ]
        return sendable, screened, notices

    async def _count_tokens(self, parts: list[Part]) -> int:
        return await asyncio.wrap_future(self._client.count_tokens(parts))


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _knows_escapes() -> bool:
    return os.name != "nt" or "WT_SESSION" in os.environ
