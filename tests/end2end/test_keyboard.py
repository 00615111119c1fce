"""The fifteen most usual acts in the real window, each by keyboard alone.

1 ask · 2 ask for another reply · 3 ask in other words · 4 begin a chat · 5 stop a reply · 6 copy a reply ·
7 search · 8 rename a chat · 9 delete a chat and take that back · 10 run a command by its name · 11 make the
text larger · 12 change a setting · 13 choose a model · 14 write code and run it · 15 run the benchmark
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.engine.protocol import LoadSettings
from app.settings import SettingsFile
from tests.end2end.test_real_window import engine_has_loaded
from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

STORIES = 5
"""Now and then one of this model's ends before it is stopped."""

CONTEXT_TOKENS = 2048
"""A reply that does not end by itself ends there."""


class Person:
    """Someone without a mouse, and what they can see on the disk."""

    def __init__(self, window: RealWindow, home: Path) -> None:
        self.window = window
        self.home = home

    def sql(self, query: str, database: str = "chats") -> list[tuple[Any, ...]]:
        path = self.home / "data" / f"{database}.sqlite3"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def count(self, query: str, database: str = "chats") -> int:
        rows = self.sql(f"SELECT COUNT(*) FROM {query}", database)
        return int(rows[0][0]) if rows else 0

    def setting(self, name: str) -> Any:
        path = self.home / "config" / "settings.json"
        return json.loads(path.read_bytes()).get(name) if path.exists() else None

    def until(self, what: str, condition: Callable[[], bool], *keys: str) -> None:
        """Press `keys` until `condition` holds: the window may be busy with what came before."""
        wait_until(condition, what, act=(lambda: self.window.key(*keys)) if keys else None)

    def replies(self, *outcomes: str) -> int:
        """Those that ended so; by themselves where none is named, as this model may not find its end."""
        wanted = ", ".join(f"'{outcome}'" for outcome in outcomes or ("stop", "context", "loop"))
        return self.count(f"messages WHERE role = 'assistant' AND outcome IN ({wanted})")

    def ask(self, text: str) -> None:
        before = self.replies()
        self.window.type(text)
        self.until("a reply", lambda: self.replies() > before, "Return")


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    home = tmp_path_factory.mktemp("home")
    SettingsFile(home / "config" / "settings.json").update(load=LoadSettings(context_tokens=CONTEXT_TOKENS))
    with virtual_display() as display:
        window = RealWindow(display, home)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        wait_until(lambda: engine_has_loaded(window), "the starter model")
        yield Person(window, home)
        assert window.close() == 0


def test_01_ask(person: Person) -> None:
    person.ask("Say hello in five words.")


def test_02_ask_for_another_reply(person: Person) -> None:
    person.until("another reply", lambda: person.replies() == 2, "ctrl+r")


def test_03_ask_in_other_words(person: Person) -> None:
    person.window.key("ctrl+Up")
    person.window.key("ctrl+a")
    person.window.type("Name one colour.")
    person.until("the other question", lambda: person.count("messages WHERE role = 'user'") == 2, "Return")
    person.until("its reply", lambda: person.replies() == 3)


def test_04_begin_a_chat(person: Person) -> None:
    person.window.key("ctrl+n")
    person.ask("What is a lighthouse?")
    assert person.count("conversations") == 2


def was_stopped(person: Person) -> bool:
    """Ask for a story and stop it; False if it ended before."""
    before = person.replies()
    running = "messages WHERE role = 'assistant' AND outcome = 'running' AND length(content) > 20"

    def ended() -> bool:
        return person.replies("cancelled") == 1 or person.replies() > before

    person.window.type("Write a very long story about a lighthouse keeper and the sea.")
    person.until("a reply's beginning", lambda: person.count(running) == 1 or ended(), "Return")
    person.until("its end", ended, "Escape")
    return person.replies("cancelled") == 1


def test_05_stop_a_reply(person: Person) -> None:
    assert any(was_stopped(person) for _ in range(STORIES))


def test_06_copy_a_reply(person: Person) -> None:
    person.window.key("ctrl+shift+c", "ctrl+n")
    person.window.key("ctrl+v")
    copied = "conversations WHERE length(draft) > 0"
    person.until("the reply as a draft", lambda: person.count(copied) == 1)
    person.window.key("ctrl+a", "BackSpace")


def test_07_search(person: Person) -> None:
    person.window.key("ctrl+n")
    person.until("no chat", lambda: person.setting("last_chat") == 0)
    person.window.key("ctrl+shift+f")
    person.window.type("colour")
    person.window.key("Down")
    person.until("the chat with the hit", lambda: person.setting("last_chat") == 1, "Down", "Return")
    person.window.key("ctrl+shift+f", "ctrl+a", "BackSpace")


def test_08_rename_a_chat(person: Person) -> None:
    person.window.key("ctrl+shift+f", "Tab")
    person.window.key("F2", "ctrl+a")
    person.window.type("Lights at sea")
    person.until(
        "the title", lambda: person.count("conversations WHERE title = 'Lights at sea'") == 1, "Return"
    )


def test_09_delete_a_chat_and_take_that_back(person: Person) -> None:
    listed = "conversations WHERE deleted_at IS NULL"
    before = person.count(listed)
    person.window.key("ctrl+shift+f", "Tab")
    person.until("one chat fewer", lambda: person.count(listed) == before - 1, "Delete")
    person.until("the chat again", lambda: person.count(listed) == before, "F6", "space")


def test_10_run_a_command_by_its_name(person: Person) -> None:
    person.window.key("ctrl+shift+p")
    person.window.find("^Commands")
    person.window.type("models")
    person.window.key("Return")
    person.window.find()
    person.until("the Models tab", lambda: person.setting("last_page") == "models")


def test_11_make_the_text_larger(person: Person) -> None:
    person.until("larger text", lambda: person.setting("zoom_percent") == 110, "ctrl+plus")
    person.until("text as before", lambda: person.setting("zoom_percent") == 100, "ctrl+0")


def test_12_change_a_setting(person: Person) -> None:
    person.window.key("ctrl+comma")
    person.window.find("^Settings")
    person.window.key("Tab", "Down")
    person.until("the other scheme", lambda: person.setting("theme") == "light")
    person.window.dismiss("^Settings")


def test_13_choose_a_model(person: Person) -> None:
    window = person.window
    person.until(
        "the model is out of memory", lambda: not engine_has_loaded(window), "ctrl+m", "Down", "Return"
    )
    person.until("the model again", lambda: engine_has_loaded(window), "ctrl+m", "Return")


def test_14_write_code_and_run_it(person: Person, tmp_path: Path) -> None:
    person.window.key("ctrl+2")
    draft = person.home / "data" / "code-draft.json"

    def is_written() -> bool:
        return draft.exists() and "6 * 7" in draft.read_text(encoding="utf-8")

    def write() -> None:
        person.window.key("ctrl+a", "Delete")
        person.window.type("print(6 * 7)")

    # The tab takes what is typed once it has the draft of the last time.
    wait_until(is_written, "the draft", act=write)
    before = picture(person, tmp_path)
    person.until("its output", lambda: picture(person, tmp_path) != before, "F5")


def test_15_run_the_benchmark(person: Person) -> None:
    """It takes minutes: its first result is enough, and closing the window ends it."""
    person.window.key("ctrl+3")
    person.until("the run", lambda: person.count("unfinished", "benchmarks") > 0, "space")
    person.until("the first result", lambda: person.count("turns", "benchmarks") > 0)


def picture(person: Person, folder: Path) -> bytes:
    person.window.save_picture(folder / "now.ppm")
    return (folder / "now.ppm").read_bytes()
