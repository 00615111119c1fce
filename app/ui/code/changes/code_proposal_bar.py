"""Buttons for proposed changes, above the text while they wait."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from app.ui.base.add_action import with_keys
from app.ui.base.announce import announce
from app.ui.base.theme import Theme
from app.ui.code.changes.code_proposal_view import ACCEPT_ALL_KEYS, UNDO_KEYS, CodeProposalView
from app.ui.widgets.card import button, label
from app.ui.widgets.flow_row import FlowRow


class CodeProposalBar(QWidget):
    """Buttons for the changes of a `CodeProposalView`. GUI thread only."""

    def __init__(self, view: CodeProposalView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._theme = theme
        self.count = label("", "small")
        self.accept = button(self.tr("Accept"), "primary", tip=self.tr("Accept this change (A)"))
        self.reject = button(self.tr("Reject"), tip=self.tr("Reject this change (R)"))
        self.next = button(self.tr("Next"), "quiet", tip=self.tr("Go to the next change (N)"))
        self.accept_all = button(
            self.tr("Accept all"), "quiet", tip=with_keys(self.tr("Accept all changes"), ACCEPT_ALL_KEYS)
        )
        self.undo = button(kind="quiet", name=with_keys(self.tr("Take the last decision back"), UNDO_KEYS))
        self.accept.clicked.connect(view.accept)
        self.reject.clicked.connect(view.reject)
        self.next.clicked.connect(lambda: view.go_on())
        self.accept_all.clicked.connect(view.accept_all)
        self.undo.clicked.connect(view.undo_decision)
        layout = FlowRow(self)
        layout.setContentsMargins(14, 0, 10, 8)
        layout.add(self.count, stretch=True)
        for made in self._buttons():
            # A click leaves the focus in the text, whose keys do the same.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.add(made)
        view.changed.connect(self._refresh)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    def _buttons(self) -> list[QPushButton]:
        return [self.accept, self.reject, self.next, self.accept_all, self.undo]

    def _refresh(self) -> None:
        proposal = self._view.proposal
        waiting = len(proposal.waiting)
        text = self.tr("Change {number} of {count}").format(
            number=len(proposal.hunks) - waiting + 1, count=len(proposal.hunks)
        )
        self.count.setText(text)
        self.next.setVisible(waiting > 1)
        self.accept_all.setVisible(waiting > 1)
        self.undo.setVisible(proposal.can_undo)
        announce(self, text)

    def _draw_icons(self) -> None:
        self.accept.setIcon(self._theme.icon("check", "on_accent"))
        self.reject.setIcon(self._theme.icon("x", "text"))
        self.next.setIcon(self._theme.icon("caret-down"))
        self.undo.setIcon(self._theme.icon("arrow-counter-clockwise"))
