"""A list of 2,000 chats."""

import tempfile
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QListWidget

from app.bootstrap import StillroomCore
from app.chat.store.store import ChatStore
from app.ui.shell.commands.command_palette import CommandPalette
from tests.perf.chat_history import fill
from tests.perf.heavy_acts.desk import Act, Desk, Place

CHATS = 2000


def prepare(core: StillroomCore) -> None:
    """Write chats of two messages."""
    store = ChatStore(core.paths.chats)
    fill(store, CHATS, 2)
    store.close()


def acts(desk: Desk) -> dict[str, Act]:
    """Scroll, choose, name, search, and look for a chat among all commands."""
    tab, actions = desk.tab, desk.tab.list_actions
    chats = [chat.id for chat in desk.application.parts.chats.conversations()]
    view = tab.chats.view
    folder = tempfile.mkdtemp()

    def scroll(share: float) -> None:
        view.verticalScrollBar().setValue(round(share * view.verticalScrollBar().maximum()))

    def palette_field() -> QLineEdit:
        palette = desk.window.findChild(CommandPalette)
        assert palette is not None
        field = palette.findChild(QLineEdit)
        assert field is not None
        return field

    def choose_hit(row: int) -> None:
        found = tab.chats.results.findChild(QListWidget)
        assert found is not None
        found.itemClicked.emit(found.item(row))

    def export(kind: str) -> Act:
        return lambda: actions.export(0, kind, False, Path(folder, f"all.{kind}"))

    return {
        "list, scrolled": lambda: scroll(0.5),
        "list, to its end": lambda: scroll(1.0),
        "list, another chat": lambda: tab.open_chat(chats[CHATS // 2]),
        "list, next chat": lambda: tab.chats.choose_next(1),
        "list, renamed": lambda: tab.chats.rename_requested.emit(chats[3], "Another name"),
        "list, pinned": lambda: tab.chats.pin_requested.emit(chats[5], True),
        "list, into a new folder": lambda: tab.chats.move_requested.emit(chats[7], ""),
        "list, deleted": lambda: tab.chats.delete_requested.emit(chats[9]),
        "list, brought back": lambda: desk.click("Undo"),
        "list, a new chat": lambda: tab.open_chat(None),
        "list, a draft kept": lambda: desk.field.setPlainText("A draft that is kept as a chat."),
        "list, theme": lambda: desk.change(theme="dark"),
        "search": lambda: tab.chats.search.setText("river"),
        "search, other words": lambda: tab.chats.search.setText("river lake"),
        "search, to a hit": lambda: choose_hit(20),
        "search, left": lambda: tab.chats.search.clear(),
        "palette": desk.application.commands.open_palette,
        "palette, typed": lambda: palette_field().setText("r"),
        "palette, typed more": lambda: palette_field().setText("rive"),
        "palette, cleared": lambda: palette_field().clear(),
        "palette, closed": lambda: desk.window.findChildren(CommandPalette)[0].reject(),
        "all exported as JSON": export("json"),
        "all exported as Markdown": export("markdown"),
    }


PLACE = Place(prepare, acts)
