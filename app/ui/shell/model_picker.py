"""The model picker of the top bar: what is loaded, what can be, and how far a load is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QIcon, QPaintEvent
from PySide6.QtWidgets import QMenu, QProgressBar, QSizePolicy, QWidget

from app.engine.protocol import ModelInfo
from app.machine.measurements import taken_bytes
from app.remote.remote_server import ElsewhereServer
from app.ui.base import shortcuts
from app.ui.base.add_action import allow, as_heading, with_keys
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.elided_label import fitted_name
from app.ui.widgets.push_buttons import MenuButton
from models.store.store import InstalledModel
from models.system.shown_text import shown
from models.system.units import byte_count

SMALLEST_PX, WIDTH_PX = 150, 290
MOST_SHOWN = 200
"""Characters of the present model, which are shortened in the middle."""
MOST_AT_ONCE = 100
"""Models of this computer in one menu: Qt measures each row before it shows the first."""
MOST_ELSEWHERE = 40
"""Of one server: a menu of more would not fit the screen."""


class ModelPicker(MenuButton):
    """A button with a menu of the models on disk. `chosen` carries the `InstalledModel` to load."""

    chosen = Signal(object)
    unload_asked = Signal(str)
    """Path of the model to unload; empty is all of them."""
    more_asked = Signal()
    elsewhere_chosen = Signal(object, object)
    """`ElsewhereServer` and `ElsewhereModel` to use."""
    servers_asked = Signal()

    def __init__(
        self,
        session: EngineSession,
        theme: Theme,
        installed: Callable[[], tuple[InstalledModel, ...]],
        parent: QWidget | None = None,
        servers: Callable[[], tuple[ElsewhereServer, ...]] = tuple,
    ) -> None:
        """`servers` are those elsewhere whose models are offered too."""
        super().__init__(parent=parent)
        self._session = session
        self._theme = theme
        self._installed = installed
        self._servers = servers
        self._text = ""
        self._named = ""
        """The model whose name stands in the text behind other words."""
        self._offered: dict[QAction, InstalledModel] = {}
        self._inner: list[QMenu] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("kind", "choice")
        # A click shows the menu and leaves the focus where somebody writes.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(14, 14))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Model"))
        set_tip(self, with_keys(self.tr("Choose the model that answers"), shortcuts.CHOOSE_MODEL))
        menu = QMenu(self)
        menu.setMinimumWidth(WIDTH_PX)
        menu.aboutToShow.connect(self._fill)
        # Once for all: to connect each of many actions takes longer than to make them.
        menu.triggered.connect(self._on_triggered)
        self.setMenu(menu)
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress.hide()
        session.loading.connect(self._on_loading)
        session.loaded.connect(self._on_loaded)
        session.unloaded.connect(self._on_unloaded)
        session.load_failed.connect(self._on_unloaded)
        session.engine_died.connect(self._on_unloaded)
        session.model_expected.connect(self._on_unloaded)
        session.reservation_changed.connect(self._on_unloaded)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        if session.info is not None:
            self._on_loaded(session.info)
        else:
            self._on_unloaded()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as it may be, whatever the name of the model."""
        return QSize(self._theme.pixels(WIDTH_PX), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrow windows shorten the name."""
        return QSize(self._theme.pixels(SMALLEST_PX), super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the button with its text shortened to what fits."""
        text = fitted_name(self._text, QFontMetrics(self.font()), self.width() - 48, self._named)
        if self.text() != text:
            super().setText(text)
        super().paintEvent(event)

    def open_menu(self) -> None:
        """Show the models below the button, the first one ready to be chosen."""
        menu = self.menu()
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))
        if menu.actions():
            menu.setActiveAction(menu.actions()[0])

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for inner in self._inner:
            inner.deleteLater()
        self._inner = []
        models = self._installed()
        self._offered = {}
        self._add_models(menu, models)
        if models:
            menu.addSeparator()
        self._add_elsewhere(menu)
        if self._session.loading_path:
            menu.addAction(self.tr("Cancel loading"), self._session.cancel_load)
        self._add_unloads(menu)
        menu.addAction(self.tr("Get more models…"), self.more_asked.emit)
        menu.addAction(self.tr("Servers elsewhere…"), self.servers_asked.emit)

    def _add_models(self, menu: QMenu, models: Sequence[InstalledModel]) -> None:
        """Add as many as are made in no time, those in memory among them, and the others in a menu of their
        own, which is filled when it is opened."""
        taken = {info.path: byte_count(taken_bytes(info)) for info in self._session.models}
        info = self._session.info
        here = None if info is None else Path(info.path)
        loaded = [model for model in models[MOST_AT_ONCE:] if str(model.path) in taken]
        for model in (*models[:MOST_AT_ONCE], *loaded):
            # What stands behind a tab is set to the right, as shortcuts are.
            memory = taken.get(str(model.path))
            note = self.tr("loaded · {memory}").format(memory=memory) if memory is not None else ""
            action = QAction(f"{shown(f'{model.name} · {model.type}')}\t{note}", menu)
            action.setCheckable(True)
            action.setChecked(model.path == here)
            self._offered[action] = model
            menu.addAction(action)
        others = [model for model in models[MOST_AT_ONCE:] if model not in loaded]
        if others:
            more = self._add_menu(menu, self.tr("Other models"))
            more.aboutToShow.connect(lambda: self._add_models(more, others) if more.isEmpty() else None)

    def _add_menu(self, menu: QMenu, title: str) -> QMenu:
        """Add a menu in a menu, which goes when that one is filled anew."""
        inner = menu.addMenu(title)
        self._inner.append(inner)
        return inner

    def _on_triggered(self, action: QAction) -> None:
        model = self._offered.get(action)
        if model is not None:
            self.chosen.emit(model)

    def _add_elsewhere(self, menu: QMenu) -> None:
        """The models that are not on this computer, which each of them says."""
        servers = [server for server in self._servers() if server.models]
        for server in servers:
            # A section's own title is not drawn by this style.
            title = menu.addAction(self.tr("Not on this computer: {host}").format(host=server.host))
            as_heading(title)
            for model in server.models[:MOST_ELSEWHERE]:
                action = QAction(self._theme.icon("cloud", "warning"), shown(model.name), menu)
                action.setCheckable(True)
                info = self._session.info
                action.setChecked(info is not None and info.path == server.path_of(model))
                action.triggered.connect(
                    lambda _=False, server=server, model=model: self.elsewhere_chosen.emit(server, model)
                )
                menu.addAction(action)
        if servers:
            menu.addSeparator()

    def _add_unloads(self, menu: QMenu) -> None:
        models = self._session.models
        if len(models) < 2:
            unload = menu.addAction(self.tr("Unload and free its memory"))
            unload.triggered.connect(lambda: self.unload_asked.emit(""))
            allow(unload, "" if models else self.tr("No model is loaded"))
            return
        unloads = self._add_menu(menu, self.tr("Unload and free memory"))
        for info in models:
            action = unloads.addAction(shown(model_name(info)))
            action.triggered.connect(lambda _=False, path=info.path: self.unload_asked.emit(path))
        unloads.addSeparator()
        every = unloads.addAction(self.tr("All models"))
        every.triggered.connect(lambda: self.unload_asked.emit(""))

    def _show(self, text: str, named: str = "") -> None:
        # Names may come from a file or a server.
        self._text = shown(text, MOST_SHOWN)
        self._named = shown(named, MOST_SHOWN)
        self.setAccessibleDescription(self._text)
        self.update()

    def _on_loading(self, path: str, fraction: float) -> None:
        text = self.tr("Loading {model}, {percent}%")
        model = self._session.title(path)
        self._show(text.format(model=model, percent=round(100 * fraction)), model)
        self._progress.setGeometry(9, self.height() - 5, self.width() - 18, 3)
        self._progress.setValue(round(1000 * fraction))
        self._progress.show()

    def _on_loaded(self, info: ModelInfo) -> None:
        self._progress.hide()
        if self._session.answers_elsewhere:
            self._show(self.tr("{model} on {host}").format(model=info.name, host=info.backend))
        else:
            self._show(f"{info.name} · {info.quantisation}")
        self._on_theme_changed()

    def _on_unloaded(self) -> None:
        if self._session.loading_path:
            # The one before has gone, and the next one is on its way.
            self._on_loading(self._session.loading_path, 0.0)
            return
        if self._session.info is not None:
            # The load of another one has failed.
            self._on_loaded(self._session.info)
            return
        self._progress.hide()
        if self._session.reserved_for:
            self._show(self.tr("Measuring…"))
        elif self._session.expects_model:
            self._show(self.tr("Starting…"))
        else:
            self._show(self.tr("Choose a model"))

    def _on_theme_changed(self) -> None:
        self.setMinimumWidth(self._theme.pixels(SMALLEST_PX))
        self.setMaximumWidth(self._theme.pixels(WIDTH_PX))
        self.setIcon(self._theme.icon("cloud", "warning") if self._session.answers_elsewhere else QIcon())
