"""Tokens per second, now and over the last minutes."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.telemetry.rates import ChatRate, Rates
from app.telemetry.sampler import History
from app.ui.base import figures
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.live_panel.live_plot import LivePlot
from app.ui.widgets.card import label
from app.ui.widgets.plot_library import PlotLibrary


class GenerationSection(QWidget):
    """The generation speed as a figure and a plot; prompt speed and time to first token below."""

    def __init__(self, theme: Theme, library: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figure = label("–", "figure")
        self._unit = label("", "unit")
        self._prompt = label("", "small")
        self._first_token = label("", "small")
        self._work = label("", "small", wrap=True)
        self._plot = LivePlot(theme, library, "accent")
        self._plot.setAccessibleName(self.tr("Generation speed over the last two minutes"))
        set_tip(self._plot, self._plot.accessibleName())
        value = QHBoxLayout()
        value.setSpacing(8)
        value.addWidget(self._figure, 0, Qt.AlignmentFlag.AlignBottom)
        value.addWidget(self._unit, 1, Qt.AlignmentFlag.AlignBottom)
        self._unit.setContentsMargins(0, 0, 0, 4)
        below = QHBoxLayout()
        below.addWidget(self._prompt)
        below.addStretch(1)
        below.addWidget(self._first_token)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(label(self.tr("GENERATION"), "caption"))
        layout.addLayout(value)
        layout.addWidget(self._plot)
        layout.addLayout(below)
        layout.addWidget(self._work)
        self.show_rates(Rates(), History())

    def show_rates(
        self, rates: Rates, history: History, chat: ChatRate | None = None, work: str = ""
    ) -> None:
        """Show the present figures, of all replies together and of `chat` beside others. Between replies it
        is the last reply's, and says so; a reply without its first tokens has none yet. `work` says what has
        the engine for itself, or what Stillroom does by itself, where there is something."""
        generates = rates.generation_tok_per_s > 0
        running = generates or rates.replies > 0
        ended = None if running else rates.last_generation_tok_per_s
        shown = rates.generation_tok_per_s if generates else ended
        self._figure.setText(_known(shown, figures.rate))
        if running and rates.replies > 1 and chat is not None and chat.tok_per_s is not None:
            self._unit.setText(
                self.tr("tok/s, {count} replies; this chat {rate}").format(
                    count=rates.replies, rate=figures.rate(chat.tok_per_s)
                )
            )
        elif running and rates.replies > 1:
            self._unit.setText(self.tr("tok/s, {count} replies").format(count=rates.replies))
        elif running or shown is None:
            self._unit.setText(self.tr("tok/s"))
        else:
            self._unit.setText(self.tr("tok/s, last reply"))
        self._work.setText(work)
        self._work.setVisible(bool(work))
        if rates.is_without_figures:
            self._prompt.setText("" if work else self.tr("No reply yet"))
            self._first_token.setText("")
        else:
            prompt = _known(rates.prompt_tok_per_s, figures.rate)
            self._prompt.setText(self.tr("Prompt {rate} tok/s").format(rate=prompt))
            wait = _known(rates.ttft_s, figures.seconds)
            self._first_token.setText(self.tr("First token {duration} s").format(duration=wait))
        self._plot.show_series(history.times_s, history.generation_tok_per_s)


def _known(value: float | None, written: Callable[[float], str]) -> str:
    """A figure in writing, or a dash as long as it is not known."""
    return "–" if value is None else written(value)
