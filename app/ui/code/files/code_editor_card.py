"""What is seen of one open file: the text, proposed changes, the place and the syntax verdict below."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app.code.changes.proposal import Proposal
from app.code.check import CHECKERS, SyntaxReport, check_syntax
from app.code.draft import DraftFile
from app.code.language_guess import guess_language
from app.code.languages import LANGUAGES, PLAIN_TEXT, Language
from app.ui.base import shortcuts
from app.ui.base.add_action import keys_text
from app.ui.base.bridge import Bridge, while_waited_for
from app.ui.base.resource_words import language_words
from app.ui.base.theme import Theme
from app.ui.code.changes.code_placement import Offer, PlacementLine
from app.ui.code.changes.code_proposal_bar import CodeProposalBar
from app.ui.code.changes.code_proposal_view import CodeProposalView, LateDecisions
from app.ui.code.editor.code_document import CodeDocument, newline_name
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.editor.find_bar import FindBar
from app.ui.reply.code_verdict import error_sentence, unchecked_sentence
from app.ui.widgets.card import label, rule, set_look
from app.ui.widgets.elided_label import ElidedLabel

CHECK_AFTER_MS = 800


class CodeEditorCard(QWidget):
    """Shows one document and checks its syntax while it is edited. GUI thread only."""

    subject_changed = Signal()
    """The text, the selection, the file or the language is another: what a question would be about."""
    proposing_changed = Signal()
    """Changes wait to be accepted, or none do any more."""
    decided = Signal()
    """Nothing waits any more, and what was accepted is in the text."""

    def __init__(self, bridge: Bridge, theme: Theme, draft_path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._theme = theme
        self._report: SyntaxReport | None = None
        self._chosen = False
        self._failed_line = 0
        self.editor = CodeEditor(theme)
        self.editor.setPlaceholderText(
            self.tr("Open a file ({keys}), drop one here, paste code, or start typing.").format(
                keys=keys_text(shortcuts.OPEN)
            )
        )
        self.find_bar = FindBar(self.editor, theme)
        self.proposal_view = CodeProposalView(theme)
        self.proposal_bar = CodeProposalBar(self.proposal_view, theme)
        LateDecisions(self.proposal_view, self.editor)
        self.placement = PlacementLine()
        self._offer: Offer | None = None
        self._texts = QStackedWidget()
        self.document = CodeDocument(self.editor, DraftFile(draft_path), self)
        self.verdict = ElidedLabel("small")
        self._status = label("", "small")
        self._place = label("", "small")
        self._language = QToolButton()
        self._foot = QHBoxLayout()
        self._verdict_px = 0
        self._lay_out()
        self._check_timer = QTimer(self, singleShot=True, interval=CHECK_AFTER_MS)
        self._check_timer.timeout.connect(self._start_check)
        self._checking: asyncio.Task[None] | None = None
        self.document.changed.connect(self._on_document_changed)
        self.editor.edited.connect(self._on_edited)
        self.proposal_view.finished.connect(self._on_decided)
        self.proposal_view.left.connect(self._on_decided)
        self.placement.other_wanted.connect(self._show_other_place)
        self.editor.cursorPositionChanged.connect(self._on_place_changed)
        self.editor.selectionChanged.connect(self._on_place_changed)
        self._on_document_changed()
        self._on_place_changed()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave out where the cursor is before the verdict is cut off."""
        super().resizeEvent(event)
        self._fit_foot()

    @property
    def has_error(self) -> bool:
        """The checker found one, or the last run failed in a line that is known."""
        return bool((self._report is not None and self._report.line) or self._failed_line)

    def go_to_error(self) -> None:
        """Put the cursor where the checker found an error, or where the last run failed."""
        if self._report is not None and self._report.line:
            self.editor.go_to(self._report.line, self._report.column)
        elif self._failed_line:
            self.editor.go_to(self._failed_line)

    def mark_failure(self, line: int) -> None:
        """Mark the line where a run failed, until the next edit; 0 marks none."""
        self._failed_line = line
        self.editor.show_error(line)

    @property
    def proposing(self) -> bool:
        """Tell whether changes wait to be accepted or rejected."""
        return self._texts.currentWidget() is self.proposal_view

    def propose(self, text: str) -> bool:
        """Show `text` as changes of the present one, to be accepted one by one; False when there are none."""
        proposal = Proposal(self.editor.text(), text)
        if not proposal.hunks or self.editor.isReadOnly():
            return False
        self._offer = None
        self.placement.show_offer(None)
        self.proposal_view.show_proposal(proposal, self.editor.language)
        self._show_proposing(True)
        self.proposal_view.setFocus()
        return True

    def offer(self, offer: Offer) -> bool:
        """Show the code of a reply in its place, as `propose` does, and say where that is not the one that
        was asked for."""
        proposed = self.propose(offer.place.text)
        if proposed:
            self._offer = offer
            self.placement.show_offer(offer)
        return proposed

    def _show_other_place(self) -> None:
        if self._offer is not None and self.editor.text() == self.proposal_view.proposal.old:
            self.offer(replace(self._offer, fits=not self._offer.fits))

    def _on_decided(self) -> None:
        proposal = self.proposal_view.proposal
        self._show_proposing(False)
        if proposal.accepted and self.editor.text() == proposal.old:
            self.editor.change_text(proposal.text())
        if self.isVisible():
            self.editor.setFocus()
        self.decided.emit()

    def _show_proposing(self, proposing: bool) -> None:
        self._texts.setCurrentWidget(self.proposal_view if proposing else self.editor)
        self.proposal_bar.setVisible(proposing)
        if proposing:
            self.find_bar.hide()
        else:
            self._offer = None
            self.placement.show_offer(None)
        self._show_place()
        self.proposing_changed.emit()

    def close_card(self) -> None:
        """Check no more; the widgets are about to go."""
        self._check_timer.stop()
        if self._checking is not None:
            self._checking.cancel()

    def _start_check(self) -> None:
        if self._checking is not None:
            # Of a text that is gone.
            self._checking.cancel()
        self._checking = self._bridge.start(self._check())

    def guess_language_now(self) -> None:
        """A text without a file gets the language that it looks like, unless one was chosen for it."""
        if self.document.path is None and self.editor.language is PLAIN_TEXT and not self._chosen:
            guessed = guess_language(self.editor.text())
            if guessed is not None:
                self.editor.set_language(guessed)
                self._language.setText(language_words(guessed.name))
                self.subject_changed.emit()

    async def _check(self) -> None:
        self.guess_language_now()
        text, language = self.editor.text(), self.editor.language
        if language.key not in CHECKERS or not text.strip():
            self._show_report(None)
            return
        report = await while_waited_for(lambda cancel: check_syntax(text, language.key, cancel=cancel))
        if text == self.editor.text() and language is self.editor.language:
            self._show_report(report)

    def _show_report(self, report: SyntaxReport | None) -> None:
        self._report = report
        is_error = report is not None and report.verdict == "error"
        # Else the mark stays of the line where the last run has failed.
        self.editor.show_error(report.line if report is not None and is_error else self._failed_line)
        if report is None:
            self.verdict.setText("")
        elif report.verdict == "ok":
            set_look(self.verdict, "good")
            self.verdict.setText(self.tr("✓ valid {rules}").format(rules=report.checker))
        elif report.verdict == "error":
            set_look(self.verdict, "danger")
            self.verdict.setText(f"✗ {error_sentence(report)}")
        else:
            set_look(self.verdict, "small")
            self.verdict.setText(unchecked_sentence(report))
        self._fit_foot()

    def _on_edited(self) -> None:
        self._failed_line = 0
        self._show_report(None)
        self._check_timer.start()
        self.subject_changed.emit()

    def _on_document_changed(self) -> None:
        if self.proposing and self.editor.text() != self.proposal_view.proposal.old:
            # Another text is there: what was proposed was not for it.
            self._show_proposing(False)
            self.decided.emit()
        if self.editor.isReadOnly():
            self._status.setText(self.tr("for reading only"))
        else:
            self._status.setText(self.tr("not saved") if self.document.modified else "")
        self._status.setVisible(bool(self._status.text()))
        self._language.setText(language_words(self.editor.language.name))
        if self.editor.document().isEmpty():
            self._chosen = False
        self._check_timer.start()
        self._on_place_changed()

    def _on_place_changed(self) -> None:
        self._show_place()
        self.subject_changed.emit()

    def _show_place(self) -> None:
        """Say where the cursor of the text is, which is not seen while changes are proposed."""
        file = self.document.file
        unusual = newline_name(file.newline) if file is not None and file.newline != "\n" else ""
        place = "" if self.proposing else self._place_words()
        self._place.setText(" · ".join(filter(None, (place, unusual))))
        self._fit_foot()

    def _place_words(self) -> str:
        cursor = self.editor.textCursor()
        if cursor.hasSelection():
            text = self.editor.document()
            first = text.findBlock(cursor.selectionStart()).blockNumber() + 1
            last_position = max(cursor.selectionStart(), cursor.selectionEnd() - 1)
            last = text.findBlock(last_position).blockNumber() + 1
            words = (
                self.tr("Selected in line {first}")
                if first == last
                else self.tr("Lines {first} to {last} selected")
            )
            return words.format(first=f"{first:,}", last=f"{last:,}")
        return self.tr("Line {line}, column {column}").format(
            line=f"{cursor.blockNumber() + 1:,}", column=f"{cursor.positionInBlock() + 1:,}"
        )

    def _fit_foot(self) -> None:
        # The gutter tells the line, too; the syntax is told here alone.
        verdict_px = self.verdict.sizeHint().width()
        if self.verdict.text():
            self._verdict_px = verdict_px
        # While it is typed there is none: what is beside it stays where it is.
        needed_px = self._foot.sizeHint().width() + max(0, self._verdict_px - verdict_px)
        if self._place.isHidden():
            needed_px += self._foot.spacing() + self._place.sizeHint().width()
        self._place.setVisible(needed_px <= self.width())

    def _set_language(self, language: Language) -> None:
        self._chosen = True
        self.editor.set_language(language)
        self._show_report(None)
        self._on_document_changed()

    def _lay_out(self) -> None:
        self.proposal_bar.hide()
        self._language.setProperty("kind", "choice")
        self._language.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._language.setAccessibleName(self.tr("Language"))
        self._language.setToolTip(self.tr("Language"))
        languages = QMenu(self)
        for language in LANGUAGES:
            languages.addAction(language_words(language.name), partial(self._set_language, language))
        self._language.setMenu(languages)
        foot = self._foot
        foot.setContentsMargins(14, 2, 8, 4)
        foot.setSpacing(16)
        foot.addWidget(self._place)
        foot.addWidget(self._status)
        foot.addWidget(self.verdict, 1)
        foot.addWidget(self._language)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.proposal_bar)
        layout.addWidget(self.placement)
        layout.addWidget(self.find_bar)
        layout.addWidget(self._texts, 1)
        self._texts.addWidget(self.editor)
        self._texts.addWidget(self.proposal_view)
        layout.addWidget(rule())
        layout.addLayout(foot)
