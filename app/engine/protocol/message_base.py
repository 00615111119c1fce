"""The base of all messages between the engine and the rest of the program, which `__init__.py` lists."""

import msgspec

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
"""The tags around the thinking of R1 and of the models made like it."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of everything on the wire; the class name is the tag."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of a prompt. `special` text is the template's and may hold control tokens; the rest is
    somebody's words and is tokenised as plain text, so that nobody forges a turn."""

    text: str
    special: bool = False
