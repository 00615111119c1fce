"""The line below a reply: what can be done with it, who wrote it and when, and how fast it was."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QDateTime, QLocale, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QWidget

from app.chat.store.records import Outcome
from app.engine.protocol import GenerationStats
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.reply.version_switch import VersionSwitch
from app.ui.widgets.card import button, label

COPIED_MS = 1500
LEAST_LINE_PX = 200
"""Of less, the words below a reply would make a tall and narrow column: they stand below the buttons."""
BEARING_PX = 2
"""The icons begin where the text above them does, with what is drawn of them."""
NO_BREAK = "\u00a0"

OtherModels = Callable[[], Sequence[tuple[str, str]]]
"""The models that can answer: path and name of each."""


class ReplyFoot(QWidget):
    """Buttons and figures of one reply. GUI thread."""

    copy_requested = Signal()
    regenerate_requested = Signal()
    edit_requested = Signal()
    fork_requested = Signal()
    """The chat up to this reply is to go on in a new one."""
    again_with_requested = Signal(str)
    """The model of this path is to answer in the place of this reply."""
    compare_requested = Signal()
    """Other answers are to come beside this one."""

    def __init__(self, theme: Theme, *, offers_ways: bool = True) -> None:
        """`offers_ways` False leaves everything out but copying and the figures."""
        super().__init__()
        self._theme = theme
        self._origin = self._figures = self._figures_tip = self._origin_tip = self._model = ""
        self._others: OtherModels = tuple
        self._copy = button("", "inline", name=self.tr("Copy the reply"))
        self._copy.clicked.connect(self.copy_requested)
        self._regenerate = button("", "inline", name=self.tr("Regenerate the reply"))
        self._regenerate.clicked.connect(self.regenerate_requested)
        self._more = button("", "inline", name=self.tr("Other ways to go on"))
        self._more.clicked.connect(self._open_menu)
        self._edit = button("", "inline", name=self.tr("Edit the reply"))
        self._edit.clicked.connect(self.edit_requested)
        self.versions = VersionSwitch(theme)
        self.versions.changed.connect(self._place_line)
        # It wraps in a narrow column, which would otherwise be as wide as its figures.
        self._line = label("", "small", wrap=True, selectable=True)
        self._line.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self._copy, self._regenerate, self._more, self._edit, self.versions):
            row.addWidget(widget)
        row.addStretch(1)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(self._buttons, 0, 0)
        self._grid.addWidget(self._line, 0, 1)
        self._is_beside = True
        if not offers_ways:
            for made in (self._regenerate, self._more, self._edit):
                made.hide()
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """The words may have room beside the buttons, or not."""
        super().resizeEvent(event)
        self._place_line()

    def _place_line(self) -> None:
        left_px = self.width() - self._buttons.sizeHint().width()
        is_beside = left_px >= self._theme.pixels(LEAST_LINE_PX)
        if is_beside == self._is_beside:
            return
        self._is_beside = is_beside
        self._grid.removeWidget(self._line)
        if is_beside:
            self._grid.addWidget(self._line, 0, 1)
        else:
            self._grid.addWidget(self._line, 1, 0, 1, 2)
        side = Qt.AlignmentFlag.AlignRight if is_beside else Qt.AlignmentFlag.AlignLeft
        self._line.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)

    @property
    def figures(self) -> str:
        """The figures in words, or that the user wrote the reply."""
        return self._figures

    @property
    def origin(self) -> str:
        """Who wrote the reply, and when."""
        return self._origin

    def show_origin(self, model: str, at_s: float, others: OtherModels) -> None:
        """Name the model and the time, in seconds since 1970; `others` may answer in its place."""
        self._model, self._others = model, others
        then, locale = QDateTime.fromSecsSinceEpoch(int(at_s)), QLocale()
        short = QLocale.FormatType.ShortFormat
        is_today = then.date() == QDateTime.currentDateTime().date()
        time = locale.toString(then.time(), short) if is_today else locale.toString(then, short)
        self._origin = " · ".join(filter(None, (model, time)))
        self._origin_tip = locale.toString(then, QLocale.FormatType.LongFormat)
        self._show_line()

    def show_end(self, outcome: Outcome, stats: GenerationStats | None) -> None:
        """Show how fast the reply was, as far as it was measured, or that the user has written it."""
        self._figures = self._figures_tip = ""
        is_whole = stats is not None and not (stats.is_partly and outcome in ("failed", "interrupted"))
        if outcome == "edited":
            self._figures = self.tr("Edited by you")
        elif stats is not None and is_whole and stats.completion_tokens:
            self._figures, self._figures_tip = self._in_words(stats), self._further(stats)
        self._show_line()

    def show_copied(self) -> None:
        """Say for a moment that the reply is on the clipboard."""
        self._copy.setIcon(self._theme.icon("check", "good", bearing_px=BEARING_PX))
        QTimer.singleShot(COPIED_MS, self._copy, self._draw_icons)

    def offer(self, why_not: str, *, can_edit: bool) -> None:
        """Set why no other reply can be asked for now, empty where it can, and whether it can be edited."""
        for made, tip in (
            (self._regenerate, self.tr("Regenerate the reply")),
            (self._more, self.tr("Other ways to go on")),
        ):
            made.setEnabled(not why_not)
            set_tip(made, why_not or tip)
        self._edit.setEnabled(can_edit)

    def menu(self) -> QMenu:
        """Make the menu of the other ways to go on."""
        menu = QMenu(self)
        for path, name in self._others():
            if name != self._model:
                text = self.tr("Answer again with {model}").format(model=name)
                again = menu.addAction(text.replace("&", "&&"))
                again.triggered.connect(lambda _=False, path=path: self.again_with_requested.emit(path))
        compare = menu.addAction(self.tr("Compare with other answers…"))
        compare.triggered.connect(self.compare_requested)
        menu.addSeparator()
        fork = menu.addAction(self.tr("Go on from here in a new chat"))
        fork.triggered.connect(self.fork_requested)
        return menu

    def _open_menu(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(QPoint(0, self._more.height())))

    def _in_words(self, stats: GenerationStats) -> str:
        if stats.completion_tokens == 1:
            # The first one is the prompt's: there is no rate.
            text = self.tr("1 token · first token {seconds} s")
        elif stats.is_partly:
            text = self.tr("{tokens} tokens · {rate} tok/s")
        else:
            text = self.tr("{tokens} tokens · {rate} tok/s · first token {seconds} s")
        return text.format(
            tokens=f"{stats.completion_tokens:,}",
            rate=f"{stats.decode_tok_per_s:.1f}",
            seconds=f"{stats.ttft_s:.2f}",
        )

    def _further(self, stats: GenerationStats) -> str:
        tip = self.tr("Prompt: {tokens} tokens at {rate} tok/s. Seed: {seed}.").format(
            tokens=f"{stats.prompt_tokens:,}", rate=f"{stats.prompt_tok_per_s:,.1f}", seed=stats.seed
        )
        if not stats.drafted_tokens:
            return tip
        guesses = self.tr("Of {drafted} tokens guessed ahead {accepted} were right.").format(
            drafted=f"{stats.drafted_tokens:,}", accepted=f"{stats.accepted_tokens:,}"
        )
        return f"{tip}\n{guesses}"

    def _show_line(self) -> None:
        parts = " · ".join(filter(None, (self._origin, self._figures))).split(" · ")
        # In a narrow column it is broken between them only.
        self._line.setText(f"{NO_BREAK}· ".join(part.replace(" ", NO_BREAK) for part in parts))
        set_tip(self._line, "\n".join(filter(None, (self._origin_tip, self._figures_tip))))

    def _draw_icons(self) -> None:
        for shown, name in (
            (self._copy, "copy"),
            (self._regenerate, "arrows-clockwise"),
            (self._more, "caret-down"),
            (self._edit, "pencil-simple"),
        ):
            shown.setIcon(self._theme.icon(name, active="text", bearing_px=BEARING_PX))
