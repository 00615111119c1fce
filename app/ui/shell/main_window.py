"""The window: tabs and model picker on top, the tabs' pages in the middle, the live panel at the right."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.ui.base import shortcuts
from app.ui.base.add_action import add_action, with_keys
from app.ui.base.plain_text import set_tip
from app.ui.base.slices import Slices, Stepped
from app.ui.base.stray_typing import means_text
from app.ui.base.theme import Theme
from app.ui.live_panel.live_panel import LivePanel
from app.ui.shell.model_picker import ModelPicker
from app.ui.widgets.card import button
from app.ui.widgets.collapsing_buttons import CollapsingButtons
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.dropped import dropped_with_models
from app.ui.widgets.early_keys import EarlyEscape, EarlyInput
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import Notices
from app.ui.widgets.push_buttons import ButtonRow
from app.ui.widgets.scrolled_page import bring_into_sight

ROOM_FOR_PANEL_PX = 960
"""A window that is narrower begins with the live panel folded."""
ICON_PX = 16
MODIFIERS = (
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
)
"""They do nothing by themselves."""


@dataclass(frozen=True, slots=True)
class Page:
    """A tab: its key, its title in the window's language, its icon, and what makes its content, in the widget
    that it is given, when it is first shown."""

    key: str
    title: str
    icon: str
    make: Callable[[QWidget], QWidget]


Part = tuple[QWidget, QWidget | None]
"""A part of the window for F6, and what in it has the keyboard then: its first control where that is None."""


@runtime_checkable
class HasParts(Protocol):
    """A page with several parts."""

    @property
    def parts(self) -> Sequence[Part]:
        """Its parts in their order; one may lie in another one."""


class MainWindow(QMainWindow):
    """Arranges the parts it is given; it owns no engine, no store and no thread."""

    first_painted = Signal()
    """Once, after the window is on the screen: the moment for everything slow."""
    came_to_front = Signal()
    """The user has come to it, maybe from another program."""
    closing = Signal()
    page_shown = Signal(str)
    load_settings_asked = Signal()
    settings_asked = Signal()
    palette_asked = Signal()
    shortcuts_asked = Signal()
    zoom_asked = Signal(int)
    """One step larger (1) or smaller (-1)."""
    models_dropped = Signal(list)
    """GGUF files and folders of models, and what was dropped with them: their paths."""

    def __init__(
        self,
        theme: Theme,
        picker: ModelPicker,
        pages: tuple[Page, ...],
        live_panel: LivePanel,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._painted = False
        self._narrow = False
        self._pages = {page.key: page for page in pages}
        self._contents: dict[str, QWidget] = {}
        self._tabs: dict[str, QPushButton] = {}
        self._tab_actions: list[QAction] = []
        self._showing = Slices(self)
        self._early_input = EarlyInput(self)
        EarlyEscape(self)
        self.picker = picker
        self.live_panel = live_panel
        self.toast: Notices | None = None
        """Tells what has just happened, wherever it stands."""
        self.toast_place = QVBoxLayout()
        """The row below the pages, for what has no row in the page itself."""
        self.setWindowTitle("Stillroom")
        self._stack = QStackedWidget()
        self._group = ButtonRow(self)
        self._group.setExclusive(True)
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        self._top_bar = self._make_top_bar(pages)
        middle.addWidget(self._top_bar)
        self._below_bar_widgets: list[QWidget] = []
        self._below_bar = QVBoxLayout()
        self._below_bar.setContentsMargins(14, 0, 14, 0)
        middle.addLayout(self._below_bar)
        middle.addWidget(self._stack, 1)
        middle.addLayout(self.toast_place)
        centre = QWidget()
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(middle, 1)
        row.addWidget(live_panel)
        self.setCentralWidget(centre)
        DropVeil(centre, self.tr("Add to the models"), dropped_with_models, self.models_dropped.emit, self)
        self._colour_icons()
        theme.changed.connect(self._colour_icons)
        theme.changed.connect(self._measure)

    def show_page(self, key: str) -> QWidget:
        """Bring a tab to the front, making its content the first time, and let the keyboard go on where that
        content wants it; gives the content.
        """
        self.content_of(key)
        self._tabs[key].setChecked(True)
        self._stack.setCurrentWidget(self._contents[key])
        if self._contents[key].focusProxy() is not None:
            self._contents[key].setFocus(Qt.FocusReason.OtherFocusReason)
        self.page_shown.emit(key)
        return self._contents[key]

    def _on_tab_clicked(self, key: str) -> None:
        """Show a page; one that is made for that in later turns, as all together takes too long at once."""
        if key in self._contents and not self._showing.under_way:
            self.show_page(key)
            return
        self._begun(key)
        self._early_input.hold()
        self._showing.begin(self._show_in_steps(key))
        handle = self.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Show the page that was asked for before a key is looked at: it is meant for that one."""
        if not self._showing.under_way:
            watched.removeEventFilter(self)
        elif isinstance(event, QKeyEvent) and self._is_for_page(event):
            self._showing.finish()
        return super().eventFilter(watched, event)

    def _is_for_page(self, event: QKeyEvent) -> bool:
        """Tell whether a key that is pressed does something else than to lead to another page."""
        if event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        keys = QKeySequence(event.keyCombination())
        return event.key() not in MODIFIERS and all(keys != tab.shortcut() for tab in self._tab_actions)

    def _show_in_steps(self, key: str) -> Iterator[None]:
        try:
            for _ in self.making(key):
                yield
            yield
            if self._tabs[key].isChecked():
                self.show_page(key)
        except Exception:
            self._early_input.give()
            raise
        self._early_input.give()

    def delete_pages(self) -> Iterator[None]:
        """Delete what the tabs have shown, in steps, where nothing is done with the window any more."""
        while self._contents:
            _, content = self._contents.popitem()
            content.deleteLater()
            yield

    @property
    def pages(self) -> tuple[str, ...]:
        """The keys of the tabs, in their order."""
        return tuple(self._pages)

    def content_of(self, key: str) -> QWidget:
        """Give a tab's content, made now if it was never shown."""
        for _ in self.making(key):
            pass
        return self._contents[key]

    def making(self, key: str) -> Iterator[None]:
        """Make a tab's content in steps, as far as it is not made yet."""
        is_new = key not in self._contents
        content = self._begun(key)
        if is_new:
            yield
        if isinstance(content, Stepped):
            yield from content.making()

    def _begun(self, key: str) -> QWidget:
        if key not in self._contents:
            # In its place: for each widget that moves, Qt works out the style sheet of all in it anew.
            self._contents[key] = self._pages[key].make(self._stack)
            self._stack.addWidget(self._contents[key])
        return self._contents[key]

    def add_below_bar(self, widget: QWidget) -> None:
        """Put a widget between the tabs and their pages."""
        self._below_bar.addWidget(widget)
        self._below_bar_widgets.append(widget)

    @property
    def current_page(self) -> str:
        """The key of the tab in front."""
        return next(key for key, content in self._contents.items() if content is self._stack.currentWidget())

    @property
    def current_content(self) -> QWidget:
        """The content of the tab in front."""
        return self._contents[self.current_page]

    def title_of(self, key: str) -> str:
        """A tab's title."""
        return self._pages[key].title

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Announce the first painting once the event queue has done it."""
        super().showEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.first_painted.emit)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Notice that the user comes to it."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.came_to_front.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """There may be another amount of room now."""
        super().resizeEvent(event)
        self._measure()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Let the page have its shortcuts, and what is typed where nothing can be written, also where
        something beside it has the keyboard, such as a button of the bar."""
        page, beside = self._stack.currentWidget(), QApplication.focusWidget()
        # From within the page it has come through it, and it was not wanted.
        if page is None or (beside is not None and page.isAncestorOf(beside)):
            super().keyPressEvent(event)
        elif means_text(event):
            page.keyPressEvent(event)
        elif (action := _action_by(page, event)) is not None:
            action.trigger()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Let the Tab key come to each control. Qt would also stop at a page, whose focus is that of one
        control in it, and so pass over all that stand before that one.
        """
        pages: list[tuple[QWidget, QWidget]] = []
        for each in self.findChildren(QWidget):
            chosen = each.focusProxy() if _is_ours(each) else None
            if chosen is not None and each.isVisible() and each.isAncestorOf(chosen):
                pages.append((each, chosen))
        # Qt takes none, of which its types for Python do not know.
        nothing: Any = None
        for page, _ in pages:
            page.setFocusProxy(nothing)
        try:
            went = super().focusNextPrevChild(forward)
            focused = QApplication.focusWidget()
            if went and focused is not None:
                bring_into_sight(focused)
            return went
        finally:
            for page, chosen in pages:
                page.setFocusProxy(chosen)

    def _go_to_part(self, step: int) -> None:
        """Let the keyboard go to the next part, or to the one before with -1; first to what is told anew."""
        parts = [part for part in self._parts() if part[0].isVisible() and _entrance(part) is not None]
        focused = QApplication.focusWidget()
        around = [part for part in parts if focused is not None and _holds(part[0], focused)]
        here = max(around, key=lambda part: _depth(part[0]), default=None)
        told = [place for place, _ in parts if isinstance(place, Notices | InlineNotices) and place.is_news]
        if step > 0 and told:
            told[-1].go_to()
        elif step > 0 and here is not None and isinstance(here[0], Notices):
            # Back to where it was.
            here[0].go_to()
        elif parts:
            at = parts.index(here) + step if here is not None else 0
            place, _ = part = parts[at % len(parts)]
            entrance = _entrance(part)
            if isinstance(place, Notices | InlineNotices):
                place.go_to()
            elif entrance is not None:
                entrance.setFocus(Qt.FocusReason.ShortcutFocusReason)
                bring_into_sight(entrance)

    def _parts(self) -> list[Part]:
        page = self._stack.currentWidget()
        bar = [(place, None) for place in self._below_bar_widgets]
        tab = next((tab for tab in self._tabs.values() if tab.isChecked()), None)
        toast = [] if self.toast is None else [(self.toast, None)]
        of_page = (
            list(page.parts) if isinstance(page, HasParts) else [(page, None)] if page is not None else []
        )
        return [(self._top_bar, tab), *bar, *of_page, *toast, (self.live_panel, None)]

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Ctrl with the wheel changes the size of everything."""
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            self.zoom_asked.emit(1 if event.angleDelta().y() > 0 else -1)
        else:
            super().wheelEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Let the application end what runs."""
        super().closeEvent(event)
        self._showing.stop()
        self.closing.emit()

    def _make_top_bar(self, pages: tuple[Page, ...]) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(4)
        for number, page in enumerate(pages, start=1):
            tab = button(page.title, "tab")
            tab.setCheckable(True)
            keys = shortcuts.TAB.format(number=number)
            set_tip(tab, with_keys(page.title, keys))
            tab.clicked.connect(lambda _=False, key=page.key: self._on_tab_clicked(key))
            self._tab_actions.append(add_action(self, page.title, keys, tab.click))
            # A click leaves the focus where somebody writes.
            tab.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._tabs[page.key] = tab
            self._group.addButton(tab)
            row.addWidget(tab)
        row.addStretch(1)
        row.addWidget(self.picker, 1000)
        self._load_button = button(kind="quiet", name=self.tr("How the model is loaded"))
        self._load_button.clicked.connect(self.load_settings_asked)
        self._settings_button = button(
            kind="quiet", name=self.tr("Settings"), tip=with_keys(self.tr("Settings"), shortcuts.SETTINGS)
        )
        self._settings_button.clicked.connect(self.settings_asked)
        add_action(self, self.tr("Choose the model"), shortcuts.CHOOSE_MODEL, self.picker.open_menu)
        add_action(self, self.tr("Settings"), shortcuts.SETTINGS, self.settings_asked.emit)
        add_action(self, self.tr("How the model is loaded"), "", self.load_settings_asked.emit)
        add_action(self, self.tr("Commands"), shortcuts.PALETTE, self.palette_asked.emit)
        add_action(
            self, self.tr("Next part of the window"), shortcuts.NEXT_PART, partial(self._go_to_part, 1)
        )
        add_action(
            self, self.tr("Part of the window before"), shortcuts.PART_BEFORE, partial(self._go_to_part, -1)
        )
        add_action(self, self.tr("Keyboard shortcuts"), shortcuts.SHORTCUT_SHEET, self.shortcuts_asked.emit)
        add_action(self, self.tr("Quit"), shortcuts.QUIT, self.close)
        row.addWidget(self._load_button)
        row.addWidget(self._settings_button)
        for each in (self._load_button, self._settings_button):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        CollapsingButtons(bar, list(self._tabs.values()))
        return bar

    def _measure(self) -> None:
        narrow = self.width() < self._theme.pixels(ROOM_FOR_PANEL_PX)
        if narrow != self._narrow:
            self._narrow = narrow
            self.live_panel.set_narrow(narrow)

    def _colour_icons(self) -> None:
        for key, tab in self._tabs.items():
            tab.setIconSize(QSize(1, 1) * self._theme.pixels(ICON_PX))
            tab.setIcon(self._theme.icon(self._pages[key].icon, "muted", "accent"))
        self._load_button.setIcon(self._theme.icon("sliders-horizontal"))
        self._settings_button.setIcon(self._theme.icon("gear-six"))


def _action_by(page: QWidget, event: QKeyEvent) -> QAction | None:
    """Find the action of a page that these keys start. Without Control or Alt only the function keys count:
    Delete and Escape mean what has the keyboard."""
    held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    if not held and not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35:
        return None
    pressed = QKeySequence(event.keyCombination())
    actions = (action for action in page.actions() if action.isEnabled())
    return next((action for action in actions if pressed in action.shortcuts()), None)


def _is_ours(widget: QWidget) -> bool:
    """Tell whether a widget is of a class of this program. Only those may be asked for their focus proxy:
    PySide makes what it returns a part of the widget that was asked, and ends it with that one's Python
    object. Of Qt's own widgets that is soon gone, and a table's viewport names the header of the table.
    """
    return type(widget).__module__.startswith("app.")


def _entrance(part: Part) -> QWidget | None:
    """Find what has the keyboard in a part first; None where nothing in it can."""
    place, first = part
    inside = (place, *place.findChildren(QWidget))
    for each in inside if first is None else (first, *inside):
        if each.isVisible() and each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus:
            return each
    return None


def _holds(place: QWidget, widget: QWidget) -> bool:
    return place is widget or place.isAncestorOf(widget)


def _depth(widget: QWidget) -> int:
    """Count what is around a widget."""
    around = widget.parentWidget()
    return 0 if around is None else 1 + _depth(around)
