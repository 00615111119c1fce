"""The Benchmark tab: its pages, one shown at a time, each made when it is first shown."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.bench.results.history import BenchmarkHistory
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import SUITES, Suite
from app.ui.base.lasting_job import LastingJob
from app.ui.benchmark.frame.benchmark_state import BenchmarkState, QualityState
from app.ui.benchmark.frame.measuring_page import MARGIN_PX
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.widgets.card import button
from app.ui.widgets.push_buttons import ButtonRow
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
        self._keys: list[str] = []
        self._makers: dict[str, Callable[[QWidget], QWidget]] = {}
        self._quality: QualityState | None = None
        """To be restored once there is the page."""
        self._group = ButtonRow(self)
        self._stack = QStackedWidget()
        self._group.idClicked.connect(self._on_clicked)
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
        self.add_page("speed", self.tr("Speed"), lambda _: self.speed)
        self.speed = BenchmarkSpeedPage(
            ui, runner, history, self._stack.widget(0), suites=suites, models=models, job=job
        )
        self.make_page("speed")
        self._on_page_shown(0)

    def add_page(self, key: str, title: str, make: Callable[[QWidget], QWidget]) -> None:
        """Add a page behind those that are there; `key` is for `show_page`. It is made when it is
        first shown, as each takes a while, in the widget that `make` is given."""
        tab = button(title, "tab")
        tab.setCheckable(True)
        tab.setChecked(not self._keys)
        self._group.addButton(tab, len(self._keys))
        self._buttons.insertWidget(len(self._keys), tab)
        self._keys.append(key)
        self._makers[key] = make
        place = _Place()
        place.setAccessibleName(title)
        room = QVBoxLayout(place)
        room.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(place)
        self._bar.setVisible(len(self._keys) > 1)

    def make_page(self, key: str) -> None:
        """Make a page, if it is not there yet."""
        make = self._makers.pop(key, None)
        place = self._stack.widget(self._keys.index(key))
        room = place.layout() if place is not None else None
        if make is None or place is None or room is None:
            return
        page = make(place)
        page.setAccessibleName(place.accessibleName())
        room.addWidget(page)
        place.setFocusProxy(page)
        if isinstance(page, QualityPage) and self._quality is not None:
            page.restore(self._quality)

    def add_above(self, widget: QWidget) -> None:
        """Put a widget above the pages, such as the lines about what failed in them."""
        self._above.addWidget(widget)

    def _on_clicked(self, index: int) -> None:
        """Show a page; one that is made for that in the next turn, as both together take too long at once."""
        if self._keys[index] not in self._makers:
            self._stack.setCurrentIndex(index)
            return
        self.make_page(self._keys[index])
        QTimer.singleShot(
            0, self, lambda: self._stack.setCurrentIndex(index) if self._group.checkedId() == index else None
        )

    def _on_page_shown(self, index: int) -> None:
        # A hidden page must not get the focus: Space would start its job unseen.
        if (tab := self._group.button(index)) is not None:
            tab.setChecked(True)
        if (place := self._stack.widget(index)) is not None:
            self.setFocusProxy(place.focusProxy() or place)

    def show_page(self, key: str) -> None:
        """Bring a page to the front, made now if it was never shown."""
        index = self._keys.index(key)
        self.make_page(key)
        self._group.button(index).setChecked(True)
        self._stack.setCurrentIndex(index)

    @property
    def state(self) -> BenchmarkState:
        """The choices and the run before the user."""
        quality = self.findChild(QualityPage)
        return BenchmarkState(
            self._keys[self._stack.currentIndex()],
            self.speed.state,
            self._quality if quality is None else quality.state,
        )

    def restore(self, state: BenchmarkState) -> None:
        """Bring that back, once all pages are there."""
        self.speed.restore(state.speed)
        self._quality = state.quality
        quality = self.findChild(QualityPage)
        if quality is not None and state.quality is not None:
            quality.restore(state.quality)
        self.show_page(state.page)

    def run(self) -> None:
        """Measure the loaded model."""
        self.show_page("speed")
        self.speed.run()


class _Place(QWidget):
    """Holds a page once it is made."""
