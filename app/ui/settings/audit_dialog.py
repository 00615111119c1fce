"""The audit log: whether it is kept, what is in it, and whether it is what was written."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.audit.gate import Gate
from app.audit.reading import MOST_LINES, AuditEntry, newest_entries
from app.audit.verification import Verification, verify
from app.chat.documents.hidden_characters import with_hidden_shown
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.settings.audit_lines import EVERYTHING, MODEL, AuditLines
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, set_look
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.notices import filled
from app.ui.widgets.wheel_proof import SpinBox
from models.system.disk_space import existing

DETAIL_PX = 132
SHOWN_PROBLEMS = 5


class AuditDialog(QDialog):
    """Changes apply at once. GUI thread; the log is read on threads of its own."""

    def __init__(
        self, gate: Gate, settings: SettingsFile, bridge: Bridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._gate = gate
        self._settings = settings
        self._bridge = bridge
        self._closed = False
        self._reads = self._acts = 0
        """The readings of the lines, and all that the user has asked for, of which the newest is told of."""
        self.setWindowTitle(self.tr("Audit log"))
        self.resize(1000, 720)
        self.lines = AuditLines(self)
        self.table = FilteredTable(self.lines, self.tr("Lines of the audit log"), MODEL)
        self.table.view.setColumnHidden(EVERYTHING, True)
        self.detail = QPlainTextEdit()
        self.detail.setReadOnly(True)
        self.detail.setProperty("look", "field")
        self.detail.setFixedHeight(DETAIL_PX)
        self.detail.setStyleSheet("font-family: 'JetBrains Mono';")
        self.detail.setAccessibleName(self.tr("The whole line"))
        self.detail.setPlaceholderText(self.tr("Select a line to see all that it holds."))
        self.said = label("", "muted", wrap=True, selectable=True)
        self._lay_out()
        self.table.view.selectionModel().selectionChanged.connect(lambda *_: self._show_detail())
        self.refresh_button.clicked.connect(self.refresh)
        self.verify_button.clicked.connect(lambda: self._start(self._verify()))
        self.refresh()

    def refresh(self) -> None:
        """Read the newest lines again."""
        self._start(self._read())

    def done(self, result: int) -> None:
        """Close, and ignore what is still being read."""
        self._closed = True
        super().done(result)

    def _lay_out(self) -> None:
        values = self._settings.values
        self.on = QCheckBox(self.tr("Keep an audit log of requests and replies"))
        self.on.setChecked(values.audit)
        self.content = QCheckBox(self.tr("Also keep the texts of questions and replies"))
        self.content.setChecked(values.audit_content)
        self.content.setEnabled(values.audit)
        self.on.toggled.connect(self._on_switched)
        self.content.toggled.connect(lambda on: self._settings.change(audit_content=on))
        self.limit = SpinBox()
        self.limit.setRange(1, 100_000)
        self.limit.setSuffix(" MB")
        self.limit.setGroupSeparatorShown(True)
        self.limit.setValue(round(values.audit_limit_mb))
        self.limit.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        self.limit.setAccessibleName(self.tr("Largest size of the log"))
        self.limit.setToolTip(
            self.tr("Beyond this size the oldest lines are removed. Takes effect at the next start.")
        )
        self.limit.valueChanged.connect(lambda size: self._settings.change(audit_limit_mb=float(size)))
        switches = QHBoxLayout()
        switches.setSpacing(24)
        switches.addWidget(self.on)
        switches.addWidget(self.content)
        switches.addStretch(1)
        switches.addWidget(label(self.tr("At most"), "muted"))
        switches.addWidget(self.limit)
        card = Card()
        card.body.addLayout(switches)
        card.body.addWidget(
            label(
                self.tr(
                    "Each line says when and from where something was asked, of which model and with "
                    "which settings, how long the texts were and what the input filter found. A "
                    "checksum (hash) of the line before shows whether lines were changed or removed "
                    "later. The log stays on this computer. To notice even a log that was replaced as "
                    "a whole, note the last hash somewhere else."
                ),
                "small",
                wrap=True,
            )
        )
        self.refresh_button = button(self.tr("Refresh"))
        self.verify_button = button(self.tr("Verify"), "primary")
        folder = button(self.tr("Open folder"), "quiet")
        folder.clicked.connect(lambda: self._start(self._open_folder()))
        close = button(self.tr("Close"))
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(folder)
        foot.addStretch(1)
        for made in (self.refresh_button, self.verify_button, close):
            foot.addWidget(made)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(12)
        body.addWidget(card)
        body.addWidget(self.table, 1)
        body.addWidget(self.detail)
        body.addWidget(self.said)
        body.addLayout(foot)
        self.table.field.setPlaceholderText(self.tr("Search in the lines"))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        self._bridge.start(work)

    def _on_switched(self, on: bool) -> None:
        self._settings.change(audit=on)
        self.content.setEnabled(on)

    async def _read(self) -> None:
        self._reads += 1
        read, act = self._reads, self._begin_act()
        await asyncio.to_thread(self._gate.trail.flush)
        entries = await asyncio.to_thread(newest_entries, self._gate.trail.path, brief=True)
        if self._closed or read != self._reads:
            return
        self.lines.show_entries(entries)
        self.table.show_count()
        self._show_detail()
        if act == self._acts:
            self._say_how_many(entries)

    def _begin_act(self) -> int:
        self._acts += 1
        return self._acts

    def _say_how_many(self, entries: list[AuditEntry]) -> None:
        set_look(self.said, "muted")
        if not entries:
            self.said.setText(
                self.tr("The log is empty.")
                if self._settings.values.audit
                else self.tr("No log is kept. Switch it on above; it begins with the next request.")
            )
        elif len(entries) == MOST_LINES:
            self.said.setText(
                self.tr(
                    "These are the newest {count} lines; “stillroom audit show --search” searches all."
                ).format(count=f"{MOST_LINES:,}")
            )
        else:
            self.said.setText("")

    def _show_detail(self) -> None:
        rows = self.table.view.selectionModel().selectedRows()
        if not rows:
            self.detail.setPlainText("")
            return
        entry = self.lines.entry(self.table.proxy.mapToSource(rows[0]).row())
        text = with_hidden_shown(json.dumps(entry.fields, ensure_ascii=False, indent=2))
        if entry.left_out:
            text += "\n" + self.tr(
                "{count} more characters; “stillroom audit show --json” shows them, too."
            ).format(count=f"{entry.left_out:,}")
        self.detail.setPlainText(text)

    async def _verify(self) -> None:
        act = self._begin_act()
        self.verify_button.setEnabled(False)
        set_look(self.said, "muted")
        self.said.setText(self.tr("Reading the whole log…"))
        try:
            await asyncio.to_thread(self._gate.trail.flush)
            result = await asyncio.to_thread(verify, self._gate.trail.path)
        except OSError as error:
            if not self._closed and act == self._acts:
                set_look(self.said, "danger")
                self.said.setText(
                    self.tr("The log cannot be read: {reason}.").format(reason=error.strerror or str(error))
                )
            return
        finally:
            if not self._closed:
                self.verify_button.setEnabled(True)
        if not self._closed and act == self._acts:
            self._show_result(result)

    def _show_result(self, result: Verification) -> None:
        if not result.intact:
            set_look(self.said, "danger")
            lines = [self.tr("The log was changed after it was written:")]
            lines += [filled(problem.message, problem.values) for problem in result.problems[:SHOWN_PROBLEMS]]
            more = len(result.problems) - SHOWN_PROBLEMS
            if more > 0:
                lines.append(
                    self.tr("and {count} more; “stillroom audit verify” lists all.").format(count=more)
                )
        elif not result.lines:
            set_look(self.said, "muted")
            lines = [self.tr("There is no log yet.")]
        else:
            set_look(self.said, "good")
            lines = [
                self.tr("Lines {first} to {last} are complete and unchanged.").format(
                    first=f"{result.first:,}", last=f"{result.end.n:,}"
                ),
                self.tr("Hash of the last line: {hash}").format(hash=result.end.hash),
            ]
        lines += [filled(note.message, note.values) for note in result.notes]
        self.said.setText("\n".join(lines))

    async def _open_folder(self) -> None:
        path = await asyncio.to_thread(existing, Path(self._gate.trail.path))
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
