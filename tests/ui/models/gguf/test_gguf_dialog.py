"""The view of a GGUF file, with the starter's header."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.models.gguf.gguf_dialog import GgufDialog
from app.ui.models.gguf.gguf_tensors_table import NAME, SHARE, SIZE
from converters.gguf.gguf_reader import GgufSummary, inspect
from models.catalogue.starter import starter_file


@pytest.fixture(scope="module")
def summary() -> GgufSummary:
    file = starter_file()
    assert file is not None, "the `starter` extra is not installed"
    return inspect(file)


@pytest.fixture
def dialog(qtbot: QtBot, qapp: object, summary: GgufSummary) -> GgufDialog:
    Theme(qapp, "light")  # type: ignore[arg-type]  # pytest-qt's fixture is the QApplication
    made = GgufDialog(Path("/somewhere/starter.gguf"), summary)
    qtbot.addWidget(made)
    made.show()
    return made


def cells(dialog: GgufDialog, column: int) -> list[str]:
    proxy = dialog.tensors.proxy
    return [str(proxy.index(row, column).data()) for row in range(proxy.rowCount())]


def test_it_names_the_file_and_what_it_is_made_of(dialog: GgufDialog) -> None:
    text = "\n".join(made.text() for made in dialog.findChildren(QLabel))
    assert "Q4_1 · 98.4 MB · 0.13 billion parameters in 272 tensors" in text
    assert "Q4_1 66.4 MB (67.5%)" in text


def test_tensors_are_sorted_by_size_as_numbers_and_by_name_in_the_files_order(
    dialog: GgufDialog, summary: GgufSummary
) -> None:
    assert cells(dialog, NAME) == [tensor.name for tensor in summary.tensors]
    dialog.tensors.view.sortByColumn(SIZE, Qt.SortOrder.DescendingOrder)
    largest = max(summary.tensors, key=lambda tensor: tensor.bytes)
    assert cells(dialog, NAME)[0] == largest.name
    assert cells(dialog, SHARE)[0] == f"{100 * largest.bytes / summary.bytes:.2f}%"
    dialog.tensors.view.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
    assert cells(dialog, NAME) == [tensor.name for tensor in summary.tensors]


def test_typing_filters_over_all_columns(dialog: GgufDialog, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog.tensors.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(dialog.tensors.field, "BLK.3.ffn")
    assert sorted(cells(dialog, NAME)) == [
        f"blk.3.ffn_{part}.weight" for part in ("down", "gate", "norm", "up")
    ]
    dialog.tensors.field.setText("f32")
    assert len(cells(dialog, NAME)) == 61
    dialog.tensors.field.clear()
    assert len(cells(dialog, NAME)) == 272


def test_rows_are_copied_with_tabs(dialog: GgufDialog, qtbot: QtBot) -> None:
    dialog.tensors.field.setText("blk.3.ffn_norm")
    dialog.tensors.view.selectAll()
    qtbot.keyClick(dialog.tensors.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "blk.3.ffn_norm.weight\tF32\t576\t2 kB\t0.00%"


def test_metadata_shows_lists_by_their_beginning_and_copies_whole_texts(dialog: GgufDialog) -> None:
    [tab] = [made for made in dialog.findChildren(QPushButton) if made.text() == "Metadata"]
    tab.click()
    assert dialog.metadata.isVisible()
    dialog.metadata.field.setText("tokenizer.ggml.tokens")
    assert str(dialog.metadata.proxy.index(0, 1).data()).startswith("49,152 × string: ")
    dialog.metadata.field.setText("chat_template")
    dialog.metadata.copy()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("tokenizer.chat_template\t{%")
    assert copied.endswith("{% endif %}")


def test_every_control_has_an_accessible_name(dialog: GgufDialog) -> None:
    for made in dialog.findChildren(QPushButton):
        assert made.accessibleName() or made.text()
    for table in (dialog.tensors, dialog.metadata):
        assert table.view.accessibleName()
        assert table.field.accessibleName()
