"""Colours that must be read can be read."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.ui.theme import DARK, LIGHT, Colours, Theme


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    made = QColor(colour)
    return 0.2126 * linear(made.redF()) + 0.7152 * linear(made.greenF()) + 0.0722 * linear(made.blueF())


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name",
    ["text", "muted", "accent", "good", "warning", "danger", "code_comment", "code_string", "code_number"],
)
@pytest.mark.parametrize("ground", ["ground", "surface", "raised"])
def test_text_colours_reach_a_contrast_of_four_and_a_half(colours: Colours, name: str, ground: str) -> None:
    assert contrast(getattr(colours, name), getattr(colours, ground)) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_a_primary_button_can_be_read(colours: Colours) -> None:
    assert contrast(colours.on_accent, colours.accent) >= 4.5


def test_choosing_a_theme_recolours_the_application(qapp: QApplication) -> None:
    theme = Theme(qapp, "light")
    changes: list[bool] = []
    theme.changed.connect(lambda: changes.append(theme.colours.dark))
    theme.choose("dark")
    assert changes == [True]
    assert qapp.palette().window().color() == QColor(DARK.ground)
    theme.choose("dark")
    assert changes == [True]
    theme.choose("light")
    assert qapp.palette().window().color() == QColor(LIGHT.ground)
