"""The dialog of answers beside each other, as somebody sees it."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton

from app.ui.chat.comparison.comparison_column import ComparisonColumn
from app.ui.chat.comparison.comparison_dialog import ComparisonDialog
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

    def close(self) -> None:
        QTest.keyClick(self.dialog, Qt.Key.Key_Escape)
