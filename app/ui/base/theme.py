"""Colours, type and icons of the window, in the scheme and the size that the user chose."""

import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from importlib.resources import as_file, files
from pathlib import Path
from string import Template
from typing import Literal

import shiboken6
from PySide6.QtCore import SIGNAL, QCoreApplication, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from app.settings import Theme as ThemeChoice
from app.ui.base.colours import DARK, DARK_CONTRAST, LIGHT, LIGHT_CONTRAST, Colours
from app.ui.base.font_icon import FontIcon, IconColours
from app.ui.base.formulas import Formulas
from app.ui.base.letters import Letters
from app.ui.base.slices import Slices

Role = Literal["text", "muted", "faint", "accent", "on_accent", "good", "warning", "danger"]

ZOOM_STEPS_PERCENT = (50, 60, 70, 80, 90, 100, 110, 125, 150, 175, 200, 250)
UI_FAMILIES = ["Inter", "Noto Sans CJK SC", "Microsoft YaHei UI", "sans-serif"]
CODE_FAMILIES = ["JetBrains Mono", "Noto Sans Mono CJK SC", "Consolas", "monospace"]
TEXT_PX = 13
CODE_PX = 12.5
ICON_PX = 16

SCHEMES = {
    "light": LIGHT,
    "dark": DARK,
    "light-contrast": LIGHT_CONTRAST,
    "dark-contrast": DARK_CONTRAST,
}
# A hair line stays one.
LENGTH = re.compile(r"\b((?!1px)\d+(?:\.\d+)?)px")


class Theme(QObject):
    """The scheme and the size in force: widgets take their colours from `colours`, their lengths from
    `pixels`, and follow `changed`. GUI thread.
    """

    def __init__(self, application: QApplication, choice: ThemeChoice, zoom_percent: int = 100) -> None:
        super().__init__(application)
        self.changed = ThemeChange(self)
        self._application = application
        self._choice: ThemeChoice = choice
        self._zoom_percent = zoom_percent
        self._icons: dict[tuple[str, IconColours, float], QIcon] = {}
        self.formulas = Formulas(self)
        """Formulas in the colours that are asked for."""
        self.letters = Letters()
        """Those that were laid out in the fonts of the window."""
        self._restyling = Slices(self)
        self._covered: list[QWidget] = []
        """The windows that are not painted while their widgets are restyled."""
        self._load_fonts()
        application.setStyle("Fusion")
        self.colours = self._pick()
        self._apply()
        for _ in self._restyle():
            pass
        hints = application.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed)
        if hasattr(hints, "accessibility"):  # Qt 6.10
            hints.accessibility().contrastPreferenceChanged.connect(self._on_system_changed)

    @property
    def choice(self) -> ThemeChoice:
        """The user's choice; "system" follows the desktop."""
        return self._choice

    @property
    def zoom_percent(self) -> int:
        """The size of everything, 100 as designed."""
        return self._zoom_percent

    def choose(self, choice: ThemeChoice, zoom_percent: int = 100, *, in_steps: bool = False) -> None:
        """Change the scheme and the size of all windows: now, or `in_steps` in the next turns, as all at once
        takes too long. What is seen changes when the last step is done."""
        before = (self.colours, self._zoom_percent)
        is_resized = zoom_percent != self._zoom_percent
        letters = [self.letters.known_in(font) for font in self._text_fonts] if is_resized else []
        self._choice = choice
        self._zoom_percent = zoom_percent
        self.colours = self._pick()
        if before == (self.colours, zoom_percent):
            return
        self._cover()
        self._apply()
        self._restyling.begin(self._change_steps(letters))
        if not in_steps:
            self._restyling.finish()

    def pixels(self, designed_px: float) -> int:
        """A length of the design in the size that the user chose."""
        return round(designed_px * self._zoom_percent / 100)

    def colour(self, name: str) -> QColor:
        """The colour of a field of `Colours`."""
        return QColor(getattr(self.colours, name))

    def icon(
        self, name: str, role: Role = "muted", active: Role | None = None, *, bearing_px: float = 0
    ) -> QIcon:
        """A Phosphor icon by name, such as "chat-text"; `active` colours its checked and hovered state.

        `bearing_px` is what its drawing leaves free at the left of 16 pixels, and is taken away.

        An icon keeps the colours it was made with: make it again on `changed`.
        """
        usual = getattr(self.colours, role)
        colours = IconColours(usual, getattr(self.colours, active or role), self.colours.faint)
        key = (name, colours, bearing_px)
        if key not in self._icons:
            self._icons[key] = QIcon(FontIcon(name, colours, bearing_px / ICON_PX))
        return self._icons[key]

    def code_font(self, designed_px: float = CODE_PX) -> QFont:
        """The monospaced font, in the size that the user chose; `designed_px` may be a fraction."""
        font = QFont()
        font.setFamilies(CODE_FAMILIES)
        font.setStyleHint(QFont.StyleHint.Monospace)
        # Qt keeps pixel sizes as whole numbers, so a half pixel is asked for in points.
        pixel_size = designed_px * self._zoom_percent / 100
        font.setPointSizeF(pixel_size * 72 / QGuiApplication.primaryScreen().logicalDotsPerInchY())
        return font

    def set_code_font(self, field: QPlainTextEdit, designed_px: float = CODE_PX) -> None:
        """Give a text widget the code font; to call again when the theme changes."""
        font = self.code_font(designed_px)
        # The window's sheet sets every widget's font size; only a sheet of its own overrides it.
        field.setStyleSheet(f"QPlainTextEdit {{ font-size: {font.pointSizeF():.3f}pt; }}")
        field.setFont(font)

    def _pick(self) -> Colours:
        if self._choice != "system":
            return SCHEMES[self._choice]
        hints = self._application.styleHints()
        dark = hints.colorScheme() == Qt.ColorScheme.Dark
        if hasattr(hints, "accessibility"):
            wished = hints.accessibility().contrastPreference()
            if wished == Qt.ContrastPreference.HighContrast:
                return DARK_CONTRAST if dark else LIGHT_CONTRAST
        return DARK if dark else LIGHT

    def _apply(self) -> None:
        values = {field.name: getattr(self.colours, field.name) for field in fields(Colours)}
        scheme = next(name for name, colours in SCHEMES.items() if colours == self.colours)
        values["icons"] = _icon_path("")
        values["check_icon"] = _icon_path("check-dark.svg" if self.colours.dark else "check-light.svg")
        values["down_icon"] = _icon_path(f"down-{scheme}.svg")
        values["down_disabled_icon"] = _icon_path(f"down-{scheme}-disabled.svg")
        self._application.setPalette(_palette(self.colours))
        sheets = ["window.qss", *(["contrast.qss"] if scheme.endswith("contrast") else [])]
        themes = files("resources").joinpath("themes")
        sheet = "\n".join(themes.joinpath(name).read_text(encoding="utf-8") for name in sheets)
        sheet = LENGTH.sub(lambda found: f"{self.pixels(float(found[1]))}px", sheet)
        font = self._application.font()
        font.setPixelSize(self.pixels(TEXT_PX))
        self._application.setFont(font)
        # Qt would work out the look of each widget now, and again for each one that is around it. It does so
        # for those whose rules it knows.
        self._application.style().unpolish(self._application)
        self._application.setStyleSheet(Template(sheet).substitute(values))

    @property
    def _text_fonts(self) -> tuple[QFont, ...]:
        """The fonts of most text."""
        return self._application.font(), self.code_font()

    def _change_steps(self, letters: Sequence[str]) -> Iterator[object]:
        """Follow a change; `letters` were known in each of the fonts of most text before another size."""
        try:
            for known, font in zip(letters, self._text_fonts, strict=False):
                yield from self.letters.steps(known, font)
            seen = self._seen_dialog()
            if seen is not None:
                # The user looks at it, and what it lies over takes much longer.
                yield from self._restyle_within(seen)
                yield from self.changed.telling(seen)
                self._uncover([seen])
            yield from self._restyle(seen)
            yield from self.changed.telling(but=seen)
        except Exception:
            self._uncover()
            raise
        self._uncover()

    def _seen_dialog(self) -> QWidget | None:
        """Give the dialog that the user looks at: the one that has the keyboard, or keeps others from it."""
        seen = self._application.activeModalWidget() or self._application.activeWindow()
        return seen if seen in self._covered and seen.parentWidget() is not None else None

    def _restyle(self, done: QWidget | None = None) -> Iterator[None]:
        """Let each widget follow the style sheet, but for those in the dialog that is `done`."""
        for window in self._application.topLevelWidgets():
            # Gone since then, or in the window that it is a dialog of.
            if shiboken6.isValid(window) and window.parentWidget() is None:
                yield from self._restyle_within(window, done)

    def _restyle_within(self, window: QWidget, done: QWidget | None = None) -> Iterator[None]:
        """Let those in a window follow the style sheet, those inside before what is around them: what is
        around would else hand its font to all that is in it.

        Between two steps only widgets of our own are held: what Qt made may go without being noticed, and is
        done along with what it lies in.
        """
        if not shiboken6.createdByPython(window):
            self._restyle_one(window)
            return
        within = [each for each in window.findChildren(QWidget) if shiboken6.createdByPython(each)]
        for widget in reversed([window, *within]):
            if shiboken6.isValid(widget) and (done is None or widget.window() is not done):
                self._restyle_one(widget)
                yield

    def _restyle_one(self, widget: QWidget) -> None:
        """Let a widget follow the style sheet, and before it what Qt made in it."""
        for child in widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if not shiboken6.createdByPython(child):
                self._restyle_one(child)
        if widget.testAttribute(Qt.WidgetAttribute.WA_StyleSheet):
            self._application.style().polish(widget)
            QCoreApplication.sendEvent(widget, QEvent(QEvent.Type.StyleChange))

    def _cover(self) -> None:
        """Let what is seen stay, as one half of it would be in other colours for a while."""
        for window in self._application.topLevelWidgets():
            if shiboken6.createdByPython(window) and window.isVisible() and window.updatesEnabled():
                window.setUpdatesEnabled(False)
                self._covered.append(window)

    def _uncover(self, windows: Sequence[QWidget] | None = None) -> None:
        """Let these be painted again, or all."""
        for window in tuple(self._covered) if windows is None else windows:
            self._covered.remove(window)
            if shiboken6.isValid(window):
                window.setUpdatesEnabled(True)
                # Where it was to be painted when it was covered, Qt has dropped that and takes it for asked
                # for still: it would ask for nothing more.
                QCoreApplication.postEvent(window, QEvent(QEvent.Type.UpdateRequest))

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self.choose("system", self._zoom_percent, in_steps=True)

    def _load_fonts(self) -> None:
        for entry in files("resources").joinpath("fonts").iterdir():
            if entry.name.endswith((".otf", ".ttf")):
                with as_file(entry) as path:
                    QFontDatabase.addApplicationFont(str(path))
        font = QFont()
        font.setFamilies(UI_FAMILIES)
        self._application.setFont(font)


class ThemeChange:
    """Tells who follows the theme that it is another one, as a signal does, but one after the other in steps.
    GUI thread.
    """

    def __init__(self, owner: QObject) -> None:
        self._owner = owner
        self._followers: list[_Follower] = []
        self._most = 64
        """So many are there before those are looked for that are gone."""

    def connect(
        self, slot: Callable[[], object], kind: Qt.ConnectionType = Qt.ConnectionType.AutoConnection
    ) -> None:
        """Call this at each change, as long as the object is there whose method it is."""
        if len(self._followers) > self._most:
            self._forget_gone()
            self._most = max(self._most, 2 * len(self._followers))
        follower = _Follower(self._owner, slot)
        follower.told.connect(slot, kind)
        self._followers.append(follower)

    def telling(self, window: QWidget | None = None, but: QWidget | None = None) -> Iterator[None]:
        """Tell all of them, or those in a `window`, or not those; the newest first: what is in a widget was
        made after it, which may measure it."""
        self._forget_gone()
        for follower in self._followers[::-1]:
            if not shiboken6.isValid(follower):
                continue
            place = follower.window() if window is not None or but is not None else None
            if (window is None or place is window) and (but is None or place is not but):
                follower.told.emit()
                yield

    def _forget_gone(self) -> None:
        here = [each for each in self._followers if each.receivers(SIGNAL("told()"))]
        for gone in set(self._followers) - set(here):
            gone.deleteLater()
        self._followers = here


class _Follower(QObject):
    """Tells one."""

    told = Signal()

    def __init__(self, owner: QObject, slot: Callable[[], object]) -> None:
        super().__init__(owner)
        whose = getattr(slot, "__self__", None)
        self._whose = weakref.ref(whose) if isinstance(whose, QWidget) else None

    def window(self) -> QWidget | None:
        """The window in which the widget is that is told; None where it is not a widget's own method."""
        widget = self._whose() if self._whose is not None else None
        return widget.window() if widget is not None and shiboken6.isValid(widget) else None


def _icon_path(name: str) -> str:
    return Path(str(files("resources").joinpath("icons", name))).as_posix()


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.ground,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.Button: colours.surface,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Highlight: colours.selection,
        QPalette.ColorRole.HighlightedText: colours.text,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.LinkVisited: colours.accent,
        QPalette.ColorRole.Mid: colours.line,
        QPalette.ColorRole.Accent: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.faint))
    return palette
