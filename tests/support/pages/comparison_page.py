"""The dialog of answers beside each other, as somebody sees it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton

from app.chat.store.records import StoredMessage
from app.engine.protocol import LoadSettings
from app.ui.chat.comparison.comparison_column import ComparisonColumn
from app.ui.chat.comparison.comparison_dialog import ComparisonDialog
from app.ui.reply.reply_view import ReplyView
from models.store.store import InstalledModel
from tests.support.chat_desk import CONTEXT_TOKENS, Opened
from tests.support.engines import starter_path
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen, seen_button


class ComparisonPage:
    """Columns are counted from 0."""

    def __init__(self, dialog: ComparisonDialog) -> None:
        self.dialog = dialog

    @property
    def columns(self) -> list[ComparisonColumn]:
        return self.dialog.columns

    def choose(self, number: int, model: str) -> None:
        """Choose a column's model by its name."""
        box = seen(self.columns[number], QComboBox, "Model")
        box.setCurrentText(model)
        assert box.currentText() == model

    def models(self, number: int) -> list[str]:
        """The models that a column offers."""
        box = seen(self.columns[number], QComboBox, "Model")
        return [box.itemText(place) for place in range(box.count())]

    def set_temperature(self, number: int, temperature: float) -> None:
        seen(self.columns[number], QDoubleSpinBox, "Temperature").setValue(temperature)

    def add_column(self) -> None:
        click(seen_button(self.dialog, "One more column"))

    def take_away(self, number: int) -> None:
        click(seen_button(self.columns[number], "Take this column away"))

    def start(self) -> None:
        """By the keyboard: the button is the default one."""
        QTest.keyClick(self.dialog, Qt.Key.Key_Return)

    def stop(self, number: int) -> None:
        click(seen_button(self.columns[number], "Stop"))

    def keep(self, number: int) -> None:
        click(self.keep_button(number))

    def keep_button(self, number: int) -> QPushButton:
        return seen(self.columns[number], QPushButton, "Keep this one")

    def offers_keeping(self, number: int) -> bool:
        shown = all_seen(self.columns[number], QPushButton, "Keep this one")
        return bool(shown) and shown[0].isEnabled()

    def escape(self) -> None:
        QTest.keyClick(self.dialog, Qt.Key.Key_Escape)

    def close(self) -> None:
        click(seen_button(self.dialog, "Close"))


@contextmanager
def second_model(opened: Opened, folder: Path) -> Iterator[InstalledModel]:
    """The starter model under another name, which is on this computer and not loaded."""
    path = folder / "second.gguf"
    path.symlink_to(starter_path())
    model = InstalledModel("Second", "Q4_1", path, path.stat().st_size)
    opened.tab.comparison.offer_models(lambda: [model])
    session = opened.desk.session
    assert session.info is not None
    first = session.info.path
    yield model
    opened.run(session.unload(str(path)))
    if session.info is None:
        # It had to make room.
        opened.run(session.load(Path(first), LoadSettings(context_tokens=CONTEXT_TOKENS, threads=1)))


async def open_dialog(opened: Opened) -> ComparisonPage:
    """By the keyboard, from the message field."""
    window = opened.tab.window()
    window.activateWindow()
    await until(window.isActiveWindow, "the keyboard")
    QTest.keyClick(
        opened.tab, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    return await shown_page(opened)


async def shown_page(opened: Opened) -> ComparisonPage:
    """The dialog that is being opened, once it is there."""
    await until(lambda: opened.tab.comparison.dialog is not None, "the dialog")
    dialog = opened.tab.comparison.dialog
    await until(dialog.isVisible, "the dialog on the screen")
    assert isinstance(dialog, ComparisonDialog)
    return ComparisonPage(dialog)


async def all_ended(page: ComparisonPage, count: int) -> None:
    """Wait until so many answers can be kept."""
    await until(lambda: sum(page.offers_keeping(n) for n in range(len(page.columns))) == count, "the answers")


async def closed(opened: Opened) -> None:
    """Wait until the dialog is gone, and what it ran with it."""
    await until(lambda: opened.tab.comparison.dialog is None, "the end of the dialog")
    await opened.idle()


def versions(opened: Opened) -> list[StoredMessage]:
    """All replies of the open chat, in the order of their beginning."""
    assert opened.tab.chat is not None
    return [message for message in opened.store.messages(opened.tab.chat.id) if message.role == "assistant"]


def shown_reply(opened: Opened) -> ReplyView:
    """The last reply of the conversation."""
    view = opened.tab.conversation.messages()[-1]
    assert isinstance(view, ReplyView)
    return view
