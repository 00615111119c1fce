"""The command palette and the list of shortcuts of the window."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt

from app.chat.store.records import Conversation
from app.ui.base.add_action import Command, commands_of
from app.ui.live_panel.live_panel import LivePanel
from app.ui.shell.command_palette import CommandPalette
from app.ui.shell.main_window import MainWindow
from app.ui.shell.shortcut_sheet import ShortcutSheet
from models.store.store import InstalledModel


class WindowCommands(QObject):
    """Opens them when the window asks. GUI thread."""

    def __init__(
        self,
        window: MainWindow,
        panel: LivePanel,
        models: Callable[[], Sequence[InstalledModel]],
        chats: Callable[[], Sequence[Conversation]],
        use_model: Callable[[InstalledModel], None],
        show_chat: Callable[[int], None],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._panel = panel
        self._models = models
        self._chats = chats
        self._use_model = use_model
        self._show_chat = show_chat
        window.palette_asked.connect(self.open_palette)
        window.shortcuts_asked.connect(self.open_shortcuts)

    def open_palette(self) -> CommandPalette:
        """Everything that can be done now: in the tab in front, in the window, with models and chats."""
        dialog = CommandPalette(self._commands(), self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
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

    def _commands(self) -> list[Command]:
        window, panel = self._window, self._panel
        toggle = self.tr("Open the live panel") if panel.collapsed else self.tr("Collapse the live panel")
        return [
            # What has a shortcut is what people do all day.
            *sorted(commands_of(window.current_content), key=lambda command: not command.keys),
            *commands_of(window, with_buttons=False),
            Command(toggle, "", lambda: panel.set_collapsed(not panel.collapsed)),
            *(
                Command(self.tr("Use {model}").format(model=model.name), "", partial(self._use_model, model))
                for model in self._models()
            ),
            *(
                Command(
                    self.tr("Chat: {title}").format(title=chat.title), "", partial(self._show_chat, chat.id)
                )
                for chat in self._chats()
                if chat.title
            ),
        ]
