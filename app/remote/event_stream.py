"""A reply of a server elsewhere, event by event. Pure."""

import json
from dataclasses import dataclass, field
from typing import Any

from app.engine.generation.think_splitter import ThinkingStart, ThinkSplitter
from app.engine.protocol import Channel
from app.engine.protocol.frames import encodable

LONGEST_LINE = 1 << 20


class BrokenStream(Exception):
    """A stream that holds no reply. Its text says why."""


class StreamError(Exception):
    """The server says that it failed, in the middle of a reply. Its text is the server's own."""


@dataclass(slots=True)
class ReplyStream:
    """Takes the lines of a server-sent stream and gives stretches of thinking and answer.

    Thinking comes as `reasoning_content` (llama-server, Stillroom), as `reasoning` (vLLM, OpenRouter) or
    within `<think>` tags in the content. `start` is how content begins that no such field came before:
    "open" where a model is known to think first and its server may have written the tag itself.
    """

    start: ThinkingStart = "auto"
    finish_reason: str = ""
    done: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    pieces: dict[Channel, int] = field(default_factory=lambda: {"thinking": 0, "answer": 0})
    """The number of pieces of each channel; most servers send one a token."""
    _splitter: ThinkSplitter | None = None

    def feed(self, line: str) -> list[tuple[Channel, str]]:
        """The stretches that a line brings. Raises `BrokenStream` and `StreamError`."""
        if len(line) > LONGEST_LINE:
            raise BrokenStream("a line was too long")
        if not line.startswith("data:"):
            return []
        data = line[5:].strip()
        if data == "[DONE]":
            self.done = True
            return []
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BrokenStream("what came was no JSON") from error
        if not isinstance(event, dict):
            raise BrokenStream("what came was no object")
        if "error" in event:
            raise StreamError(_error_words(event["error"]))
        self._read_usage(event.get("usage"))
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        reason = choices[0].get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason
        delta = choices[0].get("delta")
        return self._read_delta(delta) if isinstance(delta, dict) else []

    def finish(self) -> list[tuple[Channel, str]]:
        """Return the text that was held back, because it might have become a tag."""
        return self._splitter.finish() if self._splitter is not None else []

    def _read_delta(self, delta: dict[str, Any]) -> list[tuple[Channel, str]]:
        out: list[tuple[Channel, str]] = []
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            if self._splitter is None:
                # The server splits itself.
                self._splitter = ThinkSplitter("off")
            self.pieces["thinking"] += 1
            out.append(("thinking", encodable(thought)))
        content = delta.get("content")
        if isinstance(content, str) and content:
            if self._splitter is None:
                self._splitter = ThinkSplitter(self.start)
            stretches = self._splitter.feed(encodable(content))
            self.pieces[stretches[-1][0] if stretches else self._splitter.channel] += 1
            out += stretches
        return out

    def _read_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        self.prompt_tokens = _count(usage, "prompt_tokens") or self.prompt_tokens
        self.completion_tokens = _count(usage, "completion_tokens") or self.completion_tokens
        details = usage.get("prompt_tokens_details")
        if isinstance(details, dict):
            self.cached_tokens = _count(details, "cached_tokens")


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else 0


def _error_words(error: object) -> str:
    if isinstance(error, dict):
        error = error.get("message", "")
    return str(error)
