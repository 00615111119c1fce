"""The usual acts of docs/usual-acts.md in a window on a real display, by xdotool's keys and mouse:
`python -m tests.support.usual_acts FOLDER WIDTHxHEIGHT THEME LANGUAGE`.

On `DISPLAY` and in `STILLROOM_HOME`. After each act its name is told on stdout, and what is seen is saved in
FOLDER.
"""

import argparse
import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QListView, QPushButton, QWidget

from app.base.paths import app_paths
from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.reply.reply_view import ReplyView
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

TRY_S = 8.0
WAIT_S = 240.0
FIRST_COLOURS = "Say hello in five words."
STORY = "Write a very long story about a lighthouse keeper and the sea."
FUNCTION = "def double(n): return 2 * n"

Act = Callable[["Person"], Awaitable[None]]


class Person:
    """Somebody with a keyboard and a mouse in front of the window."""

    def __init__(self, application: WindowApplication, folder: Path) -> None:
        """`folder` gets the pictures."""
        self.application = application
        self._folder = folder
        self._pictures = 0
        self.window = application.window
        chat, code = (application.window.content_of(key) for key in ("chat", "code"))
        assert isinstance(chat, ChatTab)
        assert isinstance(code, CodeTab)
        self.chat = chat
        self.code = code

    @property
    def in_front(self) -> QWidget:
        """The dialog that is open, or the window."""
        return QApplication.activeModalWidget() or self.window

    async def type(self, text: str) -> None:
        await self._xdotool("type", "--delay", "8", text)

    async def key(self, *names: str) -> None:
        await self._xdotool("key", *names)

    async def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        place = widget.mapToGlobal(at or widget.rect().center())
        await self._xdotool("mousemove", str(place.x()), str(place.y()), "click", "1")

    async def until(
        self, what: str, condition: Callable[[], object], again: Coroutine[Any, Any, None] | None = None
    ) -> None:
        """Do `again` once, then wait."""
        if again is not None:
            await again
        await until(condition, what, WAIT_S)

    async def by_key(self, what: str, condition: Callable[[], object], *names: str) -> None:
        """Press keys until it is so: a busy X server loses some."""
        end_s = time.monotonic() + WAIT_S
        while not condition():
            await self.key(*names)
            try:
                await until(condition, what, TRY_S)
            except TimeoutError:
                if time.monotonic() > end_s:
                    raise

    async def write(self, text: str, read: Callable[[], str]) -> None:
        """Type until it is there to the letter."""

        async def whole() -> bool:
            try:
                await until(lambda: read() == text, "what is typed", TRY_S)
            except TimeoutError:
                return False
            return True

        await self.type(text)
        for _ in range(4):
            if await whole():
                return
            await self.key("ctrl+a", "Delete")
            await self.type(text)
        raise AssertionError(f"{text} came as {read()}")

    async def ask(self, text: str) -> None:
        await self.write(text, self.chat.composer.text)
        await self.by_key("the question is sent", lambda: self.chat.exchange.here is not None, "Return")

    def reply(self) -> ReplyView:
        view = self.chat.conversation.messages()[-1]
        assert isinstance(view, ReplyView)
        return view

    def replies(self) -> int:
        assert self.chat.chat is not None
        messages = self.application.parts.chats.messages(self.chat.chat.id)
        return sum(message.role == "assistant" and message.outcome != "running" for message in messages)

    def composer_has_keyboard(self) -> None:
        """Check that what is typed is the message; no window manager gives the keyboard back here."""
        assert self.window.focusWidget() is self.chat.composer.focusProxy(), self.window.focusWidget()

    def editor_has_keyboard(self) -> None:
        assert self.window.focusWidget() is self.code.editor, self.window.focusWidget()

    async def picture(self, name: str) -> None:
        """Save what is seen on the display."""
        await settle(10)
        self._pictures += 1
        path = self._folder / f"{self._pictures:02}-{'-'.join(name.lower().split())}.png"
        await asyncio.to_thread(subprocess.run, ["import", "-window", "root", str(path)], check=True)

    async def _xdotool(self, *arguments: str) -> None:
        command = ["xdotool", "windowfocus", "--sync", str(int(self.in_front.winId())), *arguments]
        await asyncio.to_thread(subprocess.run, command, check=True)


async def ask(person: Person) -> None:
    tab = person.chat
    tab.choices.show_choices(ReplyChoices(max_tokens=24), Sampling(temperature=0.0, seed=1))
    await person.click(tab.composer)
    await person.ask(FIRST_COLOURS)
    await person.until("the reply", lambda: tab.exchange.here is None)
    person.composer_has_keyboard()


async def ask_for_another_reply(person: Person) -> None:
    await person.by_key("another reply", lambda: person.replies() == 2, "ctrl+r")
    await person.until("its end", lambda: person.chat.exchange.here is None)
    assert person.reply().versions.text
    person.composer_has_keyboard()


async def ask_in_other_words(person: Person) -> None:
    tab = person.chat
    await person.key("ctrl+Up")
    await settle(5)
    await person.key("ctrl+a")
    await person.type("Name one colour.")
    await person.by_key("the other question", lambda: tab.exchange.here is not None, "Return")
    await person.until("the reply", lambda: tab.exchange.here is None)
    assert tab.conversation.branch[0].content == "Name one colour."
    person.composer_has_keyboard()


async def copy_a_reply(person: Person) -> None:
    clipboard = QGuiApplication.clipboard()
    wanted = person.reply().answer.strip()
    await person.by_key("the copy", lambda: clipboard.text() == wanted, "ctrl+shift+c")
    person.composer_has_keyboard()


async def stop_a_reply(person: Person) -> None:
    tab = person.chat
    await person.by_key("a new chat", lambda: tab.chat is None, "ctrl+n")
    await person.ask(STORY)
    await person.until(
        "its beginning", lambda: tab.running_view is not None and bool(tab.running_view.answer)
    )
    await person.by_key("its end", lambda: tab.exchange.here is None, "Escape")
    person.composer_has_keyboard()


async def continue_a_reply(person: Person) -> None:
    tab = person.chat
    before = len(person.reply().answer)
    [go_on] = [
        button
        for button in person.reply().findChildren(QPushButton)
        if button.isVisible() and button.text() in ("Continue", "继续")
    ]
    await person.click(go_on)
    await person.until("more of it", lambda: len(person.reply().answer) > before)
    await person.by_key("its end", lambda: tab.exchange.here is None, "Escape")
    person.composer_has_keyboard()


async def compare_answers(person: Person) -> None:
    tab = person.chat
    await person.by_key("a new chat", lambda: tab.chat is None, "ctrl+n")
    tab.choices.show_choices(ReplyChoices(max_tokens=24), Sampling(temperature=0.8, seed=1))
    await person.write("Name three colours.", tab.composer.text)
    await person.by_key("the dialog", lambda: tab.comparison.dialog is not None, "ctrl+shift+m")
    dialog = tab.comparison.dialog
    assert dialog is not None
    await person.until("the dialog on the screen", dialog.isVisible)
    await person.by_key("the answers", lambda: dialog.has_started, "Return")
    await person.until("their ends", lambda: all(column.can_be_kept for column in dialog.columns))
    await person.picture("answers beside each other")
    await person.by_key("the kept one", lambda: tab.comparison.dialog is None, "alt+2")
    assert person.reply().versions.text
    await settle(5)
    person.composer_has_keyboard()


async def search_all_chats(person: Person) -> None:
    tab = person.chat
    await person.by_key("the search field", lambda: tab.chats.search.hasFocus(), "ctrl+shift+f")
    await person.write("lighthouse", tab.chats.search.text)
    await settle(20)
    await person.key("Down", "Return")
    await person.until(
        "the chat with the hit", lambda: any(message.content == STORY for message in tab.conversation.branch)
    )
    await person.by_key("the search field", lambda: tab.chats.search.hasFocus(), "ctrl+shift+f")
    await person.by_key("an empty field", lambda: not tab.chats.search.text(), "ctrl+a", "BackSpace")


def row_of(person: Person) -> tuple[QListView, QPoint]:
    """The list of chats, and the middle of the open one's row in it."""
    tab = person.chat
    assert tab.chat is not None
    place: QRect = tab.chats.view.visualRect(tab.chats.model.index_of(tab.chat.id))
    return tab.chats.view, place.center()


async def rename_a_chat(person: Person) -> None:
    tab = person.chat
    view, place = row_of(person)
    await person.click(view.viewport(), place)
    await person.key("F2", "ctrl+a")
    await person.type("Lights at sea")
    await person.key("Return")
    chat = tab.chat
    assert chat is not None
    chats = person.application.parts.chats
    await person.until("the name", lambda: chats.conversation(chat.id).title == "Lights at sea")


async def delete_and_take_back(person: Person) -> None:
    chats = person.application.parts.chats
    before = len(chats.conversations())
    view, place = row_of(person)
    await person.click(view.viewport(), place)
    await person.by_key("one chat fewer", lambda: len(chats.conversations()) == before - 1, "Delete")
    await person.by_key("the chat again", lambda: len(chats.conversations()) == before, "F6", "space")


async def write_code(person: Person) -> None:
    tab = person.code
    await person.by_key("the Code tab", lambda: tab.isVisible(), "ctrl+2")
    await person.until("the editor", lambda: not tab.editor.isReadOnly())
    await person.click(tab.editor.viewport())
    await person.write("print(6 * 7)", tab.editor.text)
    person.editor_has_keyboard()


def program_output(person: Person) -> str:
    return person.code.run_card.output.toPlainText()


async def run_a_program(person: Person) -> None:
    await person.by_key("its output", lambda: "42" in program_output(person), "F5")
    person.editor_has_keyboard()


async def stop_a_program(person: Person) -> None:
    tab = person.code
    await person.key("ctrl+a", "Delete")
    await person.write("import time; time.sleep(60)", tab.editor.text)
    await person.by_key("the program", lambda: tab.runner.running, "F5")
    await person.by_key("its end", lambda: not tab.runner.running, "Escape")
    person.editor_has_keyboard()


async def find_and_replace(person: Person) -> None:
    tab = person.code
    await person.key("ctrl+h")
    await settle(5)
    await person.type("60")
    await person.key("Tab")
    await person.type("30")
    await person.by_key("the other number", lambda: "sleep(30)" in tab.editor.text(), "Return")
    await person.by_key("the editor again", lambda: tab.editor.hasFocus(), "Escape")


async def open_a_second_text(person: Person) -> None:
    tab = person.code
    first = tab.files.current
    await person.by_key("another text", lambda: tab.files.current is not first, "ctrl+n")
    await person.write(FUNCTION, tab.editor.text)
    await person.by_key("the first one", lambda: tab.files.current is first, "ctrl+Tab")
    await person.by_key("the second one", lambda: tab.files.current is not first, "ctrl+Tab")
    person.editor_has_keyboard()


async def test_it(person: Person) -> None:
    tab = person.code
    tests = tab.run_card.tests
    await person.by_key("the field for tests", lambda: tests.hasFocus(), "alt+t")
    await person.write("assert double(4) == 8", tests.text)
    await person.by_key("the run", lambda: tab.runner.running or bool(program_output(person)), "shift+F5")
    await person.until("its end", lambda: not tab.runner.running)
    assert not tab.run_card.problem
    await person.by_key("the editor again", lambda: tab.editor.hasFocus(), "alt+e")


async def explain_it(person: Person) -> None:
    tab = person.code
    await person.key("ctrl+a")
    before = len(tab.conversation.exchanges)
    await person.by_key("the question", lambda: len(tab.conversation.exchanges) > before, "ctrl+shift+e")
    await person.until("the answer", lambda: bool(tab.conversation.exchanges[-1].reply.answer))


async def stop_an_answer(person: Person) -> None:
    tab = person.code
    await person.by_key("its end", lambda: not tab.conversation.running, "Escape")


async def ask_about_it(person: Person) -> None:
    tab = person.code
    await person.by_key("the field", lambda: tab.conversation.field.hasFocus(), "ctrl+l")
    before = len(tab.conversation.exchanges)
    await person.write("What does it return?", tab.conversation.field.toPlainText)
    await person.by_key("the question", lambda: len(tab.conversation.exchanges) > before, "Return")
    await person.until("the answer", lambda: bool(tab.conversation.exchanges[-1].reply.answer))
    await person.by_key("its end", lambda: not tab.conversation.running, "Escape")


async def accept_a_change(person: Person) -> None:
    """The starter model cannot be relied on to write one, so it is proposed as an answer's would be."""
    tab = person.code
    await person.by_key("the editor", lambda: tab.editor.hasFocus(), "alt+e")
    tab.card.propose("def double(n: int) -> int: return 2 * n\n")
    await settle(5)
    await person.by_key("the change", lambda: "n: int" in tab.editor.text(), "a")


CHAT: tuple[tuple[str, Act], ...] = (
    ("Ask", ask),
    ("Ask for another reply", ask_for_another_reply),
    ("Ask in other words", ask_in_other_words),
    ("Copy a reply", copy_a_reply),
    ("Stop a reply", stop_a_reply),
    ("Continue a reply", continue_a_reply),
    ("Compare answers", compare_answers),
    ("Search all chats", search_all_chats),
    ("Rename a chat", rename_a_chat),
    ("Delete a chat and take that back", delete_and_take_back),
)
CODE: tuple[tuple[str, Act], ...] = (
    ("Write code", write_code),
    ("Run a program", run_a_program),
    ("Stop a program", stop_a_program),
    ("Find and replace", find_and_replace),
    ("Work on a second text", open_a_second_text),
    ("Test it", test_it),
    ("Explain it", explain_it),
    ("Stop an answer", stop_an_answer),
    ("Ask about it", ask_about_it),
    ("Accept a change", accept_a_change),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("size")
    parser.add_argument("theme")
    parser.add_argument("language")
    chosen = parser.parse_args()
    width, height = (int(part) for part in chosen.size.split("x"))
    chosen.folder.mkdir(parents=True, exist_ok=True)
    SettingsFile(app_paths().settings).update(
        theme=chosen.theme,
        language=chosen.language,
        load=LoadSettings(context_tokens=2048),
        sampling=Sampling(temperature=0.0, seed=1),
    )

    async def scene(application: WindowApplication) -> None:
        application.window.setGeometry(0, 0, width, height)
        await until(lambda: application.session.info is not None, "the starter model")
        person = Person(application, chosen.folder)
        for name, act in (*CHAT, *CODE):
            await act(person)
            await person.picture(name)
            print(name, flush=True)

    run_with_window(scene)


if __name__ == "__main__":
    main()
