"""A person's first minutes: the window opens on an X display, a question is typed, the answer is kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from models.catalogue.starter import starter_file
from tests.support.display import WAIT_S, RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


def replies(home: Path) -> list[str]:
    """The finished replies in the chats of `home`; read only, as the window has the file open."""
    database = home / "data" / "chats.sqlite3"
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT content FROM messages WHERE role = 'assistant' AND outcome != 'running'"
        )
        return [content for (content,) in rows]


def test_a_typed_question_is_answered_and_kept(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        children = psutil.Process(window.process.pid).children()
        # The composer has the focus; what is typed before the model is there waits for it.
        window.click(640, 790)
        window.type("Say hello in five words.")
        wait_until(lambda: engine_has_loaded(window), "the starter model")
        # Enter does nothing while the model is loading or the reply is running.
        wait_until(lambda: replies(tmp_path), "the reply", act=lambda: window.key("Return"))
        assert replies(tmp_path)[0].strip()
        for number in ("2", "3", "4", "1"):
            window.key(f"ctrl+{number}")
            wait_until(lambda: window.colours() > 50, f"tab {number}")
        assert window.close() == 0
        psutil.wait_procs(children, timeout=10)
        assert not [child for child in children if child.is_running()]


def engine_has_loaded(window: RealWindow) -> bool:
    """The engine's process holds as much as the model's file, mapped or copied. Without one it has 70 MB."""
    starter = starter_file()
    assert starter is not None
    for child in psutil.Process(window.process.pid).children():
        try:
            if child.memory_info().rss > 1.2 * starter.stat().st_size:
                return True
        except psutil.Error:
            continue
    return False


def test_a_second_start_raises_the_first(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        second = RealWindow(display, tmp_path)
        assert second.process.wait(WAIT_S) == 0
        assert window.process.poll() is None
        assert window.close() == 0


def test_a_polite_kill_ends_in_order(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        window.process.terminate()
        assert window.process.wait(WAIT_S) == 0


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    window = RealWindow("", tmp_path)
    assert window.process.wait(WAIT_S) == 1
