"""The search at the hub as somebody sees it, in the Models tab."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QTableView, QWidget

from app.ui.models.search.search_card import SearchCard
from tests.support.widgets import click, seen, seen_button, seen_words


class SearchPage:
    """Types, and reads the tables."""

    def __init__(self, card: SearchCard) -> None:
        self.card = card

    @property
    def field(self) -> QLineEdit:
        return seen(self.card, QLineEdit, "Search Hugging Face")

    @property
    def words(self) -> str:
        return seen_words(self.card)

    def type(self, text: str) -> None:
        """Type in the place of what was there."""
        self.field.clear()
        QTest.keyClicks(self.field, text)

    def found(self) -> list[list[str]]:
        """Give the cells of what was found, row by row."""
        return _cells(self.card, "Models that were found")

    def offered(self) -> list[list[str]]:
        """Give the cells of what the opened repository holds."""
        return _cells(self.card, "Files and types of the repository")

    def open(self, repo: str) -> None:
        """Choose a repository by the keyboard."""
        view = seen(self.card, QTableView, "Models that were found")
        number = next(at for at, row in enumerate(self.found()) if row[0].removeprefix("★ ") == repo)
        view.setFocus()
        view.selectRow(number)
        QTest.keyClick(view, Qt.Key.Key_Return)

    def double_click(self, repo: str) -> None:
        """Click a repository twice, as a quick hand does."""
        view = seen(self.card, QTableView, "Models that were found")
        number = next(at for at, row in enumerate(self.found()) if row[0].removeprefix("★ ") == repo)
        place = view.visualRect(view.model().index(number, 0)).center()
        left = Qt.MouseButton.LeftButton
        QTest.mouseClick(view.viewport(), left, Qt.KeyboardModifier.NoModifier, place)
        QTest.mouseDClick(view.viewport(), left, Qt.KeyboardModifier.NoModifier, place)

    def choose(self, name: str) -> None:
        """Select a file or a type."""
        view = seen(self.card, QTableView, "Files and types of the repository")
        view.selectRow(next(at for at, row in enumerate(self.offered()) if row[0] == name))

    def press(self, text: str) -> None:
        click(seen_button(self.card, text))


def _cells(card: QWidget, name: str) -> list[list[str]]:
    views = [
        view for view in card.findChildren(QTableView) if view.isVisible() and view.accessibleName() == name
    ]
    if not views:
        return []
    model = views[0].model()
    return [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]
