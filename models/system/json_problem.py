"""Say what is wrong with a text that should be JSON, as a sentence that can be translated."""

import json

from models.system.errors import StillroomError

_WORDS = {
    "": "it is not written as JSON in line {line}, column {column}",
    "Expecting value": "a value is missing in line {line}, column {column}",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing in line {line}, column {column}",
    "Expecting ':' delimiter": "a colon is missing in line {line}, column {column}",
    "Expecting property name enclosed in double quotes": (
        "a name in double quotes is missing in line {line}, column {column}"
    ),
    "Illegal trailing comma before end of object": (
        "there is a comma too many in line {line}, column {column}"
    ),
    "Illegal trailing comma before end of array": "there is a comma too many in line {line}, column {column}",
    "Extra data": "something follows the end of the JSON in line {line}, column {column}",
    "Unterminated string starting at": (
        "the text that begins in line {line}, column {column} has no closing quote"
    ),
    "Invalid control character at": (
        "there is a line end or another control character within a text in line {line}, column {column}"
    ),
    "Invalid \\escape": "there is a backslash before the wrong character in line {line}, column {column}",
    "Invalid \\uXXXX escape": "there is an incomplete \\u sign in line {line}, column {column}",
}
"""By the words of Python's parser; the first one where they are others."""


def json_problem(error: ValueError) -> StillroomError:
    """Return the reason why `json.loads` failed, to be put into another error's sentence."""
    if not isinstance(error, json.JSONDecodeError):
        return StillroomError("it is not written as JSON")
    known = next((words for words in _WORDS if words and error.msg.startswith(words)), "")
    return StillroomError(_WORDS[known], line=error.lineno, column=error.colno)
