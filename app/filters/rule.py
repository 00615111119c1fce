"""One rule of the input filter, and what makes it a usable one."""

from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from app.base.errors import StillroomError
from app.filters.pattern import PatternError, compiled

Action = Literal["block", "redact", "flag"]
"""Do not send; send without what was found; send, and say what was found."""
Kind = Literal["pattern", "length", "control"]
"""A regular expression; more than `at_most` characters; characters that nobody sees."""

MOST_PATTERN_CHARACTERS = 2000
MOST_NAME_CHARACTERS = 80

CONTROL = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]+"
)
"""Control, direction and invisible characters, without tab and line ends. The last range is an unseen copy of
ASCII (https://www.unicode.org/charts/PDF/UE0000.pdf). The joiners of emoji and of Persian stay."""


class RuleError(StillroomError):
    """A rule that cannot be used, and why. `rule` is its name."""

    def __init__(self, message: str, hint: str = "", *, rule: str, **values: object) -> None:
        super().__init__(message, hint, rule=rule, **values)


class FilterRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: something to look for in a message, and what then happens.

    `id` stays the same when everything else is edited. `pattern` and `ignore_case` are for the kind
    "pattern", `at_most` (characters) for "length". `note` says what the rule is for and what it misses.
    """

    id: str
    name: str
    kind: Kind = "pattern"
    pattern: str = ""
    ignore_case: bool = False
    at_most: Annotated[int, Meta(ge=0, le=1 << 30)] = 0
    action: Action = "flag"
    on: bool = True
    note: str = ""

    def checked(self) -> Self:
        """The rule itself. Raises `RuleError` with the reason where it cannot work."""
        if not self.name.strip() or len(self.name) > MOST_NAME_CHARACTERS or not self.name.isprintable():
            raise RuleError(
                "A rule needs a name of 1 to {most} characters on one line.",
                "The name stands in the place of what the rule takes out.",
                rule=self.name,
                most=MOST_NAME_CHARACTERS,
            )
        if self.kind == "length":
            if self.action == "redact":
                raise RuleError(
                    "The rule {rule} limits the length, so there is nothing it could take out.",
                    "Let it block or flag.",
                    rule=self.name,
                )
            if self.at_most < 1:
                raise RuleError(
                    "The rule {rule} needs a number of characters.", "Give at least 1.", rule=self.name
                )
        if self.kind == "pattern":
            self.matcher()
        return self

    def matcher(self) -> Any:
        """The compiled expression of a rule that has one. Raises `RuleError`."""
        if self.kind == "control":
            return compiled(CONTROL, False)
        if len(self.pattern) > MOST_PATTERN_CHARACTERS:
            raise RuleError(
                "The expression of the rule {rule} is longer than {most} characters.",
                "Make several rules of it.",
                rule=self.name,
                most=MOST_PATTERN_CHARACTERS,
            )
        try:
            return compiled(self.pattern, self.ignore_case)
        except PatternError as error:
            raise RuleError(
                "The expression of the rule {rule} cannot be used: {reason}",
                error.hint_text(),
                rule=self.name,
                reason=str(error),
            ) from error
