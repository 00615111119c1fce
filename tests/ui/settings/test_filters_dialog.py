"""The page of the input filter: what is changed there counts for the next message."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import qasync
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from app.filters.shipped import shipped_rules
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.settings.filter_rule_table import ACTION, NAME
from app.ui.settings.filters_dialog import FiltersDialog
from tests.support.held_disk import at_once, held_disk
from tests.support.waiting import wait_until

RULES = [
    FilterRule(id="1", name="Number", pattern=r"\d{4}", action="redact"),
    FilterRule(id="2", name="Word", pattern="bluebird", action="block", ignore_case=True),
]


@pytest.fixture
def filters(tmp_path: Path) -> FilterFile:
    made = FilterFile(tmp_path / "config" / "filters.json")
    made.keep(RULES)
    return made


@pytest.fixture
def dialog(
    qtbot: QtBot, qapp: QApplication, loop: qasync.QEventLoop, filters: FilterFile
) -> Iterator[FiltersDialog]:
    errors: list[BaseException] = []
    made = FiltersDialog(filters, Theme(qapp, "light"), Bridge(errors.append))
    qtbot.addWidget(made)
    made.show()
    wait_until(lambda: bool(names(made)), "the rules")
    yield made
    made.reject()
    assert errors == []


def names(dialog: FiltersDialog) -> list[str]:
    return [dialog.table.item(row, NAME).text() for row in range(dialog.table.rowCount())]


def test_a_rule_is_switched_by_its_box_and_moved_by_keys(
    dialog: FiltersDialog, filters: FilterFile, qtbot: QtBot
) -> None:
    dialog.table.item(0, NAME).setCheckState(Qt.CheckState.Unchecked)
    assert [rule.on for rule in filters.rules] == [False, True]
    dialog.table.setFocus()
    qtbot.keyClick(dialog.table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert names(dialog) == ["Word", "Number"]
    assert [rule.name for rule in filters.rules] == ["Word", "Number"]
    assert dialog.table.selected_row == 1


def test_an_edit_counts_at_once_and_a_bad_expression_is_told_and_not_kept(
    dialog: FiltersDialog, filters: FilterFile, loop: qasync.QEventLoop
) -> None:
    dialog.form.pattern.setPlainText(r"\d{6}")
    dialog.form.action.setCurrentIndex(dialog.form.action.findData("flag"))
    dialog.form.action.activated.emit(2)
    wait_until(lambda: filters.rules[0].action == "flag")
    assert filters.rules[0].pattern == r"\d{6}"
    assert dialog.table.item(0, ACTION).text() == "Flag"
    dialog.form.pattern.setPlainText(r"\d{6")
    dialog.form.pattern.setPlainText("(")
    assert "missing ), at character 2" in dialog.form.problem.text()
    assert dialog.form.problem.isVisible()
    dialog.accept()
    assert filters.rules[0].pattern == r"\d{6"


def test_what_was_just_typed_is_kept_when_the_page_closes(dialog: FiltersDialog, filters: FilterFile) -> None:
    dialog.form.name.setText("Figure")
    dialog.form.name.textEdited.emit("Figure")
    dialog.reject()
    assert filters.rules[0].name == "Figure"


def test_a_deleted_rule_comes_back(dialog: FiltersDialog, filters: FilterFile) -> None:
    dialog.delete.click()
    assert [rule.name for rule in filters.rules] == ["Word"]
    assert dialog.said.text() == "“Number” is deleted."
    dialog.undo_button.click()
    assert list(filters.rules) == RULES
    assert not dialog.undo_button.isVisible()


def test_a_new_rule_stands_below_the_selected_one_and_is_off(
    dialog: FiltersDialog, filters: FilterFile
) -> None:
    dialog.add.click()
    assert names(dialog) == ["Number", "New rule", "Word"]
    assert not filters.rules[1].on
    assert dialog.form.name.text() == "New rule"


def test_shipped_rules_come_back_off_and_once(dialog: FiltersDialog, filters: FilterFile) -> None:
    dialog.restore.click()
    assert filters.rules[2:] == shipped_rules()
    dialog.restore.click()
    assert len(filters.rules) == len(RULES) + len(shipped_rules())


def test_the_test_box_says_what_would_happen(dialog: FiltersDialog, loop: qasync.QEventLoop) -> None:
    trial = dialog.trial
    trial.field.setPlainText("😀 1234")
    wait_until(lambda: "takes out" in trial.result.text())
    assert trial.sent.text() == "This would be sent:\n😀 [removed: Number]"
    [mark] = trial.field.extraSelections()
    assert mark.cursor.selectedText() == "1234"
    trial.field.setPlainText("The BLUEBIRD")
    wait_until(lambda: "would not be sent" in trial.result.text())
    assert not trial.sent.isVisible()
    trial.field.setPlainText("hello")
    wait_until(lambda: "No rule finds anything" in trial.result.text())


def test_rules_that_are_off_can_be_tried_and_a_slow_one_is_given_up(
    dialog: FiltersDialog, filters: FilterFile, loop: qasync.QEventLoop
) -> None:
    filters.keep([FilterRule(id="s", name="Slow", pattern="(a|aa)+$", action="block", on=False)])
    dialog.trial.use_rules(filters.rules)
    dialog.trial.field.setPlainText("a" * 200 + "b")
    wait_until(lambda: "No rule" in dialog.trial.result.text())
    dialog.trial.all_rules.setChecked(True)
    wait_until(lambda: "“Slow” did not finish in time." in dialog.trial.result.text())


def test_a_damaged_file_is_told_and_can_be_set_aside(
    qtbot: QtBot, qapp: QApplication, loop: qasync.QEventLoop, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.json"
    path.write_text("{")
    made = FiltersDialog(FilterFile(path), Theme(qapp, "light"), Bridge(lambda error: None))
    qtbot.addWidget(made)
    made.show()
    wait_until(lambda: "Nothing is sent meanwhile" in made.said.text())
    assert not made.add.isEnabled()
    made.repair.click()
    wait_until(lambda: "The old file is kept" in made.said.text())
    assert len(names(made)) == len(shipped_rules())
    assert made.add.isEnabled()
    made.reject()


def test_what_is_pressed_before_the_rules_are_read_is_done_with_them(
    qtbot: QtBot, qapp: QApplication, loop: qasync.QEventLoop, filters: FilterFile
) -> None:
    made = FiltersDialog(filters, Theme(qapp, "light"), Bridge(lambda error: None))
    qtbot.addWidget(made)
    made.add.click()
    assert names(made) == []
    wait_until(lambda: len(names(made)) == 3, "the rules")
    assert sorted(rule.name for rule in filters.rules) == ["New rule", "Number", "Word"]
    made.reject()


def test_the_window_goes_on_while_the_disk_takes_the_rules(
    dialog: FiltersDialog, filters: FilterFile, tmp_path: Path
) -> None:
    with held_disk() as disk:
        dialog.delete.click()
        disk.wait_for_writer()
        assert dialog.said.text() == "“Number” is deleted."
        dialog.undo_button.click()
        dialog.table.item(1, NAME).setCheckState(Qt.CheckState.Unchecked)
        dialog.add.click()
        assert names(dialog) == ["Number", "New rule", "Word"]
        assert at_once(lambda: [rule.on for rule in filters.rules]) == [True, False, False]
        disk.goes_on.set()
        filters.close()
    assert [rule.name for rule in FilterFile(tmp_path / "config" / "filters.json").rules] == [
        "Number",
        "New rule",
        "Word",
    ]


def test_rules_that_are_refused_late_are_told_of_and_take_no_undo_away(
    dialog: FiltersDialog, filters: FilterFile, tmp_path: Path
) -> None:
    with held_disk() as disk:
        dialog.delete.click()
        disk.wait_for_writer()
        (tmp_path / "config").rename(tmp_path / "away")
    wait_until(lambda: "could not be saved" in dialog.said.text())
    assert dialog.undo_button.isVisible()
    dialog.undo_button.click()
    wait_until(lambda: dialog.said.text() == "")
    filters.close()
    assert list(FilterFile(tmp_path / "config" / "filters.json").rules) == RULES
