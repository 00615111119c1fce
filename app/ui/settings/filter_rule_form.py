"""The fields of one rule of the input filter."""

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from app.filters.rule import FilterRule, RuleError
from app.ui.base.resource_words import rule_text, rule_words
from app.ui.settings.filter_words import action_sentence, kind_sentence
from app.ui.widgets.card import NUMBER_MARGINS_PX, label, name_field
from app.ui.widgets.notices import error_text
from app.ui.widgets.text_field import TextField
from app.ui.widgets.wheel_proof import ComboBox, SpinBox

PATTERN_PX, NOTE_PX = 72, 76


class FilterRuleForm(QWidget):
    """Edits a rule; what cannot work is said below the fields and told to nobody. GUI thread."""

    edited = Signal(object)
    """The `FilterRule` as it is now, usable."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rule: FilterRule | None = None
        self._filling = False
        self.name = QLineEdit()
        self.kind = ComboBox()
        for kind in ("pattern", "length", "control"):
            self.kind.addItem(kind_sentence(kind), kind)
        self.pattern = TextField()
        self.pattern.setProperty("look", "field")
        self.pattern.setFixedHeight(PATTERN_PX)
        self.pattern.setTabChangesFocus(True)
        self.pattern.setStyleSheet("font-family: 'JetBrains Mono';")
        self.ignore_case = QCheckBox(self.tr("Capitals and small letters are the same"))
        self.at_most = SpinBox()
        self.at_most.setRange(1, 1 << 30)
        self.at_most.setGroupSeparatorShown(True)
        self.at_most.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        self.action = ComboBox()
        for action in ("block", "redact", "flag"):
            self.action.addItem(action_sentence(action), action)
        self.note = TextField()
        self.note.setProperty("look", "field")
        self.note.setFixedHeight(NOTE_PX)
        self.note.setTabChangesFocus(True)
        self.problem = label("", "danger", wrap=True)
        self.problem.hide()
        self._form = form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        for title, field in (
            (self.tr("Name"), self.name),
            (self.tr("Looks for"), self.kind),
            (self.tr("Pattern (regular expression)"), self.pattern),
            ("", self.ignore_case),
            (self.tr("Most characters"), self.at_most),
            (self.tr("Action"), self.action),
            (self.tr("Note"), self.note),
        ):
            if title:
                name_field(field, title)
            form.addRow(label(title, "muted"), field)
        form.addRow(self.problem)
        for signal in (
            self.name.textEdited,
            self.kind.activated,
            self.pattern.textChanged,
            self.ignore_case.toggled,
            self.at_most.valueChanged,
            self.action.activated,
            self.note.textChanged,
        ):
            signal.connect(self._on_edited)
        self.show_rule(None)

    def show_rule(self, rule: FilterRule | None) -> None:
        """Fill the fields; they are off without a rule."""
        if rule is not None and rule == self._rule:
            return
        self._rule = rule
        self._filling = True
        shown = rule or FilterRule(id="", name="")
        self.name.setText(rule_words(shown.name))
        self.kind.setCurrentIndex(self.kind.findData(shown.kind))
        self.pattern.setPlainText(shown.pattern)
        self.ignore_case.setChecked(shown.ignore_case)
        self.at_most.setValue(max(1, shown.at_most))
        self.action.setCurrentIndex(self.action.findData(shown.action))
        self.note.setPlainText(rule_words(shown.note))
        self._filling = False
        self.setEnabled(rule is not None)
        self.problem.hide()
        self._fit()

    def _fit(self) -> None:
        kind = self.kind.currentData()
        for field, shown in (
            (self.pattern, kind == "pattern"),
            (self.ignore_case, kind == "pattern"),
            (self.at_most, kind == "length"),
        ):
            self._form.setRowVisible(field, shown)

    def _on_edited(self) -> None:
        if self._filling or self._rule is None:
            return
        self._fit()
        kind = self.kind.currentData()
        made = msgspec.structs.replace(
            self._rule,
            name=rule_text(self.name.text().strip(), self._rule.name),
            kind=kind,
            pattern=self.pattern.toPlainText(),
            ignore_case=self.ignore_case.isChecked(),
            at_most=self.at_most.value() if kind == "length" else self._rule.at_most,
            action=self.action.currentData(),
            note=rule_text(self.note.toPlainText(), self._rule.note),
        )
        try:
            made.checked()
        except RuleError as error:
            self.problem.setText(error_text(error))
            self.problem.show()
            return
        self.problem.hide()
        if made != self._rule:
            self._rule = made
            self.edited.emit(made)
