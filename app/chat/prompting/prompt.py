"""From a conversation to the prompt, in which only the template's own text may hold control tokens."""

import asyncio
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

from app.base.errors import StillroomError
from app.chat.prompting.built_in_templates import FAMILIES, built_in_template, speaks_r1
from app.chat.prompting.prompt_parts import merged
from app.chat.prompting.template_process import Conversation, Outcome, TemplateProcess, Unrendered
from app.engine.protocol import ModelInfo, Part
from app.engine.protocol.message_base import THINK_CLOSE, THINK_OPEN

MOST_TURNS = 20_000
MOST_CHARACTERS = 8_000_000
"""Of one conversation; no model has a context for as much."""

KEPT_TEMPLATES = 16
_NEXT_QUESTION = "x"

Thinking = Literal["open", "auto", "off"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn as the model gets it; a reply's thinking is not part of it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered conversation; `thinking` says where the reply starts (see `Generate`)."""

    parts: list[Part]
    thinking: Thinking

    @property
    def text(self) -> str:
        """The whole prompt, for people and tests."""
        return "".join(part.text for part in self.parts)


class TemplateProblem(StillroomError):
    """A model's own chat template cannot be used; one of Stillroom's takes its place."""


class ConversationTooLongError(StillroomError):
    """A conversation that no context could hold."""


OnProblem = Callable[[TemplateProblem], None]


class ChatTemplate:
    """A model's chat template, ready to render. Any thread; made by `ChatTemplates`."""

    def __init__(
        self,
        process: TemplateProcess,
        source: str,
        *,
        bos_text: str,
        eos_text: str,
        model_name: str = "",
        on_problem: OnProblem | None = None,
    ) -> None:
        """`source` is the GGUF's template; empty means the one that fits the vocabulary. `on_problem` is
        called once, on the thread that renders, if the template cannot be used."""
        self._process = process
        self._bos_text = bos_text
        self._eos_text = eos_text
        self._model_name = model_name
        self._on_problem = on_problem
        self._built_in = built_in_template(bos_text, eos_text, source)
        self._source = source or self._built_in
        self.is_r1 = speaks_r1(self._source, model_name)

    async def render(self, messages: Sequence[ChatMessage]) -> Prompt:
        """The prompt that asks for the next reply.

        Neighbouring turns of one role are joined (a reply that never came leaves two questions in a row), and
        a system prompt goes into the first question where the template knows no system role. A template that
        breaks a limit is replaced by Stillroom's own for its family, from then on.
        Raises `StillroomError` when the template refuses the conversation.
        """
        turns = _joined(messages)
        while True:
            source = self._source
            outcome = await asyncio.wrap_future(self._ask(source, turns))
            if (prompt := self._taken(source, outcome)) is not None:
                return prompt

    def render_blocking(self, messages: Sequence[ChatMessage]) -> Prompt:
        """As `render`, for a thread that may wait: neither the GUI's nor the local API's."""
        turns = _joined(messages)
        while True:
            source = self._source
            outcome = self._ask(source, turns).result()
            if (prompt := self._taken(source, outcome)) is not None:
                return prompt

    async def beginning(self, messages: Sequence[ChatMessage]) -> list[Part]:
        """Give what every prompt begins with that goes on from `messages`, the last of which is a reply.

        Raises `StillroomError` when the template refuses the conversation.
        """
        parts = (await self.render([*messages, ChatMessage("user", _NEXT_QUESTION)])).parts
        said = [index for index, part in enumerate(parts) if part == Part(_NEXT_QUESTION)]
        return parts[: said[-1]] if said else []

    def _ask(self, source: str, turns: list[ChatMessage]) -> "Future[Outcome]":
        if len(turns) > MOST_TURNS or sum(len(turn.content) for turn in turns) > MOST_CHARACTERS:
            raise ConversationTooLongError(
                "The conversation is too long for any model.", "Start a new chat, or send less at once."
            )
        return self._process.render(
            Conversation(
                source, self._bos_text, self._eos_text, [(turn.role, turn.content) for turn in turns]
            )
        )

    def _taken(self, source: str, outcome: Outcome) -> Prompt | None:
        """The prompt of an outcome; None where the template cannot be used and was replaced."""
        if not isinstance(outcome, Unrendered):
            return self._prompt(outcome)
        if outcome.failure == "refused":
            raise _refused(outcome.reason)
        if outcome.failure == "stuck":
            raise StillroomError(
                "The chat template of {name} could not be applied: the computer is too busy.",
                "Close other programs, then try again.",
                name=self._model_name or "this model",
            )
        if source == self._built_in:
            raise StillroomError(
                "The conversation could not be prepared for {name}.",
                "Start a new chat, or send less at once.",
                name=self._model_name or "this model",
            )
        if self._source == source:
            self._source = self._built_in
            self.is_r1 = speaks_r1(self._source, self._model_name)
            if self._on_problem is not None:
                self._on_problem(self._problem(outcome))
        return None

    def _problem(self, outcome: Unrendered) -> TemplateProblem:
        name, family = self._model_name or "this model", FAMILIES[self._built_in]
        hint = "Replies may differ a little. A newer file of the model may hold a sound template."
        match outcome.failure:
            case "time":
                message = (
                    "The chat template of {name} takes too long. Stillroom uses its own for {family} instead."
                )
            case "memory" | "output":
                message = (
                    "The chat template of {name} takes too much memory. "
                    "Stillroom uses its own for {family} instead."
                )
            case "invalid":
                message = (
                    "The chat template of {name} cannot be read. Stillroom uses its own for {family} instead."
                )
            case _:
                message = (
                    "The chat template of {name} ends the process that applies it. "
                    "Stillroom uses its own for {family} instead."
                )
        return TemplateProblem(message, hint, name=name, family=family)

    def _prompt(self, parts: list[Part]) -> Prompt:
        tail = parts[-1].text.rstrip() if parts and parts[-1].special else ""
        if tail.endswith(THINK_OPEN):
            return Prompt(parts, "open")
        if tail.endswith(THINK_CLOSE):
            return Prompt(parts, "off")
        if self.is_r1:
            # "ensure that the model initiates its response with <think>\n at the beginning of every output"
            # https://github.com/deepseek-ai/DeepSeek-R1#usage-recommendations
            return Prompt(merged([*parts, Part(f"{THINK_OPEN}\n", special=True)]), "open")
        return Prompt(parts, "auto")


class ChatTemplates:
    """The templates of the models in use, each compiled once, all in one process. Any thread."""

    def __init__(self, process: TemplateProcess) -> None:
        self._process = process
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str, str], ChatTemplate] = OrderedDict()
        self._observers: list[OnProblem] = []

    def observe(self, on_problem: OnProblem) -> None:
        """Tell of each template that cannot be used, once, on the thread that rendered it."""
        with self._lock:
            self._observers.append(on_problem)

    def start(self) -> None:
        """Start the process ahead of the first prompt, such as while a model is loaded; returns at once."""
        self._process.start()

    def of(self, model: ModelInfo) -> ChatTemplate:
        """The template of a loaded model."""
        key = (model.chat_template, model.bos_text, model.eos_text, model.name)
        with self._lock:
            template = self._kept.get(key)
            if template is None:
                source, bos_text, eos_text, name = key
                template = self._kept[key] = ChatTemplate(
                    self._process,
                    source,
                    bos_text=bos_text,
                    eos_text=eos_text,
                    model_name=name,
                    on_problem=self._tell,
                )
                while len(self._kept) > KEPT_TEMPLATES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return template

    def close(self) -> None:
        """End the process. Returns at once."""
        self._process.close()

    def _tell(self, problem: TemplateProblem) -> None:
        with self._lock:
            observers = list(self._observers)
        for on_problem in observers:
            on_problem(problem)


def _joined(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Without empty turns, and with neighbours of one role made one."""
    said = [message for message in messages if message.content and not message.content.isspace()]
    if all(one.role != other.role for one, other in itertools.pairwise(said)):
        return said
    return [
        ChatMessage(run[0].role, "\n\n".join(message.content for message in run))
        for _, group in itertools.groupby(said, lambda message: message.role)
        if (run := list(group))
    ]


def _refused(reason: str) -> StillroomError:
    return StillroomError(
        "The model's chat template refused this conversation: {reason}.",
        "Start a new chat, or remove the system prompt and try again.",
        reason=reason,
    )
