"""The Models tab as somebody sees it: its list, its cards and its menus."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QTableView

from app.ui.models.job_card import JobCard
from app.ui.models.models_tab import ModelsTab
from app.ui.models.quality.model_matrix import MatrixCard
from app.ui.models.verify_card import VerifyCard
from tests.support.widgets import click, seen, seen_button


class ModelsPage:
    """`called` is a model's name with its type, as its row says it."""

    def __init__(self, tab: ModelsTab) -> None:
        self._tab = tab

    @property
    def view(self) -> QTableView:
        return seen(self._tab, QTableView, "Models")

    @property
    def row(self) -> str:
        """The key of the row that the list is at."""
        return self._tab.table.row(self.view.currentIndex().row()).key

    @property
    def jobs(self) -> list[JobCard]:
        return self._tab.findChildren(JobCard)

    @property
    def checks(self) -> list[VerifyCard]:
        return self._tab.findChildren(VerifyCard)

    @property
    def matrix(self) -> MatrixCard:
        """The card of the importance matrix, hidden where there is none."""
        [card] = self._tab.findChildren(MatrixCard)
        return card

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key in the list."""
        self.view.setFocus()
        QTest.keyClick(self.view, key, modifiers)

    def menu_of(self, called: str) -> QMenu:
        """Open the menu of a file of the selected model."""
        self._tab.complete()
        click(seen_button(self._tab.detail, f"More for {called}"))
        return [menu for menu in self._tab.findChildren(QMenu) if menu.isVisible()][-1]

    def choose(self, called: str, text: str) -> None:
        """Choose in the menu what begins so."""
        menu = self.menu_of(called)
        next(action for action in menu.actions() if action.text().startswith(text)).trigger()
        menu.close()
