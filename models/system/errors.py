"""Errors that a person reads: what happened, and what to do next."""

from models.system.shown_text import fill


class StillroomError(Exception):
    """An expected failure, told in the user's words.

    `message` and `hint` are English templates with `{name}` fields, and `values` fills them, so that
    the window can translate the template before it fills it. `str(error)` is the filled English message;
    a value that comes from outside is shown as one line, shortened (`models.system.shown_text`).
    """

    def __init__(self, message: str, hint: str = "", **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.values = values

    def __str__(self) -> str:
        return fill(self.message, self.values)

    def hint_text(self) -> str:
        """Return the next step in English, with the values filled in; empty when there is none."""
        return fill(self.hint, self.values)


class Cancelled(Exception):
    """The user stopped the work. Never shown as an error."""
