"""The lines of the audit log as a table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.audit.reading import AuditEntry
from app.chat.documents.hidden_characters import with_hidden_shown
from app.ui.base.resource_words import enumerated
from app.ui.widgets.filtered_table import SORT_ROLE

NUMBER, TIME, KIND, SOURCE, MODEL, TOKENS, LATENCY, OUTCOME, EVERYTHING = range(9)
"""The last holds all values of a line, to search in; it is not shown."""

Index = QModelIndex | QPersistentModelIndex


class AuditLines(QAbstractTableModel):
    """The newest lines first, as they were read."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[AuditEntry] = []
        self._titles = (
            self.tr("Line"),
            self.tr("Time"),
            self.tr("Kind"),
            self.tr("Source"),
            self.tr("Model"),
            self.tr("Tokens"),
            self.tr("Seconds"),
            self.tr("Outcome"),
            "",
        )
        self._kinds = {
            "request": self.tr("Request"),
            "reply": self.tr("Reply"),
            "pruned": self.tr("Oldest lines removed"),
            "repaired": self.tr("Repaired after a crash"),
            "break": self.tr("Damage found"),
            "lost": self.tr("Lines lost"),
        }
        self._sources = {
            "chat": self.tr("Chat"),
            "code": self.tr("Code"),
            "api": self.tr("API"),
            "command line": self.tr("Command line"),
        }

    def show_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Show these in the place of all others."""
        self.beginResetModel()
        self._entries = list(entries)
        self.endResetModel()

    def entry(self, row: int) -> AuditEntry:
        """The line of a row."""
        return self._entries[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """One row for each line that was read."""
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Those that are shown, and the one to search in."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(  # noqa: N802 - Qt's
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section not in (NUMBER, TOKENS, LATENCY):
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, and the value to sort by."""
        entry, column = self._entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(entry, column)
        if role == SORT_ROLE:
            fields = entry.fields
            numbers = {NUMBER: fields["n"], TOKENS: _tokens(fields), LATENCY: _number(fields, "latency_ms")}
            return numbers.get(column, self._text(entry, column))
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (NUMBER, TOKENS, LATENCY):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _text(self, entry: AuditEntry, column: int) -> str:
        fields = entry.fields
        if column == NUMBER:
            return f"{fields['n']:,}"
        if column == TIME:
            return _local_time(entry.text("time"))
        if column == TOKENS:
            return f"{_tokens(fields):,}" if _tokens(fields) else ""
        if column == LATENCY:
            return f"{_number(fields, 'latency_ms') / 1000:.2f}" if "latency_ms" in fields else ""
        if column == KIND:
            text = self._kinds.get(entry.text("kind"), entry.text("kind"))
        elif column == SOURCE:
            text = self._sources.get(entry.text("source"), entry.text("source"))
        elif column == MODEL:
            text = _model(fields)
        elif column == OUTCOME:
            text = _outcome(fields)
        else:
            return "\n".join(entry.values())
        return with_hidden_shown(text)


def _model(fields: dict[str, Any]) -> str:
    model = fields.get("model")
    found = model if isinstance(model, dict) else {}
    words = (str(found.get(name, "")) for name in ("name", "quantisation"))
    return " · ".join(word for word in words if word)


def _outcome(fields: dict[str, Any]) -> str:
    words = [str(fields["outcome"])] if "outcome" in fields else []
    hits = fields.get("filter")
    words += [
        f"{hit.get('action')}: {hit.get('rule')}"
        for hit in (hits if isinstance(hits, list) else [])
        if isinstance(hit, dict)
    ]
    return enumerated(words)


def _tokens(fields: dict[str, Any]) -> int:
    return int(_number(fields, "prompt_tokens") + _number(fields, "completion_tokens"))


def _number(fields: dict[str, Any], name: str) -> float:
    value = fields.get(name, 0)
    return value if isinstance(value, int | float) else 0


def _local_time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return with_hidden_shown(text)
