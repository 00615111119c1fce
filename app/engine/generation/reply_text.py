"""From token bytes to what is shown: incremental UTF-8, thinking and answer, stop strings. Pure."""

import codecs
from collections.abc import Sequence

from app.engine.generation.think_splitter import ThinkingStart, ThinkSplitter, held_suffix_length
from app.engine.protocol import Channel


class StopStrings:
    """Ends a text before the first stop string and never lets a part of one through."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self._shown = 0
        """So much of what is held was shown before a cut."""
        self.stopped = False

    def go_on(self, text: str) -> None:
        """Go on after `text`, all of which is shown; a stop string in it does not count any more, but what it
        ends with may become one."""
        self._shown = held_suffix_length(text, self._stops)
        self._held = text[len(text) - self._shown :]

    def feed(self, text: str) -> str:
        """Return the text that may be shown now; `stopped` is set when a stop string is complete."""
        if not self._stops:
            return text
        if self.stopped:
            return ""
        text = self._held + text
        shown, self._shown = self._shown, 0
        # The one that is complete first counts, however the text is cut into pieces.
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[shown : min(found)[1]]
        end = len(text) - held_suffix_length(text, self._stops)
        self._held = text[end:]
        self._shown = max(0, shown - end)
        return text[shown:end]

    def finish(self) -> str:
        """Return the text that was held back; empty after a stop."""
        held, self._held = self._held[self._shown :], ""
        return held


class ReplyText:
    """The text side of one reply: token bytes in, stretches of thinking and answer out.

    Stop strings apply to the answer only: a thought may say anything. Bytes that are no UTF-8 become U+FFFD,
    an unfinished character waits for its rest.
    """

    def __init__(self, thinking: ThinkingStart, stops: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._splitter = ThinkSplitter(thinking)
        self._stops = StopStrings(stops)

    @property
    def channel(self) -> Channel:
        """The channel of the next token."""
        return self._splitter.channel

    @property
    def may_think(self) -> bool:
        """Tell whether one of the next tokens may be of the thinking."""
        return self._splitter.channel == "thinking" or self._splitter.may_open

    @property
    def is_inside_character(self) -> bool:
        """Tell whether the bytes so far end within a character."""
        return bool(self._decoder.getstate()[0])

    @property
    def stopped(self) -> bool:
        """Tell whether a stop string is complete: the reply is over."""
        return self._stops.stopped

    @property
    def holds(self) -> bool:
        """Tell whether something is held back that `finish` drops where the reply was cut."""
        return self.is_inside_character or self._splitter.holds

    def feed(self, piece: bytes) -> list[tuple[Channel, str]]:
        """Return the stretches that one token completes."""
        return self._filter(self.replay(piece))

    def replay(self, piece: bytes) -> list[tuple[Channel, str]]:
        """As `feed`, for a token of a reply that goes on, which was heard before: no stop string counts.
        `go_on` must follow."""
        text = self._decoder.decode(piece)
        return self._splitter.feed(text) if text else []

    def go_on(self, answer: str) -> None:
        """Go on after what was replayed; `answer` is what is shown of it."""
        self._stops.go_on(answer)

    def finish(self, *, cut: bool = False) -> list[tuple[Channel, str]]:
        """Return the rest at the end of the reply. Of one that was `cut` off, half a character or half a tag
        is left out: it comes again, whole, where the reply goes on."""
        if self.stopped:
            return []
        out: list[tuple[Channel, str]] = []
        if not cut:
            out = self._filter(self._splitter.feed(self._decoder.decode(b"", True)) + self._splitter.finish())
        rest = self._stops.finish()
        if rest:
            out.append(("answer", rest))
        return out

    def _filter(self, stretches: list[tuple[Channel, str]]) -> list[tuple[Channel, str]]:
        out: list[tuple[Channel, str]] = []
        for channel, stretch in stretches:
            text = self._stops.feed(stretch) if channel == "answer" else stretch
            if text:
                out.append((channel, text))
        return out
