"""The fixtures of the Code tab's tests."""

from tests.support.code_desk import live, room, tab

__all__ = ["live", "room", "tab"]
