"""The gaps of a prompt, filled in a small form."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.chat.library.prompt_library import SavedPrompt, Variable, filled, variables_of
from app.ui.base import shortcuts
from app.ui.base.add_action import add_action, with_keys
from app.ui.base.plain_text import set_tip
from app.ui.widgets.card import button, label, name_field
from app.ui.widgets.scrolled_page import ScrolledDialog, ScrolledPage
from app.ui.widgets.text_field import TextField
from app.ui.widgets.wheel_proof import ComboBox

WIDTH_PX, MOST_HEIGHT_PX = 520, 560
FIELD_LINES = 3


class PromptForm(ScrolledDialog):
    """`filled_in` carries the prompt with what was typed; an empty gap keeps its default. GUI thread."""

    filled_in = Signal(str)

    def __init__(self, prompt: SavedPrompt, parent: QWidget) -> None:
        super().__init__(parent)
        self._prompt = prompt
        self._read: dict[str, Callable[[], str]] = {}
        self.fields: dict[str, QComboBox | TextField] = {}
        self.setWindowTitle(prompt.title)
        page = ScrolledPage()
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 8, 0)
        form.setVerticalSpacing(10)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        for variable in variables_of(prompt.text):
            field = self._field(variable)
            name_field(field, variable.name)
            self.fields[variable.name] = field
            form.addRow(label(variable.name, "muted"), field)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        insert = button(self.tr("Insert"), "primary")
        insert.setDefault(True)
        # Enter alone breaks the line in a field.
        set_tip(insert, with_keys(insert.text(), shortcuts.FILL_IN_PROMPT))
        add_action(self, insert.text(), shortcuts.FILL_IN_PROMPT, insert.click)
        insert.clicked.connect(self._on_insert)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(insert)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(label(prompt.title, "title", wrap=True))
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)
        wanted = page.sizeHint().height() + 140
        self.resize(WIDTH_PX, min(MOST_HEIGHT_PX, wanted))

    def _field(self, variable: Variable) -> QComboBox | TextField:
        if variable.choices:
            choice = ComboBox()
            choice.setEditable(True)
            choice.addItems(variable.choices)
            self._read[variable.name] = choice.currentText
            return choice
        text = TextField()
        text.setProperty("look", "field")
        text.setTabChangesFocus(True)
        text.setPlaceholderText(variable.default)
        text.setFixedHeight(text.fontMetrics().lineSpacing() * FIELD_LINES + 22)
        self._read[variable.name] = text.toPlainText
        return text

    def _on_insert(self) -> None:
        typed = {name: read().strip() for name, read in self._read.items()}
        self.filled_in.emit(filled(self._prompt.text, {name: text for name, text in typed.items() if text}))
        self.accept()
