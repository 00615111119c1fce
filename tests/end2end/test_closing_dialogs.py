"""Keys that X delivers to a dialog that is about to close belong to the window behind it."""

import os
import subprocess
import sys

import pytest

from tests.support.display import virtual_display

pytestmark = pytest.mark.window


def typed(*command: str) -> str:
    """Give the text behind a dialog that closes as xdotool does this, and how often F1 was heard."""
    with virtual_display() as display:
        environment = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        ended = subprocess.run(
            [sys.executable, "-m", "tests.support.closing_child", *command],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return ended.stdout


def test_no_key_is_lost_with_the_window_of_a_dialog() -> None:
    assert typed("key", "--delay", "0", "a", "b", "F1", "c") == "abc 1\n"


def test_a_key_that_is_held_comes_once() -> None:
    assert typed("keydown", "a", "sleep", "1.5", "keyup", "a", "key", "b") == "ab 0\n"
