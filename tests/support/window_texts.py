"""Every text that a widget and what is in it can show or say."""

from collections.abc import Iterator

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QSpinBox,
    QTextEdit,
    QToolButton,
    QWidget,
)

MOST_ROWS = 10
Shown = tuple[str, str]
"""The kind of widget, and the text."""


def texts_of(root: QWidget, *, contents: bool = False) -> Iterator[Shown]:
    """All texts of a widget and its children, seen or not; what the user wrote into fields if `contents`."""
    for widget in (root, *root.findChildren(QWidget)):
        kind = type(widget).__name__
        for text in (*_said(widget), *_shown(widget, contents=contents)):
            if text:
                yield kind, text
        for action in widget.actions():
            yield f"{kind} action", action.text()
            yield f"{kind} action", action.toolTip()
        menu = widget.menu() if isinstance(widget, QToolButton) or hasattr(widget, "menu") else None
        if isinstance(menu, QMenu):
            menu.aboutToShow.emit()
            yield from ((f"{kind} menu", text) for text in entries(menu))


def entries(menu: QMenu) -> Iterator[str]:
    """List what a menu and those in it say."""
    for action in menu.actions():
        yield action.text()
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from entries(inner)


def _said(widget: QWidget) -> tuple[str, ...]:
    return (
        widget.toolTip(),
        widget.accessibleName(),
        widget.accessibleDescription(),
        widget.windowTitle(),
        widget.statusTip(),
        widget.whatsThis(),
    )


def _shown(widget: QWidget, *, contents: bool) -> Iterator[str]:
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QGroupBox():
            yield widget.title()
        case QLineEdit():
            yield widget.placeholderText()
            if contents:
                yield widget.text()
        case QPlainTextEdit() | QTextEdit():
            yield widget.placeholderText()
            if contents or widget.isReadOnly():
                yield widget.toPlainText()
        case QComboBox():
            yield from (widget.itemText(number) for number in range(widget.count()))
        case QSpinBox() | QDoubleSpinBox():
            yield from (widget.specialValueText(), widget.suffix(), widget.prefix())
        case QAbstractSpinBox():
            yield widget.specialValueText()
        case QProgressBar():
            yield widget.format() if widget.isTextVisible() else ""
        case QAbstractItemView() if widget.model() is not None:
            yield from _cells(widget.model())


def _cells(model: QAbstractItemModel) -> Iterator[str]:
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())
    for column in range(columns):
        for role in roles[:2]:
            head = model.headerData(column, Qt.Orientation.Horizontal, role)
            if isinstance(head, str):
                yield head
        for row in range(min(model.rowCount(QModelIndex()), MOST_ROWS)):
            for role in roles:
                text = model.index(row, column).data(role)
                if isinstance(text, str):
                    yield text
