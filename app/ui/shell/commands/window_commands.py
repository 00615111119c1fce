"""The command palette and the list of shortcuts of the window.

The keys themselves are in `app/ui/base/shortcuts.py`; what they do stands wherever `add_action` is called.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer

from app.chat.store.records import Conversation
from app.ui.base.add_action import Command, commands_of, joined, parts_of
from app.ui.base.offers import menu_of, menu_steps, offered_in, offered_later
from app.ui.base.slices import NEXT_TURN, Turn
from app.ui.base.theme import Theme
from app.ui.live_panel.live_panel import LivePanel
from app.ui.shell.commands.command_palette import CommandPalette
from app.ui.shell.commands.shortcut_sheet import ShortcutSheet
from app.ui.shell.main_window import MainWindow

CHATS_AT_ONCE = 200
"""The commands of so many are made in a moment."""


class WindowCommands(QObject):
    """Opens them when the window asks. GUI thread."""

    def __init__(
        self,
        window: MainWindow,
        theme: Theme,
        panel: LivePanel,
        chats: Callable[[], Sequence[Conversation]],
        show_chat: Callable[[int], None],
        settings: Callable[[], Iterator[Sequence[Command] | None]],
        english_of: Callable[[str], str],
    ) -> None:
        """`settings` lists, in steps, the commands of the window's settings and dialogs, with None before a
        long one; `english_of` gives the English for a text of the window, as `Languages` has it."""
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._panel = panel
        self._chats = chats
        self._show_chat = show_chat
        self._settings = settings
        self._english_of = english_of
        window.palette_asked.connect(self.open_palette)
        window.shortcuts_asked.connect(self.open_shortcuts)

    def open_palette(self) -> CommandPalette:
        """Offer all that can be done: in the tab in front, in the window, with models and chats, in settings
        and in the other tabs. What takes a moment to look up comes once the palette is open."""
        dialog = CommandPalette(self._in_english(self._commands()), self._theme, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        later = self._later(self._window.current_page)
        # Whatever is made for it just then is let go of.
        dialog.finished.connect(lambda _: later.close())
        # Each may take a moment, in which an empty frame would stand there.
        dialog.painted.connect(lambda: self._add_next(dialog, later))
        return dialog

    def open_shortcuts(self) -> ShortcutSheet:
        """The shortcuts of the tab in front and of the window."""
        window = self._window
        groups = [
            (window.title_of(window.current_page), commands_of(window.current_content)),
            (self.tr("Window"), commands_of(window, with_buttons=False)),
        ]
        dialog = ShortcutSheet(groups, window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def _later(self, in_front: str) -> Generator[Sequence[Command] | None]:
        """Look up what takes a moment; pages that were never shown are made for it, in steps. None comes
        before a long step, which has a turn of its own."""
        menu = menu_of(self._window.picker)
        if menu is not None:
            yield from menu_steps(menu, self.tr("Model"))
        chats = [chat for chat in self._chats() if chat.title]
        for start in range(0, len(chats), CHATS_AT_ONCE):
            yield [
                Command(
                    self.tr("Chat: {title}").format(title=chat.title), "", partial(self._show_chat, chat.id)
                )
                for chat in chats[start : start + CHATS_AT_ONCE]
            ]
        yield from offered_later(self._window.content_of(in_front))
        yield from self._settings()
        for key in self._window.pages:
            if key != in_front:
                yield None
                for _ in self._window.making(key):
                    yield ()
                page = self._window.content_of(key)
                # First, as what makes them may show more of the page.
                later = []
                for commands in offered_later(page):
                    later.append(self._there(key, commands))
                    yield ()
                yield self._there(key, offered_in(page))
                yield from later

    def _add_next(self, dialog: CommandPalette, later: Iterator[Sequence[Command] | None]) -> None:
        """Add what is found in a moment, so that what is typed meanwhile is seen."""
        if not self._window.isVisible():
            # It was closed, and a page that is made now would be closed by nobody.
            return
        found: list[Command] = []
        turn = Turn()
        for commands in later:
            found += self._in_english(commands or ())
            if turn.is_over(NEXT_TURN if commands is None else commands):
                QTimer.singleShot(0, dialog, lambda: self._add_next(dialog, later))
                break
        else:
            dialog.finish()
        if found:
            dialog.add(found)

    def _in_english(self, commands: Sequence[Command]) -> list[Command]:
        """Let commands be found by their English words, too: many type these in a Chinese window."""
        return [
            replace(
                command,
                english=" ".join(
                    filter(None, map(self._english_of, (*parts_of(command.title), command.words)))
                ),
            )
            for command in commands
        ]

    def _commands(self) -> list[Command]:
        window, panel = self._window, self._panel
        toggle = self.tr("Open the live panel") if panel.collapsed else self.tr("Collapse the live panel")
        return [
            *offered_in(window.current_content),
            *commands_of(window, with_buttons=False),
            Command(toggle, "", lambda: panel.set_collapsed(not panel.collapsed)),
        ]

    def _there(self, key: str, commands: Sequence[Command]) -> list[Command]:
        """Name the page of what can be done on another one, which comes to the front for it."""
        window = self._window
        title = window.title_of(key)

        def there(command: Command) -> Callable[[], None]:
            def run() -> None:
                window.show_page(key)
                command.run()

            return run

        return [
            replace(command, title=joined(title, command.title), run=there(command)) for command in commands
        ]
