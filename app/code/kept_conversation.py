"""Questions about code and their answers, kept over restarts and crashes."""

from pathlib import Path
from typing import Literal

import msgspec

from app.code.ask import Excerpt, Question
from app.code.check import SyntaxReport
from app.code.kept_file import KeptFile
from app.code.languages import PLAIN_TEXT, language_named
from app.engine.protocol import FinishReason, GenerationStats

LARGEST_TEXT_CHARACTERS = 64 * 1024
"""Of a longer file only the lines that were asked about are kept, which is enough to find them again."""
LARGEST_CHARACTERS = 1024 * 1024
MOST_EXCHANGES = 30
"""Older exchanges than the newest that fit are not kept."""

Ended = FinishReason | Literal["failed", "interrupted", ""]
"""The reason why a reply ended; empty while it comes in."""


class KeptBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The findings about a code block of a reply; `outcome` is the result of running it."""

    report: SyntaxReport | None = None
    outcome: str = ""
    outcome_ok: bool = False


class AskedQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question about code as it was sent. `title` is its line in the conversation, `tokens` the whole
    prompt's; `text[start:end]` is what was asked about.

    `dropped_turns` earlier questions were left out. The input filter's rules in `redacted` took something
    out, with how often; those in `flagged` found something.
    """

    title: str
    question: Question
    tokens: int
    model: str
    file_name: str
    language: str
    text: str
    start: int
    end: int
    dropped_turns: int = 0
    redacted: dict[str, int] = {}
    flagged: tuple[str, ...] = ()
    key: str = ""
    """As in `Excerpt`."""

    @property
    def excerpt(self) -> Excerpt:
        """The place in the file."""
        language = language_named(self.language) or PLAIN_TEXT
        return Excerpt(self.file_name, language, self.text, self.start, self.end, self.key)

    def shortened(self) -> "AskedQuestion":
        """The same without the rest of a long file."""
        if len(self.text) <= LARGEST_TEXT_CHARACTERS:
            return self
        selection = self.text[self.start : self.end]
        if len(selection) > LARGEST_TEXT_CHARACTERS:
            selection = ""
        return msgspec.structs.replace(self, text=selection, start=0, end=len(selection))


class KeptExchange(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its reply as far as it has come.

    `remembered` says that the next question in the user's own words follows up on it.
    """

    asked: AskedQuestion
    thinking: str = ""
    answer: str = ""
    ended: Ended = ""
    error: str = ""
    stats: GenerationStats | None = None
    blocks: tuple[KeptBlock, ...] = ()
    remembered: bool = False

    @property
    def characters(self) -> int:
        """About how much room it takes."""
        asked = self.asked
        return len(asked.question.prompt) + len(asked.text) + len(self.thinking) + len(self.answer)


class KeptConversation(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation of the Code tab; `question` is typed and not sent."""

    exchanges: tuple[KeptExchange, ...] = ()
    question: str = ""

    def bounded(self) -> "KeptConversation":
        """The newest exchanges, so many that the file stays small; the last one in any case."""
        kept: list[KeptExchange] = []
        room = LARGEST_CHARACTERS
        for exchange in reversed(self.exchanges[-MOST_EXCHANGES:]):
            exchange = msgspec.structs.replace(exchange, asked=exchange.asked.shortened())
            room -= exchange.characters
            if kept and room < 0:
                break
            kept.insert(0, exchange)
        return msgspec.structs.replace(self, exchanges=tuple(kept))


class ConversationFile(KeptFile[KeptConversation]):
    """One conversation on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KeptConversation)

    def save(self, kept: KeptConversation) -> None:
        """Keep the newest part of a conversation, as in `KeptFile.save`."""
        super().save(kept.bounded())
