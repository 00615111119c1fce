"""Split a reply into thinking and answer at its tags, which may come in any number of pieces. Pure."""

from collections.abc import Sequence
from typing import Literal

from app.engine.protocol import Channel
from app.engine.protocol.message_base import THINK_CLOSE, THINK_OPEN

ThinkingStart = Literal["open", "auto", "off"]


def held_suffix_length(text: str, needles: Sequence[str]) -> int:
    """Return the length of the longest end of `text` that may be the beginning of a needle."""
    longest = max((len(needle) for needle in needles), default=0) - 1
    for length in range(min(longest, len(text)), 0, -1):
        tail = text[-length:]
        if any(needle.startswith(tail) for needle in needles):
            return length
    return 0


class ThinkSplitter:
    """Splits a reply into thinking and answer; the tags may be spread over any number of pieces.

    "open": the template has written `<think>` already (a repeated tag is swallowed). "auto": a block begins
    only when `<think>` is the first thing that is not white space. "off": everything is answer. The tags and
    the line breaks right after them belong to neither channel.
    """

    def __init__(self, start: ThinkingStart) -> None:
        self.channel: Channel = "thinking" if start == "open" else "answer"
        self._at_start = start != "off"
        self._skip_line_breaks = start == "open"
        self._held = ""

    def feed(self, text: str) -> list[tuple[Channel, str]]:
        """Return the stretches that `text` completes, in order; never an empty one."""
        if not self._held and not self._at_start and not self._skip_line_breaks and "<" not in text:
            return [(self.channel, text)] if text else []
        text = self._held + text
        self._held = ""
        out: list[tuple[Channel, str]] = []
        if self._at_start:
            stripped = text.lstrip()
            if THINK_OPEN.startswith(stripped):
                if stripped == THINK_OPEN:
                    self._open()
                else:
                    self._held = text
                return out
            if stripped.startswith(THINK_OPEN):
                text = stripped[len(THINK_OPEN) :]
                self._open()
            self._at_start = False
        if self.channel == "thinking":
            text = self._drop_line_breaks(text)
            before, tag, after = text.partition(THINK_CLOSE)
            if tag:
                if before:
                    out.append(("thinking", before))
                self.channel = "answer"
                self._skip_line_breaks = True
                text = after
            else:
                held = held_suffix_length(text, (THINK_CLOSE,))
                self._held = text[len(text) - held :]
                text = text[: len(text) - held]
        if self.channel == "answer":
            text = self._drop_line_breaks(text)
        if text:
            out.append((self.channel, text))
        return out

    @property
    def may_open(self) -> bool:
        """Tell whether a thinking block may still begin."""
        return self._at_start

    @property
    def holds(self) -> bool:
        """Tell whether text is held back that may become a tag."""
        return bool(self._held)

    def finish(self) -> list[tuple[Channel, str]]:
        """Return the text that was held back and turned out to be no tag."""
        held, self._held = self._held, ""
        return [(self.channel, held)] if held else []

    def _open(self) -> None:
        self._at_start = False
        self.channel = "thinking"
        self._skip_line_breaks = True

    def _drop_line_breaks(self, text: str) -> str:
        if not self._skip_line_breaks:
            return text
        text = text.lstrip("\r\n")
        if text:
            self._skip_line_breaks = False
        return text
