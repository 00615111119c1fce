"""A sheet with every formula of tests/data/formulas.txt as the chat shows it:

python -m tests.support.formula_sheet FOLDER
"""

import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QGridLayout, QLabel, QWidget

from app.ui.base.theme import Theme, ThemeChoice
from app.ui.reply.markdown_view import MarkdownView

FORMULAS = Path(__file__).parents[1] / "data" / "formulas.txt"
COLUMNS = 4
CELL_PX = 230


def draw_sheet(application: QApplication, choice: ThemeChoice, path: Path) -> None:
    """Write the PNG once all formulas are drawn."""
    theme = Theme(application, choice)
    sheet = QWidget()
    grid = QGridLayout(sheet)
    formulas = FORMULAS.read_text(encoding="utf-8").splitlines()
    rows = -(-len(formulas) // COLUMNS)
    views = []
    for number, latex in enumerate(formulas):
        view = MarkdownView(theme)
        view.setFixedWidth(CELL_PX)
        view.set_text(rf"\({latex}\)")
        source = QLabel(latex)
        source.setProperty("role", "small")
        source.setFixedWidth(CELL_PX)
        grid.addWidget(source, number % rows, number // rows * 2)
        grid.addWidget(view, number % rows, number // rows * 2 + 1)
        views.append(view)
    sheet.show()
    while theme.formulas.waiting:
        turn = QEventLoop()
        QTimer.singleShot(100, turn.quit)
        turn.exec()
    for view in views:
        view.setFixedHeight(view.heightForWidth(view.width()))
    sheet.adjustSize()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not sheet.grab().save(str(path)):
        raise OSError(f"could not write {path}")
    theme.formulas.close()


def main() -> None:
    application = QApplication(["formulas"])
    draw_sheet(application, "light", Path(sys.argv[1]) / "formulas.png")


if __name__ == "__main__":
    main()
