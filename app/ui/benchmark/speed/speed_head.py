"""The head of the Speed page: which suite a run measures, and the buttons beside it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from app.bench.run.suite import Suite
from app.engine.protocol import ModelInfo
from app.ui.base.durations import duration
from app.ui.base.plain_text import set_tip
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.widgets.card import button
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.ui_context import UiContext
from app.ui.widgets.wheel_proof import ComboBox


class SpeedHead(FlowRow):
    """Chooses the suite, and says what the button would do; GUI thread."""

    run_asked = Signal()
    anew_asked = Signal()
    suite_changed = Signal()
    against_last_asked = Signal()
    import_asked = Signal()

    def __init__(self, ui: UiContext, suites: Sequence[Suite], page: MeasuringPage) -> None:
        super().__init__()
        self._theme = ui.theme
        self._page = page
        self._suites = suites
        self._choice = _suite_choice(suites, page)
        self._choice.currentIndexChanged.connect(self.suite_changed)
        self.run_button = button("", "primary")
        self.run_button.clicked.connect(self.run_asked)
        self._anew = button(self.tr("Start anew"), "quiet")
        self._anew.clicked.connect(self.anew_asked)
        self._anew.hide()
        self._against = button(
            self.tr("Against the last run"), tip=self.tr("Compare with the run of this model before it")
        )
        self._against.clicked.connect(self.against_last_asked)
        self._import = button(self.tr("Import…"), tip=self.tr("Runs of llama-bench, or of another Stillroom"))
        self._import.clicked.connect(self.import_asked)
        self.export = button(self.tr("Export"))
        self._about = ElidedLabel("small")
        self._about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for control in self.controls:
            self.add(control)
        self.add(self._about, stretch=True)
        ui.theme.changed.connect(self._colour_icons)
        self._colour_icons()

    @property
    def controls(self) -> tuple[QWidget, ...]:
        """The controls in the order in which they stand."""
        return (self.run_button, self._choice, self._anew, self._against, self._import, self.export)

    @property
    def suite(self) -> Suite:
        """The suite that is chosen."""
        return self._suites[max(0, self._choice.currentIndex())]

    def choose(self, suite: str) -> None:
        """Choose the suite of this name, or the first one where there is none."""
        self._choice.setCurrentIndex(max(0, self._choice.findData(suite)))

    def show_about(self, text: str) -> None:
        """Show a line about the run that is shown."""
        self._about.setText(text)

    def show_run(self, *, whole: bool, comparable: bool) -> None:
        """Offer to export a run that is `whole`, and to compare one that has another one before it."""
        self.export.setVisible(whole)
        self._against.setVisible(comparable)

    def show_state(
        self, info: ModelInfo | None, kept: int, last_run_s: float | None, *, elsewhere: bool
    ) -> None:
        """Show what can be done with the loaded model of this computer now, or with one `elsewhere`. `kept`
        results are there of a run that would go on; the last run took `last_run_s`, if there was one."""
        page = self._page
        running, refusal = page.measuring, page.refusal
        can_run = page.can_measure and (info is not None or elsewhere)
        self.run_button.setEnabled(can_run)
        self._choice.setEnabled(not running)
        self._anew.setEnabled(page.can_measure and info is not None)
        self._anew.setVisible(kept > 0 and not running)
        if running:
            text = self.tr("Running")
        elif elsewhere:
            text = self.tr("Measure from here")
        elif info is not None and kept:
            text = self.tr("Go on")
        elif info is None or last_run_s is None:
            text = self.tr("Run the benchmark")
        else:
            text = self.tr("Run again · about {duration}").format(duration=duration(last_run_s))
        self.run_button.setText(text)
        set_tip(self.run_button, refusal or self._tip(info, kept, elsewhere=elsewhere))

    def _tip(self, info: ModelInfo | None, kept: int, *, elsewhere: bool) -> str:
        if elsewhere:
            return self.tr("The model is not on this computer: its speed is taken as it arrives here")
        if info is None:
            return ""
        if kept:
            return self.tr("Results of the run that was stopped: {count}").format(count=kept)
        return self.tr(
            "Measures {model}: speed at several lengths, latency, replies at once, memory, energy"
        ).format(model=f"{info.name} {info.quantisation}")

    def _colour_icons(self) -> None:
        self.run_button.setIcon(self._theme.icon("play", "on_accent"))
        self.export.setIcon(self._theme.icon("export", "text"))


def _suite_choice(suites: Sequence[Suite], page: QWidget) -> QComboBox:
    """The choice of what a run measures; hidden where there is only one."""
    choice = ComboBox(page)
    choice.setAccessibleName(QCoreApplication.translate("benchmark", "What is measured"))
    for suite in suites:
        choice.addItem(words.suite_name(suite.name), suite.name)
        choice.setItemData(choice.count() - 1, words.suite_text(suite.name), Qt.ItemDataRole.ToolTipRole)
    choice.setVisible(len(suites) > 1)
    choice.currentIndexChanged.connect(lambda index: set_tip(choice, words.suite_text(suites[index].name)))
    set_tip(choice, words.suite_text(suites[0].name))
    return choice
