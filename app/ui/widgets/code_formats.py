"""How kinds of code look: Pygments' token types in the theme's colours."""

from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String, _TokenType
from PySide6.QtGui import QColor, QTextCharFormat, QTextFormat

from app.ui.theme import Colours

IS_PROSE = QTextFormat.Property.UserProperty + 1
"""Set in the format of strings and comments: brackets there are no brackets."""


def code_formats(colours: Colours) -> dict[_TokenType, QTextCharFormat]:
    """The formats by token type; a type that is missing looks like its nearest parent, or like plain text."""
    plain = QColor(colours.text)
    of = {
        Keyword: colours.code_keyword,
        Operator.Word: colours.code_keyword,
        Name.Function: colours.code_name,
        Name.Class: colours.code_name,
        Name.Builtin: colours.code_name,
        Name.Exception: colours.code_name,
        Name.Decorator: colours.code_name,
        Name.Tag: colours.code_keyword,
        Name.Attribute: colours.code_name,
        Number: colours.code_number,
        Keyword.Constant: colours.code_number,
        String: colours.code_string,
        String.Escape: colours.code_number,
        String.Interpol: colours.code_number,
        Comment: colours.code_comment,
        Comment.Preproc: colours.code_keyword,
        Generic.Deleted: colours.danger,
        Generic.Inserted: colours.good,
        Generic.Heading: colours.code_keyword,
        Generic.Subheading: colours.code_keyword,
    }
    formats = {kind: _format(QColor(colour), prose=_is_prose(kind)) for kind, colour in of.items()}
    return formats | {Name.Builtin.Pseudo: _format(plain, prose=False)}


def _is_prose(kind: _TokenType) -> bool:
    return kind[:2] == String[:2] or (kind[:1] == Comment[:1] and kind != Comment.Preproc)


def _format(colour: QColor, *, prose: bool) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(colour)
    made.setProperty(IS_PROSE, prose)
    return made
