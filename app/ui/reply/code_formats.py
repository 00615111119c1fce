"""The format of each kind of token in code; the colours are in `app/ui/base/colours.py`."""

from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, Operator, String, _TokenType
from PySide6.QtGui import QTextCharFormat

from app.ui.base.theme import Theme
from app.ui.reply.highlighter import IS_PROSE, Formats

_COLOURS: dict[_TokenType, str] = {
    Keyword: "code_keyword",
    Operator.Word: "code_keyword",
    Name.Builtin: "code_name",
    Name.Function: "code_name",
    Name.Class: "code_name",
    Name.Decorator: "code_name",
    Name.Exception: "code_name",
    Name.Tag: "code_keyword",
    Name.Attribute: "code_name",
    Literal: "code_string",
    String: "code_string",
    Number: "code_number",
    Keyword.Constant: "code_number",
    Comment: "code_comment",
    Comment.Preproc: "code_keyword",
    String.Escape: "code_number",
    String.Interpol: "code_number",
    Generic.Deleted: "danger",
    Generic.Inserted: "good",
    Generic.Heading: "code_keyword",
    Generic.Subheading: "code_keyword",
}


def code_formats(theme: Theme) -> Formats:
    """Make the format of each kind of token in the present scheme; make them again on `Theme.changed`."""
    formats: dict[_TokenType, QTextCharFormat] = {}
    for kind, colour in _COLOURS.items():
        shown = QTextCharFormat()
        shown.setForeground(theme.colour(colour))
        if kind in (Literal, String, String.Escape, String.Interpol, Comment):
            shown.setProperty(IS_PROSE, True)
        if kind is Comment:
            shown.setFontItalic(True)
        formats[kind] = shown
    return formats
