"""Colours, type and icons of the window, light and dark."""

from dataclasses import dataclass, fields
from importlib.resources import as_file, files
from pathlib import Path
from string import Template
from typing import Literal

import qtawesome
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from app.ui.formulas import Formulas

ThemeChoice = Literal["system", "light", "dark"]
Role = Literal["text", "muted", "faint", "accent", "on_accent", "good", "warning", "danger"]

UI_FAMILIES = ["Inter", "Noto Sans CJK SC", "Microsoft YaHei UI", "sans-serif"]
CODE_FAMILIES = ["JetBrains Mono", "Noto Sans Mono CJK SC", "Consolas", "monospace"]


@dataclass(frozen=True, slots=True)
class Colours:
    """One colour scheme, as `#RRGGBB`.

    `ground` lies behind everything, `surface` is a card, `raised` a code block or a field on a card.
    `text` and `muted` reach a contrast of 4.5 on all three; `faint` is for hints and disabled things only.
    `accent_soft` is the ground of something selected.
    """

    dark: bool
    ground: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    good: str
    good_soft: str
    warning: str
    danger: str
    selection: str
    code_keyword: str
    code_name: str
    code_string: str
    code_number: str
    code_comment: str


LIGHT = Colours(
    dark=False,
    ground="#F7F5F2",
    surface="#FFFFFF",
    raised="#F4F0EA",
    line="#E6E0D8",
    text="#221E1B",
    muted="#6B625A",
    faint="#A79E95",
    accent="#AD5325",
    accent_hover="#9C4A20",
    accent_soft="#F6E7DD",
    on_accent="#FFFFFF",
    good="#2B7748",
    good_soft="#DFF0E5",
    warning="#8A5A10",
    danger="#B3372F",
    selection="#EBD3C4",
    code_keyword="#A8481B",
    code_name="#2C6E8F",
    code_string="#2B7748",
    code_number="#8A5A10",
    code_comment="#6F665D",
)

DARK = Colours(
    dark=True,
    ground="#161412",
    surface="#1C1A18",
    raised="#24211E",
    line="#332E2A",
    text="#EDE7E1",
    muted="#A0968D",
    faint="#6E665F",
    accent="#E0894F",
    accent_hover="#EC9C66",
    accent_soft="#3A271C",
    on_accent="#1C1009",
    good="#6CBF8B",
    good_soft="#1F3327",
    warning="#E0B050",
    danger="#E5746B",
    selection="#5A3A26",
    code_keyword="#E89A66",
    code_name="#7FB8D6",
    code_string="#8CC99F",
    code_number="#E0B050",
    code_comment="#978E85",
)


class Theme(QObject):
    """The scheme in force: widgets take their colours from `colours` and follow `changed`. GUI thread."""

    changed = Signal()

    def __init__(self, application: QApplication, choice: ThemeChoice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._choice: ThemeChoice = choice
        self.formulas = Formulas(self)
        """Formulas in the colours that are asked for."""
        self._load_fonts()
        application.setStyle("Fusion")
        self.colours = self._pick()
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    @property
    def choice(self) -> ThemeChoice:
        """What the user chose; "system" follows the desktop."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Change the scheme of the whole window at once."""
        self._choice = choice
        colours = self._pick()
        if colours is not self.colours:
            self.colours = colours
            self._apply()
            self.changed.emit()

    def colour(self, name: str) -> QColor:
        """The colour of a field of `Colours`."""
        return QColor(getattr(self.colours, name))

    def icon(self, name: str, role: Role = "muted", active: Role | None = None) -> QIcon:
        """A Phosphor icon by name, such as "chat-text"; `active` colours its checked and hovered state.

        An icon keeps the colours it was made with: make it again on `changed`.
        """
        options = {"color": getattr(self.colours, role), "color_disabled": self.colours.faint}
        if active is not None:
            options |= {
                "color_on": getattr(self.colours, active),
                "color_active": getattr(self.colours, active),
            }
        icon = qtawesome.icon(f"ph.{name}", **options)
        assert isinstance(icon, QIcon)
        return icon

    @staticmethod
    def code_font(pixel_size: float = 12.5) -> QFont:
        """The monospaced font; `pixel_size` may be a fraction."""
        font = QFont()
        font.setFamilies(CODE_FAMILIES)
        font.setStyleHint(QFont.StyleHint.Monospace)
        # Qt keeps pixel sizes as whole numbers, so a half pixel is asked for in points.
        font.setPointSizeF(pixel_size * 72 / QGuiApplication.primaryScreen().logicalDotsPerInchY())
        return font

    def _pick(self) -> Colours:
        if self._choice == "system":
            dark = self._application.styleHints().colorScheme() == Qt.ColorScheme.Dark
        else:
            dark = self._choice == "dark"
        return DARK if dark else LIGHT

    def _apply(self) -> None:
        values = {field.name: getattr(self.colours, field.name) for field in fields(Colours)}
        values["check_icon"] = _icon_path("check-dark.svg" if self.colours.dark else "check-light.svg")
        self._application.setPalette(_palette(self.colours))
        sheet = files("resources").joinpath("themes", "window.qss").read_text(encoding="utf-8")
        self._application.setStyleSheet(Template(sheet).substitute(values))

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self.choose("system")

    def _load_fonts(self) -> None:
        for entry in files("resources").joinpath("fonts").iterdir():
            if entry.name.endswith((".otf", ".ttf")):
                with as_file(entry) as path:
                    QFontDatabase.addApplicationFont(str(path))
        font = QFont()
        font.setFamilies(UI_FAMILIES)
        font.setPixelSize(13)
        self._application.setFont(font)


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
