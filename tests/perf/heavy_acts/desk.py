"""The window in which heavy acts are done."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QTableView, QWidget

from app.bootstrap import StillroomCore
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.main_window import MainWindow
from app.ui.shell.window_application import WindowApplication
from tests.support.window_child import chat_tab

Act = Callable[[], object] | Callable[[], Coroutine[Any, Any, object]]
ROWS = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows


class Desk:
    """Finds what is clicked and typed into. GUI thread."""

    def __init__(self, application: WindowApplication) -> None:
        self.application = application
        self.tab: ChatTab = chat_tab(application)
        self.chats = {chat.title: chat.id for chat in application.parts.chats.conversations()}

    @property
    def window(self) -> MainWindow:
        """The window; another one after the language was changed."""
        return self.application.window

    @property
    def field(self) -> QPlainTextEdit:
        """The field of the message that is being written."""
        found = self.tab.composer.findChild(QPlainTextEdit)
        assert isinstance(found, QPlainTextEdit)
        return found

    def click(self, title: str) -> None:
        """Click the first button with this text."""
        next(each for each in self.window.findChildren(QPushButton) if each.text() == title).click()

    def trigger(self, title: str) -> None:
        """Do what the window has an action of this title for."""
        next(each for each in self.window.actions() if each.text() == title).trigger()

    def open(self, title: str) -> None:
        """Open a chat."""
        self.tab.open_chat(self.chats[title])

    def scroll_to(self, share: float) -> None:
        """Scroll the conversation to this share of its height."""
        bar = self.tab.conversation.verticalScrollBar()
        bar.setValue(round(bar.maximum() * share))

    def change(self, **values: str | int) -> None:
        """Change the settings."""
        self.application.parts.settings.update(**values)

    def benchmark(self, page: str) -> BenchmarkTab:
        """Show a page of the Benchmark tab."""
        shown = self.window.show_page("benchmark")
        assert isinstance(shown, BenchmarkTab)
        shown.show_page(page)
        return shown

    def compare(self, page: QWidget, runs: int) -> None:
        """Lay the newest runs of a page side by side."""
        history = page.findChild(RunHistoryView)
        assert history is not None
        view = history.findChild(QTableView)
        assert view is not None
        for row in range(runs):
            view.selectionModel().select(view.model().index(row, 0), ROWS)
        history.compare_asked.emit()

    def sort(self, page: QWidget) -> None:
        """Sort the table of all runs by its last column that is shown."""
        history = page.findChild(RunHistoryView)
        assert history is not None
        view = history.findChild(QTableView)
        assert view is not None
        shown = [each for each in range(view.model().columnCount()) if not view.isColumnHidden(each)]
        view.sortByColumn(shown[-1], Qt.SortOrder.AscendingOrder)

    @staticmethod
    def type_into(widget: QWidget, text: str) -> None:
        """Type as the keyboard does, at one go."""
        QTest.keyClicks(widget, text)


@dataclass(frozen=True, slots=True)
class Place:
    """Acts in one window: what its home needs before it opens, and the acts in their order."""

    prepare: Callable[[StillroomCore], None]
    acts: Callable[[Desk], dict[str, Act]]
