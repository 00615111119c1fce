"""One question and two or three answers beside each other."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import StoredMessage
from app.engine.protocol import Sampling
from app.ui.base import shortcuts
from app.ui.base.add_action import add_action, keys_text
from app.ui.base.theme import Theme
from app.ui.chat.comparison.comparison_column import ComparisonColumn, ModelOffer
from app.ui.widgets.card import button, label

MOST_COLUMNS = 3
LONGEST_QUESTION = 240
"""Characters; the rest stands in the chat."""
SHARE_OF_WINDOW = 0.94
LEAST_SIZE = QSize(720, 460)


class ComparisonDialog(QDialog):
    """Lets the user choose who answers, then shows the answers as they come. GUI thread.

    Escape stops the answers that are to come, and closes it where there are none. Closing it stops them, too
    (`stop_requested` of each column); what has come is kept.
    """

    started = Signal()
    """The columns are chosen, and are to be answered now."""
    kept = Signal(object)
    """The answer in this `ComparisonColumn` is the one to go on with."""

    def __init__(
        self,
        question: str,
        offers: Sequence[ModelOffer],
        choices: ReplyChoices,
        usual: Sampling,
        theme: Theme,
        parent: QWidget,
    ) -> None:
        """`choices` are those of the chat, with which each column begins, and `usual` how words are chosen
        where they say nothing of it."""
        super().__init__(parent)
        self._theme = theme
        self._offers = list(offers)
        self._choices = choices
        self._usual = usual
        self._has_started = False
        self.columns: list[ComparisonColumn] = []
        """From the left."""
        self.setWindowTitle(self.tr("Compare answers"))
        words = " ".join(question.split())
        if len(words) > LONGEST_QUESTION:
            words = f"{words[:LONGEST_QUESTION].rstrip()}…"
        self._question = label(words, "body", wrap=True, selectable=True)
        self._question.setAccessibleName(self.tr("The question"))
        # Three columns in a small window are wider than it.
        scroll = QScrollArea(self)
        row = self._columns_place = QWidget(scroll.viewport())
        row.setProperty("look", "page")
        self._row = QHBoxLayout(row)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(10)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(row)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll = scroll
        self._hint = label("", "small", wrap=True)
        self._more = button(self.tr("One more column"), "quiet")
        self._more.clicked.connect(lambda: self._add_next().give_keyboard())
        self._close = button(self.tr("Close"))
        self._close.clicked.connect(self.reject)
        self._start = button(self.tr("Compare"), "primary")
        self._start.setDefault(True)
        self._start.clicked.connect(self.start)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._more)
        foot.addWidget(self._hint, 1)
        foot.addWidget(self._close)
        foot.addWidget(self._start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(12)
        layout.addWidget(self._question)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)
        for number in range(1, MOST_COLUMNS + 1):
            text = self.tr("Keep answer {number}").format(number=number)
            add_action(
                self, text, shortcuts.KEEP_ANSWER.format(number=number), partial(self._keep_number, number)
            )
        window = parent.window().size()
        self.resize((window * SHARE_OF_WINDOW).expandedTo(LEAST_SIZE))
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def has_started(self) -> bool:
        """Tell whether the columns are being answered, or were."""
        return self._has_started

    @property
    def hint(self) -> str:
        """The sentence below the columns."""
        return self._hint.text()

    def ask_for_columns(self, paths: Sequence[str], there: StoredMessage | None = None) -> None:
        """Offer a column for each model of a file, behind the answer that is there already."""
        if there is not None:
            column = self._add(ComparisonColumn(self._theme, (), self._columns_place))
            column.show_kept(there)
        for path in paths:
            self._add_column(path)
        next(column for column in self.columns if column.message is None).give_keyboard()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape stops before it closes, as in the chat."""
        waited = [column for column in self.columns if column.can_be_stopped]
        if event.key() == Qt.Key.Key_Escape and waited:
            for column in waited:
                column.stop()
        else:
            super().keyPressEvent(event)

    def end(self) -> None:
        """Say that all answers have come that will."""
        kept = [column for column in self.columns if column.can_be_kept]
        self._hint.setText(
            self.tr("Keep one to go on with it. The others stay as versions of the answer.") if kept else ""
        )

    def _add_next(self) -> ComparisonColumn:
        """Add a column with a model that has none yet, or with the last one's in another way."""
        used = {column.offer.path for column in self.columns if column.message is None}
        free = [offer.path for offer in self._offers if offer.path not in used]
        return self._add_column(free[0] if free else self._offers[0].path)

    def _add_column(self, path: str) -> ComparisonColumn:
        # Made where it stands: for what moves, Qt works out the style of all that is in it anew.
        column = self._add(ComparisonColumn(self._theme, self._offers, self._columns_place))
        column.show_choices(self._choices, self._usual, path)
        column.remove_requested.connect(lambda: self._remove(column))
        return column

    def _add(self, column: ComparisonColumn) -> ComparisonColumn:
        self.columns.append(column)
        self._row.addWidget(column, 1)
        column.keep_requested.connect(lambda: self._keep(column))
        self._number()
        return column

    def _remove(self, column: ComparisonColumn) -> None:
        place = self.columns.index(column)
        self.columns.remove(column)
        self._row.removeWidget(column)
        column.hide()
        column.deleteLater()
        self._number()
        self.columns[max(0, place - 1)].give_keyboard()

    def _number(self) -> None:
        removable = len(self.columns) > 2
        for place, column in enumerate(self.columns, start=1):
            column.number(place, removable=removable and column.message is None)
        self._more.setVisible(len(self.columns) < MOST_COLUMNS)
        self._hint.setText(
            self.tr("The same model twice shows what another setting does.")
            if len(self._offers) == 1
            else self.tr("Models that do not fit in memory together answer one after another.")
        )

    def start(self) -> None:
        """Have the columns answered as they are chosen."""
        self._has_started = True
        self._start.hide()
        self._more.hide()
        self._hint.setText(self.tr("{keys} stops the answers.").format(keys=keys_text(shortcuts.STOP)))
        for column in self.columns:
            if column.message is None:
                column.lock()
        next(column for column in self.columns if column.message is None).give_keyboard()
        self.started.emit()

    def _keep_number(self, number: int) -> None:
        if number <= len(self.columns):
            self._keep(self.columns[number - 1])

    def _keep(self, column: ComparisonColumn) -> None:
        if column.can_be_kept and self._has_started:
            self.kept.emit(column)
            self.accept()

    def _draw_icons(self) -> None:
        self._more.setIcon(self._theme.icon("plus"))
