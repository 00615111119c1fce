"""From a conversation to the prompt, in which only the template's own text may hold control tokens."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import Template, TemplateError

from app.chat.templates import compile_template, fallback_template, speaks_r1
from app.engine.messages import ModelInfo, Part
from app.errors import StillroomError

# Unicode's noncharacters: they mean nothing in text, are no whitespace, and so survive a template's trim.
NONCHARACTERS = tuple(chr(code) for code in (*range(0xFDD0, 0xFDF0), 0xFFFE, 0xFFFF))
# What a template from the internet can raise while it renders, besides Jinja's own errors.
RENDER_ERRORS = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"

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


_NEXT_QUESTION = "x"


class ChatTemplate:
    """A model's chat template, ready to render. Any thread.

    Rendering follows transformers (`apply_chat_template`): sandboxed Jinja with trimmed blocks, loop
    controls, `raise_exception`, `strftime_now` and a `tojson` that leaves text as it is.
    https://huggingface.co/docs/transformers/chat_templating
    """

    def __init__(self, source: str, *, bos_text: str, eos_text: str, model_name: str = "") -> None:
        """`source` is the GGUF's template; empty means the one that fits the vocabulary.

        Raises `StillroomError` when the template is not valid Jinja.
        """
        self._bos_text = bos_text
        self._eos_text = eos_text
        self._source = source or fallback_template(bos_text, eos_text)
        self._template: Template = compile_template(self._source)
        self.is_r1 = speaks_r1(self._source, model_name)

    @classmethod
    def of(cls, model: ModelInfo) -> "ChatTemplate":
        """The template of a loaded model."""
        return cls(
            model.chat_template, bos_text=model.bos_text, eos_text=model.eos_text, model_name=model.name
        )

    def render(self, messages: Sequence[ChatMessage]) -> Prompt:
        """The prompt that asks for the next reply.

        Neighbouring turns of one role are joined (a reply that never came leaves two questions in a row), and
        a system prompt goes into the first question where the template knows no system role.
        Raises `StillroomError` when the template refuses the conversation.
        """
        turns = _joined(messages)
        try:
            parts = self._parts(turns)
        except RENDER_ERRORS as refusal:
            if not turns or turns[0].role != "system":
                raise _refused(refusal) from refusal
            try:
                parts = self._parts(_joined([ChatMessage("user", turns[0].content), *turns[1:]]))
            except RENDER_ERRORS:
                raise _refused(refusal) from refusal
        tail = parts[-1].text.rstrip() if parts and parts[-1].special else ""
        if tail.endswith(THINK_OPEN):
            return Prompt(parts, "open")
        if tail.endswith(THINK_CLOSE):
            return Prompt(parts, "off")
        if self.is_r1:
            # "ensure that the model initiates its response with <think>\n at the beginning of every output"
            # https://github.com/deepseek-ai/DeepSeek-R1#usage-recommendations
            return Prompt(_merged([*parts, Part(f"{THINK_OPEN}\n", special=True)]), "open")
        return Prompt(parts, "auto")

    def beginning(self, messages: Sequence[ChatMessage]) -> list[Part]:
        """What every prompt begins with that goes on from `messages`, the last of which is a reply.

        Raises `StillroomError` when the template refuses the conversation.
        """
        parts = self.render([*messages, ChatMessage("user", _NEXT_QUESTION)]).parts
        said = [index for index, part in enumerate(parts) if part == Part(_NEXT_QUESTION)]
        return parts[: said[-1]] if said else []

    def _parts(self, turns: list[ChatMessage]) -> list[Part]:
        plain = self._render(turns)
        free = [mark for mark in NONCHARACTERS if not any(mark in turn.content for turn in turns)]
        if len(free) < 2:
            # Somebody wrote all of them; they carry no meaning, so they go.
            turns = [ChatMessage(t.role, _without(t.content, NONCHARACTERS)) for t in turns]
            return self._parts(turns)
        start, end = free[:2]
        for contents in ([t.content for t in turns], [t.content.strip() for t in turns]):
            marked = self._render(
                [ChatMessage(t.role, start + c + end) for t, c in zip(turns, contents, strict=True)]
            )
            parts = _split(marked, start, end)
            if parts is not None and "".join(part.text for part in parts) == plain:
                return _merged(parts)
        skeleton = self._skeleton(plain, turns, start, end)
        located = _located(plain, turns)
        if located is not None and _special_text(located) == _special_text(skeleton):
            return located
        return skeleton

    def _skeleton(self, plain: str, turns: list[ChatMessage], start: str, end: str) -> list[Part]:
        """For a template that alters what was said: its text around numbered gaps, the words put there."""
        gaps = [f"{start}{number}{end}" for number in range(len(turns))]
        rendered = self._render([ChatMessage(t.role, gap) for t, gap in zip(turns, gaps, strict=True)])
        parts: list[Part] = []
        for index, piece in enumerate(rendered.split(start)):
            number, found, rest = piece.partition(end)
            if index and found:
                content = turns[int(number)].content
                said = [shape for shape in _shapes(content) if shape and shape in plain]
                parts.append(Part(said[0] if said else content.strip()))
            parts.append(Part(rest if index and found else piece, special=True))
        return _merged(parts)

    def _render(self, turns: list[ChatMessage]) -> str:
        return self._template.render(
            messages=[{"role": turn.role, "content": turn.content} for turn in turns],
            add_generation_prompt=True,
            bos_token=self._bos_text,
            eos_token=self._eos_text,
            # Some R1 templates close the block at once unless this is set.
            enable_thinking=True,
        )


def _joined(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Without empty turns, and with neighbours of one role made one."""
    turns: list[ChatMessage] = []
    for message in messages:
        if not message.content.strip():
            continue
        if turns and turns[-1].role == message.role:
            turns[-1] = ChatMessage(message.role, f"{turns[-1].content}\n\n{message.content}")
        else:
            turns.append(message)
    return turns


def _split(marked: str, start: str, end: str) -> list[Part] | None:
    """Parts of a rendering with marked contents; None when a template has torn a pair of marks apart."""
    parts: list[Part] = []
    for index, piece in enumerate(marked.split(start)):
        if index == 0:
            if end in piece:
                return None
            parts.append(Part(piece, special=True))
            continue
        content, *after = piece.split(end)
        if len(after) != 1:
            return None
        parts += [Part(content), Part(after[0], special=True)]
    return parts


def _located(plain: str, turns: list[ChatMessage]) -> list[Part] | None:
    """Parts of the plain rendering by looking for each content in turn; None when one is not there.

    A content is found as it is, trimmed, or as what follows the last `</think>`. What a template repeats in
    front of a content (a short "hi" inside its own words) cannot be told apart, so each must occur only once.
    """
    parts: list[Part] = []
    at = 0
    for turn in turns:
        for content in _shapes(turn.content):
            found = plain.find(content, at) if content else -1
            if found >= 0 and plain.find(content, found + 1) < 0:
                parts += [Part(plain[at:found], special=True), Part(content)]
                at = found + len(content)
                break
        else:
            return None
    return _merged([*parts, Part(plain[at:], special=True)])


def _shapes(content: str) -> list[str]:
    after_thinking = content.rpartition(THINK_CLOSE)[2]
    return [content, content.strip(), after_thinking, after_thinking.strip()]


def _special_text(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts if part.special)


def _without(text: str, characters: Sequence[str]) -> str:
    return text.translate({ord(character): None for character in characters})


def _merged(parts: Sequence[Part]) -> list[Part]:
    """The same text in as few parts as possible."""
    return [
        Part("".join(part.text for part in run), special)
        for special, group in itertools.groupby(
            (part for part in parts if part.text), lambda part: part.special
        )
        if (run := list(group))
    ]


def _refused(error: Exception) -> StillroomError:
    return StillroomError(
        "The model's chat template refused this conversation: {reason}.",
        "Start a new chat, or remove the system prompt and try again.",
        reason=str(error) or type(error).__name__,
    )
