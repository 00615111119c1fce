"""The base of all messages between the engine and the rest of the program."""

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of everything on the wire; the class name is the tag."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of a prompt. `special` text is the template's and may hold control tokens; the rest is
    somebody's words and is tokenised as plain text, so that nobody forges a turn."""

    text: str
    special: bool = False
