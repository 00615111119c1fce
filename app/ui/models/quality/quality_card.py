"""The cost of quantising a model: in plain words, as a table and as a plot, and a way to measure it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QProgressBar, QWidget

from app.ui.base.add_action import allow
from app.ui.base.durations import duration
from app.ui.base.resource_words import data_set_words, enumerated, sentences
from app.ui.base.theme import Theme
from app.ui.models.quality.quality_plot import QualityPlot
from app.ui.models.quality.quality_table import KLD_P99, SPEED, TYPE, QualityTable
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.push_buttons import SingleClicks
from app.ui.widgets.wide_column import MeasuredTable, WideColumn
from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.store.store import InstalledModel
from models.system.progress import Progress
from models.system.units import byte_count

PLOT_PX = 200
ROW_PX = 32
TYPE_PX = 104


class QualityCard(Card):
    """Shows the files of one model; GUI thread. `measure_asked` asks to measure all of them."""

    measure_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, theme: Theme, plots: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.table = QualityTable(theme, self)
        self._measure = button(self.tr("Measure"))
        self._measure.clicked.connect(self.measure_asked)
        self._cancel = button(self.tr("Cancel"), "quiet")
        self._cancel.clicked.connect(self.cancel_asked)
        # One stands where the other stood.
        SingleClicks(self._measure, self._cancel)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("HOW CLOSE TO THE ORIGINAL"), "caption"))
        head.addStretch(1)
        head.addWidget(self._cancel)
        head.addWidget(self._measure)
        self._words = label("", wrap=True, selectable=True)
        self._warning = label("", "warning", wrap=True, selectable=True)
        self._step = label("", "muted", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._view = self._make_view()
        self._plot = QualityPlot(theme, plots)
        self._plot.setFixedHeight(PLOT_PX)
        self._plot.setAccessibleName(self.tr("Distance from the original against size"))
        self._note = label("", "small", wrap=True, selectable=True)
        self.body.addLayout(head)
        for widget in (
            self._words,
            self._warning,
            self._step,
            self._bar,
            self._view,
            self._plot,
            self._note,
        ):
            self.body.addWidget(widget)
        theme.changed.connect(self._colour_icons)
        self._colour_icons()
        self.show_progress(None)

    def show_models(
        self, models: Sequence[InstalledModel], gate_percent: float, *, possible: bool, download_bytes: int
    ) -> None:
        """Take the quantised files of a model, measured or not.

        `possible`: its full-precision form can be had; for `download_bytes`, 0 where it is here.
        """
        measured = [(model.type, model.quality) for model in models if model.quality is not None]
        measured.sort(key=lambda row: -row[1].bytes)
        self.table.show_models(models, gate_percent)
        self._plot.show_models(models)
        self._view.setVisible(bool(measured))
        self._plot.setVisible(len(measured) > 1)
        self._words.setText(
            "\n".join(self._sentence(kind, quality) for kind, quality in measured)
            if measured
            else self._empty_text(possible, download_bytes)
        )
        set_look(self._words, "body" if measured else "muted")
        above = [row for row in measured if row[1].accuracy_loss_percent > gate_percent]
        self._warning.setVisible(bool(above))
        self._warning.setText(
            self.tr(
                "The perplexity of {types} grows by more than the {limit}% that you allow. A larger size "
                "stays closer to the original."
            ).format(limit=f"{gate_percent:g}", types=enumerated(kind for kind, _ in above))
        )
        self._note.setVisible(bool(measured))
        if measured:
            self._note.setText(self._note_text(measured[0][1]))
        allow(
            self._measure,
            "" if possible and models else self.tr("The model in full precision is needed for that"),
        )
        if download_bytes and possible:
            text = self.tr("Measure · {size} to download").format(size=byte_count(download_bytes))
        elif measured:
            text = self.tr("Measure again")
        else:
            text = self.tr("Measure")
        self._measure.setText(text)

    def show_progress(self, progress: Progress | None) -> None:
        """Show how far the measuring is; None while nothing is measured."""
        running = progress is not None
        self._measure.setVisible(not running)
        self._cancel.setVisible(running)
        self._step.setVisible(running)
        self._bar.setVisible(running)
        if progress is None:
            return
        step = self._stage(progress.stage)
        if progress.remaining_s is None:
            step = f"{step} · {self.tr('working out how long it takes')}"
        else:
            left = self.tr("{time} left").format(time=duration(progress.remaining_s))
            step = f"{step} · {left}"
        self._step.setText(step)
        self._bar.setAccessibleName(step)
        self._bar.setValue(round(1000 * progress.done / max(1, progress.total)))

    def _make_view(self) -> MeasuredTable:
        view = MeasuredTable()
        view.setModel(self.table)
        view.setAccessibleName(self.tr("How close each size is to the original"))
        view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        view.setShowGrid(False)
        view.setTabKeyNavigation(False)
        view.setWordWrap(False)
        view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        WideColumn(view, TYPE, TYPE_PX, lambda: (KLD_P99, SPEED))
        self.table.modelReset.connect(self._fit_height)
        view.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        view.restyled.connect(self._fit_height)
        return view

    def _sentence(self, kind: str, quality: Quality) -> str:
        same = self.tr(
            "{type} answers the same next word as {reference} {share}% of the time (± {spread}), at {size}% "
            "of its size."
        ).format(
            type=kind,
            reference=quality.reference,
            share=f"{100 * quality.same_top:.1f}",
            spread=f"{100 * CONFIDENCE * quality.same_top_error:.1f}",
            size=f"{100 * quality.bytes / quality.reference_bytes:.0f}",
        )
        return sentences((same, self._meaning(quality)))

    def _meaning(self, quality: Quality) -> str:
        """Say what that is for answers, in steps as far apart as K types are."""
        if quality.same_top >= 0.97:
            return self.tr("A difference in its answers is hard to notice.")
        if quality.same_top >= 0.93:
            return self.tr("Some sentences are worded otherwise; right answers stay nearly as many.")
        if quality.same_top >= 0.87:
            return self.tr("Many sentences are worded otherwise, and long thinking ends wrong more often.")
        return self.tr(
            "It is clearly worse than the original: expect mistakes that the original does not make."
        )

    def _empty_text(self, possible: bool, download_bytes: int) -> str:
        if not possible:
            return self.tr(
                "Not measured. That needs the model in full precision (BF16), which is neither here nor "
                "known where to get."
            )
        if download_bytes:
            return self.tr(
                "Not measured yet. The original model is downloaded for that and deleted afterwards."
            )
        return self.tr(
            "Not measured yet. This model and its original read the same text, and their "
            "predictions are compared."
        )

    def _note_text(self, quality: Quality) -> str:
        note = self.tr(
            "Measured against {reference} on {tokens} tokens of {text}; ± is the 95% confidence interval."
        ).format(
            reference=quality.reference,
            tokens=f"{quality.scored_tokens:,}",
            text=data_set_words(quality.text),
        )
        if quality.streamed:
            slow = self.tr("Full precision did not fit into memory, so its speed is the disk's.")
            return sentences((note, slow))
        return note

    def _stage(self, stage: str) -> str:
        match stage:
            case "download":
                return self.tr("Downloading the original model")
            case "measure":
                return self.tr("Both models read the text")
        return self.tr("Preparing the original model")

    def _fit_height(self, *_: object) -> None:
        """Room for all rows, beside a bar that scrolls sideways in a very narrow window."""
        header = self._view.horizontalHeader().sizeHint().height()
        bar = self._view.horizontalScrollBar()
        bar_px = bar.sizeHint().height() if bar.maximum() > 0 else 0
        self._view.setFixedHeight(header + ROW_PX * self.table.rowCount() + 2 + bar_px)

    def _colour_icons(self) -> None:
        self._measure.setIcon(self._theme.icon("gauge", "text"))
