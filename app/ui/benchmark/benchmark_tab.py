"""The Benchmark tab: its pages, one shown at a time, each made when it is first shown."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.bench.results.history import BenchmarkHistory
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import SUITES, Suite
from app.ui.base.lasting_job import LastingJob
from app.ui.base.slices import Slices, Stepped
from app.ui.benchmark.frame.benchmark_state import BenchmarkState, QualityState
from app.ui.benchmark.frame.measuring_page import MARGIN_PX, MeasuringPage
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.widgets.card import button
from app.ui.widgets.push_buttons import ButtonRow
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel


class BenchmarkTab(QWidget, Stepped):
    """The page Speed, and beside it what `add_page` adds; GUI thread.

    A page brings its own margins and scrolls by itself, as `BenchmarkSpeedPage` does. One that is `Stepped`
    is made in steps where nobody needs it at once.
    """

    show_asked = Signal()
    """One of its pages, which is in front of the others now, is to be seen."""

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
        in_steps: bool = False,
    ) -> None:
        """`in_steps` the page Speed, and what is restored, are made by `making`."""
        super().__init__(parent)
        self._in_steps = in_steps
        self._keys: list[str] = []
        self._makers: dict[str, Callable[[QWidget], QWidget]] = {}
        """Of the pages that are not made to their end."""
        self._pages: dict[str, QWidget] = {}
        """Those that are begun."""
        self._showing = Slices(self)
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
        self.add_page(
            "speed",
            self.tr("Speed"),
            lambda place: BenchmarkSpeedPage(
                ui, runner, history, place, suites=suites, models=models, job=job, in_steps=True
            ),
        )
        self._begin_making(self._page_steps("speed"), in_steps=in_steps)

    @property
    def speed(self) -> BenchmarkSpeedPage:
        """The page Speed, made now if it is not there yet."""
        self.make_page("speed")
        page = self._pages["speed"]
        assert isinstance(page, BenchmarkSpeedPage)
        return page

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
        """Make a page now, if it is not there yet."""
        for _ in self._page_steps(key):
            pass

    def _page_steps(self, key: str) -> Iterator[None]:
        """Make a page, as far as it is not made yet; somebody else may go on with it after each step."""
        index = self._keys.index(key)
        place = self._stack.widget(index)
        room = place.layout() if place is not None else None
        if key not in self._makers or place is None or room is None:
            return
        page = self._begun(key, place)
        yield
        if isinstance(page, Stepped):
            yield from page.making()
        if self._makers.pop(key, None) is None:
            return
        page.setAccessibleName(place.accessibleName())
        if isinstance(page, MeasuringPage):
            page.show_asked.connect(lambda: self._on_show_asked(key))
        room.addWidget(page)
        place.setFocusProxy(page)
        if index == self._stack.currentIndex():
            self.setFocusProxy(page)
        if isinstance(page, QualityPage) and self._quality is not None:
            page.restore(self._quality)

    def _begun(self, key: str, place: QWidget) -> QWidget:
        if key not in self._pages:
            self._pages[key] = self._makers[key](place)
        return self._pages[key]

    def add_above(self, widget: QWidget) -> None:
        """Put a widget above the pages, such as the lines about what failed in them."""
        self._above.addWidget(widget)

    def _on_clicked(self, index: int) -> None:
        """Show a page; one that is made for that in later turns, as all together takes too long at once."""
        key, place = self._keys[index], self._stack.widget(index)
        if key not in self._makers or place is None:
            self._stack.setCurrentIndex(index)
            return
        self._begun(key, place)
        self._showing.begin(self._show_in_steps(index))

    def _show_in_steps(self, index: int) -> Iterator[None]:
        yield from self._page_steps(self._keys[index])
        yield
        if self._group.checkedId() == index:
            self._stack.setCurrentIndex(index)

    def _on_page_shown(self, index: int) -> None:
        # A hidden page must not get the focus: Space would start its job unseen.
        if (tab := self._group.button(index)) is not None:
            tab.setChecked(True)
        if (place := self._stack.widget(index)) is not None:
            self.setFocusProxy(place.focusProxy() or place)

    def _on_show_asked(self, key: str) -> None:
        self.show_page(key)
        self.show_asked.emit()

    def show_page(self, key: str) -> None:
        """Bring a page to the front, made now if it was never shown."""
        index = self._keys.index(key)
        self.make_page(key)
        self._group.button(index).setChecked(True)
        self._stack.setCurrentIndex(index)

    @property
    def state(self) -> BenchmarkState:
        """The choices and the run before the user."""
        self.finish_making()
        quality = self._whole_quality
        return BenchmarkState(
            self._keys[self._stack.currentIndex()],
            self.speed.state,
            self._quality if quality is None else quality.state,
        )

    def restore(self, state: BenchmarkState) -> None:
        """Bring that back, once all pages are there."""
        self._begin_making(chain(self._steps, self._restore_steps(state)), in_steps=self._in_steps)

    def _restore_steps(self, state: BenchmarkState) -> Iterator[None]:
        self.speed.restore(state.speed)
        self._quality = state.quality
        quality = self._whole_quality
        if quality is not None and state.quality is not None:
            quality.restore(state.quality)
        yield from self._page_steps(state.page)
        yield
        self.show_page(state.page)

    def refresh(self) -> None:
        """Read the runs again, as far as they are shown."""
        for key, page in self._pages.items():
            if key not in self._makers and isinstance(page, BenchmarkSpeedPage | QualityPage):
                page.refresh()

    @property
    def _whole_quality(self) -> QualityPage | None:
        """The page Quality, where it is made."""
        page = None if "quality" in self._makers else self._pages.get("quality")
        return page if isinstance(page, QualityPage) else None

    def run(self) -> None:
        """Measure the loaded model."""
        self.show_page("speed")
        self.speed.run()


class _Place(QWidget):
    """Holds a page once it is made."""
