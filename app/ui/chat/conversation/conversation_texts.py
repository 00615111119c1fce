"""The texts of a conversation that can be selected: with widgets, and as blocks where there are none."""

from collections.abc import Iterable, Iterator, Sequence

from PySide6.QtWidgets import QWidget

from app.chat.markdown import parsing_steps
from app.chat.markdown.block_text import Selectable, plain_parts
from app.chat.markdown.markdown_blocks import parse_blocks
from app.chat.markdown.text_selection import Part, TextKey
from app.chat.store.records import StoredMessage
from app.ui.base.slices import NEXT_TURN
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.chat.conversation.summary_card import SummaryCard
from app.ui.reply.reply_view import ReplyView, answer_markdown
from app.ui.reply.selectable_text import ShownText

LONG_CHARACTERS = 100_000
"""A reply from this length on has a turn of its own, also where it was parsed before."""


def shown_texts(numbered: Iterable[tuple[int, QWidget]]) -> list[ShownText]:
    """The texts of message widgets with the messages' numbers; a summary has that of the message below it."""
    return [
        ShownText(TextKey(number, part), text, text)
        for number, widget in numbered
        if isinstance(widget, QuestionCard | ReplyView | SummaryCard)
        for part, text in widget.texts
        if text.blocks
    ]


def key_of(number: int, message: StoredMessage) -> TextKey:
    """The text of a message without widgets, whose thinking is folded."""
    return TextKey(number, Part.QUESTION if message.role == "user" else Part.ANSWER)


def blocks_of(message: StoredMessage) -> Sequence[Selectable]:
    """The blocks of a message without widgets."""
    if message.role == "user":
        return plain_parts(message.content)
    return parse_blocks(_markdown_of(message))


def takes_steps(message: StoredMessage) -> bool:
    """Tell whether what it says takes long to parse, or to be shown."""
    if message.role == "user":
        return False
    return len(message.content) > LONG_CHARACTERS or parsing_steps.takes_steps(_markdown_of(message))


def steps_of(message: StoredMessage) -> Iterator[object]:
    """Parse what it says in steps; what is shown of it after them is there at once."""
    if message.role != "user":
        yield from parsing_steps.parsing_steps(_markdown_of(message))
        if len(message.content) > LONG_CHARACTERS:
            yield NEXT_TURN


def _markdown_of(message: StoredMessage) -> str:
    return answer_markdown(message.content, message.json_schema, message.outcome)
