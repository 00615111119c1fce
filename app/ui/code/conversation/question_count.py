"""The tokens of a question while it is typed, and what would not go along with it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from app.base.errors import StillroomError
from app.code.ask import Excerpt, whole_lines
from app.code.mentions import NamedFile, mentions
from app.ui.base.bridge import Bridge
from app.ui.base.resource_words import enumerated
from app.ui.code.conversation.code_assistant import CodeAssistant, FittedQuestion
from app.ui.widgets.notices import translated
from models.system.shown_text import shown

COUNT_AFTER_MS = 400


class NameableFiles(Protocol):
    """The files that a question can name."""

    def names(self) -> list[str]:
        """List what can be named, the likeliest first."""

    def read(self, readings: Sequence[str]) -> Awaitable[NamedFile | None]:
        """Return the file of a name, which may be read in several ways; None where there is none."""

    def is_current(self, name: str) -> bool:
        """Tell whether a name is that of the file that the question is about anyway."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files that a question names; `missing` are the names of none, as far as they look like names."""

    files: tuple[NamedFile, ...] = ()
    missing: tuple[str, ...] = ()


async def find_named(words: str, named: NameableFiles) -> FoundFiles:
    """Find the files that `words` name. Raises `StillroomError` for one that cannot be read."""
    files: dict[str, NamedFile] = {}
    missing = []
    for readings in mentions(words):
        if any(named.is_current(name) for name in readings):
            continue
        file = await named.read(readings)
        if file is not None:
            files.setdefault(file.name, file)
        elif "/" in readings[-1] or "." in readings[-1]:
            missing.append(readings[-1])
    return FoundFiles(tuple(files.values()), tuple(missing))


class QuestionCount(QObject):
    """Counts once the question, the selection and the text have settled. GUI thread only."""

    counted = Signal(str, int)
    """What it says, and how many of the oldest exchanges a question would leave out."""

    def __init__(
        self,
        assistant: CodeAssistant,
        bridge: Bridge,
        named: NameableFiles,
        question: Callable[[], tuple[str, Excerpt] | None],
        parent: QObject,
    ) -> None:
        """`question` gives the words and the place of now; None while nothing can be asked."""
        super().__init__(parent)
        self._assistant = assistant
        self._named = named
        self._question = question
        self._counts = 0
        self._timer = QTimer(self, singleShot=True, interval=COUNT_AFTER_MS)
        self._timer.timeout.connect(lambda: bridge.start(self._count()))

    def count_soon(self) -> None:
        """Count when nothing has changed for a moment."""
        self._timer.start()

    def stop(self) -> None:
        """Count no more; the widgets are about to go."""
        self._timer.stop()

    async def _count(self) -> None:
        self._counts += 1
        number = self._counts
        asked = self._question()
        if asked is None:
            return
        words, excerpt = asked
        if not words and not excerpt.text.strip():
            self.counted.emit("", 0)
            return
        if excerpt.selection.strip():
            excerpt = whole_lines(excerpt)
        try:
            found = await find_named(words, self._named)
            fitted = await self._assistant.fit(
                "ask", excerpt, question=words, files=found.files, to_send=False
            )
        except StillroomError as error:
            sentence, dropped = translated(error)[0], 0
        else:
            # The buttons' questions start afresh in any case.
            dropped = fitted.dropped_turns if words else 0
            sentence = _sentence(fitted, excerpt, found, dropped)
        # A later count, of other words maybe, may be done before this one.
        if number == self._counts and self._question() is not None:
            self.counted.emit(sentence, dropped)


def _sentence(fitted: FittedQuestion, excerpt: Excerpt, found: FoundFiles, dropped: int) -> str:
    question, translate = fitted.question, QCoreApplication.translate
    sent = question.total_lines - question.omitted_lines
    if not excerpt.text.strip():
        text = translate("CodeConversation", "{tokens} tokens, {left} left")
    elif question.omitted_lines:
        text = translate(
            "CodeConversation", "{tokens} tokens with {sent} of the file's {lines} lines, {left} left"
        )
    else:
        text = translate("CodeConversation", "{tokens} tokens with the file, {left} left")
    sentences = [
        text.format(
            tokens=f"{fitted.tokens:,}",
            left=f"{fitted.context_tokens - fitted.tokens:,}",
            sent=f"{sent:,}",
            lines=f"{question.total_lines:,}",
        )
    ]
    if found.files:
        names = enumerated(shown(file.name) for file in found.files)
        sentences.append(translate("CodeConversation", "With {names}.").format(names=names))
    if found.missing:
        names = enumerated(shown(name) for name in found.missing)
        sentences.append(
            translate("CodeConversation", "Not found, so not sent: {names}.").format(names=names)
        )
    if dropped:
        sentences.append(translate("CodeConversation", "What is struck through does not fit beside it."))
    return "\n".join(sentences)
