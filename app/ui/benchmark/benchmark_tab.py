"""The Benchmark tab: its pages, one shown at a time."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.bench.results.history import BenchmarkHistory
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import SUITES, Suite
from app.ui.base.lasting_job import LastingJob
from app.ui.benchmark.frame.benchmark_state import BenchmarkState, QualityState
from app.ui.benchmark.frame.measuring_page import MARGIN_PX
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.widgets.card import button
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel


class BenchmarkTab(QWidget):
    """The page Speed, and beside it what `add_page` adds; GUI thread.

    A page brings its own margins and scrolls by itself, as `BenchmarkSpeedPage` does.
    """

    def __init__(
        self,
        ui: UiContext,
        runner: BenchmarkRunner,
        history: BenchmarkHistory,
        parent: QWidget | None = None,
        *,
        suites: Sequence[Suite] = tuple(SUITES.values()),
        models: Callable[[], Sequence[InstalledModel]] = tuple,
        job: LastingJob | None = None,
    ) -> None:
        super().__init__(parent)
        self.speed = BenchmarkSpeedPage(ui, runner, history, suites=suites, models=models, job=job)
        self._keys: list[str] = []
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        self._group.idClicked.connect(self._stack.setCurrentIndex)
        self._stack.currentChanged.connect(self._on_page_shown)
        self._bar = QWidget()
        self._bar.setProperty("look", "page")
        self._buttons = QHBoxLayout(self._bar)
        self._buttons.setContentsMargins(MARGIN_PX, 12, MARGIN_PX, 0)
        self._buttons.setSpacing(4)
        self._buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._bar)
        self._above = QVBoxLayout()
        self._above.setContentsMargins(MARGIN_PX, 0, MARGIN_PX, 0)
        layout.addLayout(self._above)
        layout.addWidget(self._stack, 1)
        self.add_page("speed", self.tr("Speed"), self.speed)

    def add_page(self, key: str, title: str, page: QWidget) -> None:
        """Add a page behind those that are there; `key` is for `show_page`."""
        tab = button(title, "tab")
        tab.setCheckable(True)
        tab.setChecked(not self._keys)
        self._group.addButton(tab, len(self._keys))
        self._buttons.insertWidget(len(self._keys), tab)
        self._keys.append(key)
        page.setAccessibleName(title)
        self._stack.addWidget(page)
        self._bar.setVisible(len(self._keys) > 1)

    def add_above(self, widget: QWidget) -> None:
        """Put a widget above the pages, such as the lines about what failed in them."""
        self._above.addWidget(widget)

    def _on_page_shown(self, index: int) -> None:
        # A hidden page must not get the focus: Space would start its job unseen.
        if (tab := self._group.button(index)) is not None:
            tab.setChecked(True)
        if (page := self._stack.widget(index)) is not None:
            self.setFocusProxy(page)

    def show_page(self, key: str) -> None:
        """Bring a page to the front."""
        self._group.button(self._keys.index(key)).click()

    @property
    def state(self) -> BenchmarkState:
        """The choices and the run before the user."""
        quality = self.findChild(QualityPage)
        return BenchmarkState(
            self._keys[self._stack.currentIndex()],
            self.speed.state,
            QualityState() if quality is None else quality.state,
        )

    def restore(self, state: BenchmarkState) -> None:
        """Bring that back, once all pages are there."""
        self.speed.restore(state.speed)
        quality = self.findChild(QualityPage)
        if quality is not None:
            quality.restore(state.quality)
        self.show_page(state.page)

    def run(self) -> None:
        """Measure the loaded model."""
        self.show_page("speed")
        self.speed.run()
