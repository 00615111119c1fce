"""Qt's own dialog for files, which is shown where the desktop has none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLineEdit, QToolButton, QTreeView, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Theme as ThemeChoice
from app.ui.base.colours import DARK, DARK_CONTRAST, LIGHT, LIGHT_CONTRAST
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.theme import Theme
from tests.ui.base.test_theme import contrast

SCHEMES: dict[ThemeChoice, str] = {
    "light": LIGHT.surface,
    "dark": DARK.surface,
    "light-contrast": LIGHT_CONTRAST.surface,
    "dark-contrast": DARK_CONTRAST.surface,
}
BUTTONS = ("backButton", "forwardButton", "toParentButton", "newFolderButton", "listModeButton")


@pytest.fixture(params=list(SCHEMES))
def scheme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[ThemeChoice]:
    theme = Theme(qapp, request.param, 125)
    yield request.param
    theme.deleteLater()


@pytest.fixture
def dialog(qtbot: QtBot, scheme: ThemeChoice, tmp_path: Path) -> FileDialog:
    """A dialog on a folder of its own, which shows a file and a folder."""
    tmp_path.joinpath("folder").mkdir()
    tmp_path.joinpath("a file.py").write_bytes(bytes(1_000_000))
    dialog = FileDialog(None, "Open", str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    return dialog


def strongest(image: QImage, ground: str) -> float:
    """The contrast to the ground of what stands out most from it."""
    middle = image.rect().adjusted(6, 6, -6, -6)
    return max(
        contrast(image.pixelColor(x, y).name(), ground)
        for x in range(middle.left(), middle.right())
        for y in range(middle.top(), middle.bottom())
    )


def test_no_size_type_or_date_is_cut(qtbot: QtBot, dialog: FileDialog) -> None:
    table = dialog.findChild(QTreeView, "treeView")
    assert isinstance(table, QTreeView)
    qtbot.waitUntil(lambda: table.model().rowCount(table.rootIndex()) == 2)
    for column in (1, 2, 3):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)


def test_its_buttons_show_what_they_do(dialog: FileDialog, scheme: ThemeChoice) -> None:
    for name in BUTTONS:
        made = dialog.findChild(QToolButton, name)
        assert isinstance(made, QToolButton)
        made.setEnabled(True)
        assert strongest(made.grab().toImage(), SCHEMES[scheme]) >= 3, name


def test_names_that_complete_what_is_typed_can_be_read(
    qtbot: QtBot, dialog: FileDialog, scheme: ThemeChoice, tmp_path: Path
) -> None:
    field = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(field, QLineEdit)
    field.setFocus()
    qtbot.keyClicks(field, f"{tmp_path}/a")

    def shown() -> QWidget:
        [popup] = [
            widget
            for widget in QApplication.topLevelWidgets()
            if widget.metaObject().className() == "QListView" and widget.isVisible()
        ]
        return popup

    qtbot.waitUntil(lambda: bool(QApplication.activePopupWidget()))
    ground = shown().grab().toImage().pixelColor(shown().width() - 8, shown().height() - 8)
    assert ground.name() == SCHEMES[scheme].lower()
