"""The choices for the replies of the open chat: made in the drawer, kept with the chat."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.chat.library.reply_choices import ReplyChoices
from app.settings import SettingsFile
from app.ui.chat.behaviour.chat_presets import ChatPresets
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.behaviour.schema_dialog import SchemaDialog
from app.ui.chat.conversation.chat_writer import ChatKeeper, ChosenChat


class ChatChoices(QObject):
    """Shows the choices of a chat and keeps every change. GUI thread."""

    kept = Signal()
    """Other choices hold in the open chat, which is in the store now."""

    def __init__(
        self,
        keeper: ChatKeeper,
        drawer: ReplySettings,
        presets: ChatPresets,
        settings: SettingsFile,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        chosen: Callable[[], ChosenChat],
        parent: QWidget,
    ) -> None:
        """`chosen` is the chat that is open when it is called."""
        super().__init__(parent)
        self._window = parent
        self._keeper = keeper
        self._drawer = drawer
        self._presets = presets
        self._settings = settings
        self._start = start
        self._chosen = chosen
        self._unkept: dict[int, ReplyChoices] = {}
        """Choices on their way to the disk, by chat: it may be left and opened again before."""
        drawer.changed.connect(self._keep)
        drawer.schema_asked.connect(self.ask_for_schema)
        presets.chosen.connect(self._take)

    def show(self) -> None:
        """Show those of the open chat; a new one begins with those of the model."""
        chat = self._keeper.chat
        self._show(self._unkept.get(chat.id, chat.choices) if chat else self._presets.first_choices())

    def ask_for_schema(self) -> None:
        """Let the user say what form the answers have."""
        dialog = SchemaDialog(self._drawer.choices.json_schema, self._start, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._drawer.choose_schema)
        dialog.open()

    def close_down(self) -> Callable[[], None]:
        """Return a function that keeps the last choices on another thread, before the tab is deleted."""
        keeper, choices = self._keeper, self._drawer.choices if self._drawer.pending else None

        def keep() -> None:
            if keeper.chat is not None and choices is not None:
                keeper.store.save_choices(keeper.chat.id, choices)

        return keep

    def _take(self, choices: ReplyChoices) -> None:
        self._show(choices)
        self._keep(choices)

    def _keep(self, choices: ReplyChoices) -> None:
        chat = self._keeper.chat
        if chat is not None:
            self._unkept[chat.id] = choices
        self._start(self._save(choices, self._chosen()))

    def _show(self, choices: ReplyChoices) -> None:
        self._drawer.show_choices(choices, self._settings.values.sampling)

    async def _save(self, choices: ReplyChoices, chosen: ChosenChat) -> None:
        chat = await self._keeper.kept_chat(chosen)
        await self._keeper.save_choices(chat, choices)
        if self._unkept.get(chat.id) is choices:
            del self._unkept[chat.id]
        self.kept.emit()
