"""Answers beside each other in the real window by keyboard: kept, and there again after a kill."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.engine.protocol import LoadSettings
from app.settings import SettingsFile
from tests.end2end.test_real_window import engine_has_loaded
from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

DIALOG = "^Compare answers$"


def replies(home: Path) -> list[tuple[int, int, str, str]]:
    """Number, question, outcome and text of the replies on the disk."""
    with closing(sqlite3.connect(f"file:{home}/data/chats.sqlite3?mode=ro", uri=True)) as connection:
        return connection.execute(
            "SELECT id, parent_id, outcome, content FROM messages WHERE role = 'assistant' ORDER BY id"
        ).fetchall()


def shown(home: Path) -> int:
    """The last message that the chat shows."""
    with closing(sqlite3.connect(f"file:{home}/data/chats.sqlite3?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT head_id FROM conversations").fetchone()[0])


def test_two_answers_are_kept_when_the_program_is_killed_in_the_middle(tmp_path: Path) -> None:
    SettingsFile(tmp_path / "config" / "settings.json").update(load=LoadSettings(context_tokens=2048))
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: engine_has_loaded(window), "the starter model")
        window.type("Write a long story about a lighthouse keeper.")
        # The first keys come before the composer may be asked.
        wait_until(lambda: window.is_shown(DIALOG), "the dialog", act=lambda: window.key("ctrl+shift+m"))
        window.key_in(DIALOG, "Return")
        wait_until(
            lambda: [bool(text) for *_, text in replies(tmp_path)] == [True, True], "both answers on the disk"
        )
        window.process.kill()
        window.process.wait()

        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: engine_has_loaded(window), "the starter model")
        first, second = replies(tmp_path)
        assert (first[2], second[2]) == ("interrupted", "interrupted")
        assert first[1] == second[1]
        # Beside the one that is shown another one comes, and is kept.
        wait_until(lambda: window.is_shown(DIALOG), "the dialog", act=lambda: window.key("ctrl+shift+m"))
        window.key_in(DIALOG, "Return")
        wait_until(lambda: len(replies(tmp_path)) == 3, "the third answer")
        third = replies(tmp_path)[-1][0]

        def keep() -> None:
            if window.is_shown(DIALOG):
                window.key_in(DIALOG, "alt+2")

        wait_until(lambda: not window.is_shown(DIALOG), "the end of the dialog", act=keep, wait_s=240)
        wait_until(lambda: shown(tmp_path) == third, "the kept answer")
        assert replies(tmp_path)[-1][1] == first[1]
        # What is typed goes to the message again.
        window.type("Thank you.")
        wait_until(
            lambda: len(replies(tmp_path)) == 4,
            "an answer to what was typed",
            act=lambda: window.key("Return"),
        )
        assert window.close() == 0
