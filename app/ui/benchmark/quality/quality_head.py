"""The head of the Quality page: how many questions, which ones, and the buttons to run and to export."""

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu

from app.bench.quality.data_sets import DATA_SETS
from app.engine.protocol import ModelInfo
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import data_set_words
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.widgets.card import button, name_field
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.ui_context import UiContext
from app.ui.widgets.wheel_proof import ComboBox

SIZES = (5, 15, 0)
"""Questions of each kind that can be chosen; 0 is all of them."""


class QualityHead(FlowRow):
    """Chooses what the next run asks, and says what the button would do; GUI thread."""

    run_asked = Signal()
    anew_asked = Signal()
    choice_changed = Signal()

    def __init__(self, ui: UiContext, page: MeasuringPage) -> None:
        super().__init__()
        self._theme = ui.theme
        self._page = page
        self.run_button = button(self.tr("Run the quality suite"), "primary")
        self.run_button.clicked.connect(self.run_asked)
        self._size = ComboBox()
        name_field(self._size, self.tr("How many questions"))
        self._size.addItem(self.tr("Short: 5 of each kind"), SIZES[0])
        self._size.addItem(self.tr("Medium: 15 of each kind"), SIZES[1])
        self._size.addItem(self.tr("All questions"), SIZES[2])
        self._size.currentIndexChanged.connect(self.choice_changed)
        self._anew = button(self.tr("Start anew"), "quiet")
        self._anew.clicked.connect(self.anew_asked)
        self._anew.hide()
        self._data_button = button(
            self.tr("Own questions"),
            "choice",
            name=self.tr("Questions"),
            tip=self.tr("What is asked: Stillroom's own questions, or data sets"),
        )
        self._data_menu = QMenu(page)
        for data in DATA_SETS.values():
            action = self._data_menu.addAction(
                self.tr("{name} from the hub, licence {licence}").format(
                    name=data_set_words(data.name), licence=data.licence
                )
            )
            action.setCheckable(True)
            action.setData(data.key)
            action.toggled.connect(self._on_data)
        self._data_button.setMenu(self._data_menu)
        self.export = button(self.tr("Export"))
        self._about = ElidedLabel("small")
        self._about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for control in (self.run_button, self._size, self._data_button, self._anew, self.export):
            self.add(control)
        self.add(self._about, stretch=True)
        ui.theme.changed.connect(self._colour_icons)
        self._colour_icons()

    @property
    def questions(self) -> int:
        """Return the number of questions of each kind that are asked; 0 for all."""
        return int(self._size.currentData())

    @property
    def data(self) -> list[str]:
        """The keys of the chosen data sets; without one Stillroom's own questions are asked."""
        return [str(action.data()) for action in self._data_menu.actions() if action.isChecked()]

    def choose(self, questions: int, data: Collection[str]) -> None:
        """Choose these, as far as they can be chosen."""
        self._size.setCurrentIndex(max(0, self._size.findData(questions)))
        for action in self._data_menu.actions():
            action.setChecked(action.data() in data)

    def show_about(self, text: str) -> None:
        """Show a line about the run that is shown."""
        self._about.setText(text)

    def show_state(self, info: ModelInfo | None, kept: int) -> None:
        """Show what can be done with the loaded model now; `kept` results are there of a run that would go
        on."""
        page = self._page
        measuring, refusal = page.measuring, page.refusal
        self.run_button.setEnabled(page.can_measure)
        self._anew.setEnabled(page.can_measure)
        self._anew.setVisible(kept > 0 and not measuring)
        self._size.setEnabled(not measuring)
        self._data_button.setEnabled(not measuring)
        if measuring:
            self.run_button.setText(self.tr("Running"))
        elif kept:
            self.run_button.setText(self.tr("Go on"))
        else:
            self.run_button.setText(self.tr("Run the quality suite"))
        if info is None or refusal:
            tip = refusal
        elif kept:
            tip = self.tr("Results of the run that was stopped: {count}").format(count=f"{kept:,}")
        else:
            tip = self.tr("Asks {model}, and judges the answers").format(
                model=f"{info.name} {info.quantisation}".strip()
            )
        set_tip(self.run_button, tip)

    def _on_data(self) -> None:
        count = len(self.data)
        self._data_button.setText(
            self.tr("Data sets: {count}").format(count=count) if count else self.tr("Own questions")
        )
        self.choice_changed.emit()

    def _colour_icons(self) -> None:
        self.run_button.setIcon(self._theme.icon("play", "on_accent"))
        self.export.setIcon(self._theme.icon("export", "text"))
