"""The bracket that belongs to the one beside the cursor."""

from PySide6.QtGui import QTextBlock, QTextCursor

from app.ui.reply.highlighter import IS_PROSE

PAIRS = {"(": ")", "[": "]", "{": "}"}
_OPENING_OF = {closing: opening for opening, closing in PAIRS.items()}
SEARCH_LIMIT_LINES = 2000


def bracket_pair(cursor: QTextCursor) -> tuple[int, int | None] | None:
    """Position of the bracket at the cursor (the one before it first) and of its partner.

    The partner is None when there is none within `SEARCH_LIMIT_LINES`; the result is None when no bracket is
    at the cursor. Brackets in strings and comments do not count, as far as the highlighter has come.
    """
    block = cursor.block()
    text = _units(block)
    for column in (cursor.positionInBlock() - 1, cursor.positionInBlock()):
        if 0 <= column < len(text) and text[column] in PAIRS | _OPENING_OF and not _in_prose(block, column):
            return block.position() + column, _partner(block, column, text[column])
    return None


def _partner(block: QTextBlock, column: int, bracket: str) -> int | None:
    forward = bracket in PAIRS
    partner = PAIRS[bracket] if forward else _OPENING_OF[bracket]
    depth = 0
    for _ in range(SEARCH_LIMIT_LINES):
        text = _units(block)
        if bracket in text or partner in text:
            columns = range(column, len(text)) if forward else range(min(column, len(text) - 1), -1, -1)
            for at in columns:
                if text[at] in (bracket, partner) and not _in_prose(block, at):
                    depth += 1 if text[at] == bracket else -1
                    if depth == 0:
                        return block.position() + at
        block = block.next() if forward else block.previous()
        if not block.isValid():
            return None
        column = 0 if forward else block.length()
    return None


def _units(block: QTextBlock) -> str:
    """The block's text with one character for each UTF-16 unit, so that indexes are Qt's positions."""
    text = block.text()
    if len(text) == block.length() - 1:
        return text
    return "".join(character if character <= "\uffff" else "\ufffd\ufffd" for character in text)


def _in_prose(block: QTextBlock, column: int) -> bool:
    return any(
        span.start <= column < span.start + span.length and span.format.boolProperty(IS_PROSE)
        for span in block.layout().formats()
    )
