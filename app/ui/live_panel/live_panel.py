"""The live panel at the right of every tab."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.telemetry.rates import ChatRate, Rates
from app.telemetry.sampler import TelemetrySnapshot
from app.ui.base.engine_session import EngineSession
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.live_panel.context_section import ContextSection
from app.ui.live_panel.generation_section import GenerationSection
from app.ui.live_panel.gpu_section import GpuSections
from app.ui.live_panel.host_section import HostSection
from app.ui.live_panel.loaded_line import LoadedLine
from app.ui.widgets.card import button, label
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.scrolled_page import ScrolledPage

WIDTH_PX = 292
COLLAPSED_WIDTH_PX = 44
HEAD_MARGINS_PX = (16, 0, 8, 0)


@dataclass(frozen=True, slots=True)
class OpenChat:
    """The chat that is open: its key for the engine, empty for a new one; the tokens in its context as they
    were kept, None where they were not; and that it `is_seen` now, not another page."""

    key: str
    tokens: int | None
    is_seen: bool


class LivePanel(QFrame):
    """Speed, memory, context and load of this moment; collapses to a strip with one button.

    Give each telemetry snapshot to `show_snapshot` on the GUI thread. `watched_changed` says whether anybody
    can see the figures, so that the sampler can slow down.
    """

    collapsed_changed = Signal(bool)
    watched_changed = Signal(bool)

    def __init__(
        self, theme: Theme, session: EngineSession, library: PlotLibrary, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._session = session
        self._collapsed = False
        self._wished_collapsed = False
        self._snapshot: TelemetrySnapshot | None = None
        self._open_chat: Callable[[], OpenChat | None] = lambda: None
        self.setProperty("look", "side-right")
        self.setAccessibleName(self.tr("Live"))
        self._title = label(self.tr("Live"), "title")
        self._toggle = button(kind="quiet", name=self.tr("Collapse the live panel"))
        self._toggle.clicked.connect(lambda: self.set_collapsed(not self._collapsed))
        self._generation = GenerationSection(theme, library)
        self._gpus = GpuSections(theme, library)
        self._context = ContextSection()
        self._host = HostSection()
        self._loaded = LoadedLine(session)
        self._head = QHBoxLayout()
        self._content = self._lay_out()
        session.reservation_changed.connect(self._on_work)
        session.work_told.connect(self._on_work)
        for signal in (session.loaded, session.unloaded, session.load_failed):
            signal.connect(self._on_work)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    @property
    def collapsed(self) -> bool:
        """Tell whether only the strip shows."""
        return self._collapsed

    def set_collapsed(self, collapsed: bool) -> None:
        """Collapse to the strip, or open, as the user wishes."""
        self._wished_collapsed = collapsed
        if self._show_collapsed(collapsed):
            self.collapsed_changed.emit(collapsed)

    def set_narrow(self, narrow: bool) -> None:
        """In a narrow window the panel gives its place to the tabs; it comes back with the room for it."""
        self._show_collapsed(narrow or self._wished_collapsed)

    def _show_collapsed(self, collapsed: bool) -> bool:
        """Collapse to the strip, or open; tell whether that changed anything."""
        if collapsed == self._collapsed:
            return False
        self._collapsed = collapsed
        self._title.setVisible(not collapsed)
        self._content.setVisible(not collapsed)
        self._loaded.setVisible(not collapsed)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        # The strip's button stays at the top.
        layout.setStretch(layout.count() - 1, int(collapsed))
        self._head.setContentsMargins(*((6, 0, 6, 0) if collapsed else HEAD_MARGINS_PX))
        self._on_theme_changed()
        self._show_kept()
        self.watched_changed.emit(self._is_watched())
        return True

    def show_snapshot(self, snapshot: TelemetrySnapshot) -> None:
        """Show the newest measurement; GUI thread. While nobody can see it, it is only kept."""
        self._snapshot = snapshot
        self._show_kept()

    def follow(self, open_chat: Callable[[], OpenChat | None]) -> None:
        """Show the context of the chat that `open_chat` gives while that is seen; beside other pages that of
        the newest reply, which is the last one of that chat until another one comes."""
        self._open_chat = open_chat
        self._show_kept()

    def _chat(self, rates: Rates) -> ChatRate | None:
        followed = self._open_chat()
        if followed is None or not (followed.is_seen or rates.is_before_replies):
            return None
        seen, info = rates.chats.get(followed.key), self._session.info
        # Its next reply is by the model that is chosen now.
        limit = info.context_tokens if info is not None else 0
        return ChatRate(followed.tokens, limit) if seen is None else seen

    def _with_limit(self, rates: Rates) -> Rates:
        """Give the context of the model that is there, of which the figures may not know yet."""
        info = self._session.here
        return (
            rates
            if rates.context_limit or info is None
            else replace(rates, context_limit=info.context_tokens)
        )

    def _without_context(self) -> str:
        """Say why there is no context, where a model comes by itself."""
        if self._session.is_loading:
            return self.tr("a model is being loaded")
        if self._session.reserved_for:
            return self.tr("nothing is loaded in this step")
        return self.tr("a model comes in a moment") if self._session.expects_model else ""

    def _work(self) -> str:
        """Say what has the engine for itself, or what Stillroom does by itself; "" where there is nothing."""
        match self._session.reserved_for:
            case "":
                is_checked = self._session.own_check is not None
                return self.tr("Stillroom checks this model for drift.") if is_checked else ""
            case "tuning":
                return self._session.work_text or self.tr("The settings of this model are being tuned.")
            case _:
                return self._session.work_text or self.tr("A benchmark runs.")

    def _on_work(self, *_: object) -> None:
        self._show_kept()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self._show_kept()
        self.watched_changed.emit(self._is_watched())

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Tell that nobody looks."""
        super().hideEvent(event)
        self.watched_changed.emit(False)

    def _is_watched(self) -> bool:
        return self.isVisible() and not self._collapsed

    def _show_kept(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self._is_watched():
            return
        chat = self._chat(snapshot.rates)
        self._generation.show_rates(snapshot.rates, snapshot.history, chat, self._work())
        self._gpus.show_cards(snapshot.gpu, snapshot.cards, snapshot.history)
        self._context.show_rates(self._with_limit(snapshot.rates), chat, self._without_context())
        self._host.show_host(snapshot.host)
        self._follow_words()

    def _follow_words(self) -> None:
        """Give words that take more lines now their height at once: Qt may paint before it lays out again,
        and a busy window would show them cut off until the next painting."""
        inner = reversed(self.findChildren(QWidget))
        for layout in [each.layout() for each in (*inner, self)]:
            if layout is not None:
                layout.activate()

    def _lay_out(self) -> QWidget:
        self._head.setContentsMargins(*HEAD_MARGINS_PX)
        self._head.addWidget(self._title, 1)
        self._head.addWidget(self._toggle)
        page = ScrolledPage()
        sections = QVBoxLayout(page)
        sections.setContentsMargins(16, 0, 16, 0)
        sections.setSpacing(16)
        for section in (self._generation, self._gpus, self._context, self._host):
            sections.addWidget(section)
        sections.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 16)
        layout.setSpacing(8)
        self._loaded.setContentsMargins(16, 0, 16, 0)
        layout.addLayout(self._head)
        layout.addWidget(scroll, 1)
        layout.addWidget(self._loaded)
        layout.addStretch(0)
        return scroll

    def _on_theme_changed(self) -> None:
        width_px = COLLAPSED_WIDTH_PX if self._collapsed else WIDTH_PX
        self.setFixedWidth(self._theme.pixels(width_px))
        closed = self._collapsed
        self._toggle.setIcon(self._theme.icon("caret-left" if closed else "caret-right"))
        name = self.tr("Open the live panel") if closed else self.tr("Collapse the live panel")
        self._toggle.setAccessibleName(name)
        set_tip(self._toggle, name)
