"""Colours that must be read can be read."""

from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QFrame,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QSpinBox,
    QTabBar,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.settings import Theme as ThemeChoice
from app.ui.base.colours import DARK, DARK_CONTRAST, LIGHT, LIGHT_CONTRAST, Colours
from app.ui.base.theme import SCHEMES, Theme
from app.ui.widgets.card import button
from tests.support.widgets import shown_together


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


@pytest.mark.parametrize("colours", [LIGHT_CONTRAST, DARK_CONTRAST], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name",
    ["text", "muted", "accent", "good", "warning", "danger", "code_comment", "code_string", "code_number"],
)
@pytest.mark.parametrize("ground", ["ground", "surface", "raised", "accent_soft"])
def test_high_contrast_is_one_of_seven(colours: Colours, name: str, ground: str) -> None:
    assert contrast(getattr(colours, name), getattr(colours, ground)) >= 7


@pytest.mark.parametrize("colours", [LIGHT_CONTRAST, DARK_CONTRAST], ids=["light", "dark"])
def test_high_contrast_shows_edges_and_disabled_things(colours: Colours) -> None:
    assert contrast(colours.line, colours.surface) >= 4.5
    assert contrast(colours.faint, colours.raised) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT_CONTRAST, DARK_CONTRAST], ids=["light", "dark"])
def test_high_contrast_shows_how_full_a_bar_is(colours: Colours) -> None:
    # What is empty looks like the ground, within an edge.
    assert contrast(colours.track, colours.ground) < 1.1
    assert contrast(colours.track_edge, colours.track) >= 3
    assert contrast(colours.accent, colours.track) >= 7


@pytest.mark.parametrize(
    "colours", [LIGHT, DARK, LIGHT_CONTRAST, DARK_CONTRAST], ids=lambda colours: colours.ground
)
def test_a_primary_button_can_be_read(colours: Colours) -> None:
    assert contrast(colours.on_accent, colours.accent) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("zoom_percent", [100, 150])
def test_a_combo_box_has_an_arrow_in_the_colours_of_its_words(
    qapp: QApplication, qtbot: QtBot, scheme: ThemeChoice, zoom_percent: int
) -> None:
    theme = Theme(qapp, "light")
    theme.choose(scheme, zoom_percent)
    box = QComboBox()
    qtbot.addWidget(box)
    box.resize(theme.pixels(200), box.sizeHint().height())
    for enabled, role in ((True, "muted"), (False, "faint")):
        box.setEnabled(enabled)
        image = box.grab().toImage()
        edge = theme.pixels(30)
        middle = image.copy(image.width() - edge, 4, edge - 6, image.height() - 8)
        drawn = {
            middle.pixelColor(x, y).name().upper()
            for x in range(middle.width())
            for y in range(middle.height())
        }
        assert getattr(theme.colours, role).upper() in drawn
    theme.deleteLater()


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


def test_another_size_reaches_every_length_but_hair_lines(qapp: QApplication) -> None:
    theme = Theme(qapp, "light")
    changes: list[int] = []
    theme.changed.connect(lambda: changes.append(theme.zoom_percent))
    assert "font-size: 13px" in qapp.styleSheet()
    theme.choose("light", 200)
    assert changes == [200]
    assert theme.pixels(13) == qapp.font().pixelSize() == 26
    assert "font-size: 26px" in qapp.styleSheet()
    assert "1px solid" in qapp.styleSheet()
    assert "2px solid" not in qapp.styleSheet()
    theme.choose("light")
    assert "font-size: 13px" in qapp.styleSheet()


KEYBOARD_PLACES: dict[str, Callable[[], QWidget]] = {
    "plain": lambda: button("Words"),
    "primary": lambda: button("Words", "primary"),
    "quiet": lambda: button("Words", "quiet"),
    "tab": lambda: button("Words", "tab"),
    "choice": lambda: button("Words", "choice"),
    "field": lambda: QLineEdit("Words"),
    "list": QComboBox,
    "box": QCheckBox,
}


def test_icons_of_buttons_grow_with_their_words(qtbot: QtBot, theme: Theme) -> None:
    made = button("Copy", icon=theme.icon("copy"))
    qtbot.addWidget(made)
    made.show()
    sizes = []
    for zoom_percent in (100, 150):
        theme.choose("light", zoom_percent)
        sizes.append(made.iconSize())
    assert sizes == [QSize(16, 16), QSize(24, 24)]


@pytest.mark.parametrize("scheme", ["light-contrast", "dark-contrast"])
@pytest.mark.parametrize("place", KEYBOARD_PLACES)
def test_high_contrast_shows_where_the_keyboard_is(
    qtbot: QtBot, qapp: QApplication, place: str, scheme: ThemeChoice
) -> None:
    """A ring of pixels changes between light and dark, as WCAG 2.2 (2.4.13) wants it."""
    theme = Theme(qapp, scheme)
    other, made = button("Other"), KEYBOARD_PLACES[place]()
    page = shown_together(qtbot, other, made)
    other.setFocus()
    before, size = page.grab(made.geometry()).toImage(), made.sizeHint()
    made.setFocus()
    after = page.grab(made.geometry()).toImage()
    changed = sum(
        contrast(before.pixelColor(x, y).name(), after.pixelColor(x, y).name()) >= 3
        for x in range(before.width())
        for y in range(before.height())
    )
    ring = 4 * 12 if place == "box" else 2 * (size.width() + size.height())
    assert changed >= 0.8 * ring
    assert made.sizeHint() == size
    theme.deleteLater()


@pytest.mark.parametrize("scheme", ["light", "dark-contrast"])
@pytest.mark.parametrize(
    "place",
    ["plain", "primary", "quiet", "tab", "inline", "choice", "box", "checked box", "checked choice", "files"],
)
def test_the_tab_key_draws_a_ring_and_no_frame_of_qt_inside_it(
    qtbot: QtBot, qapp: QApplication, place: str, scheme: ThemeChoice
) -> None:
    theme = Theme(qapp, scheme)
    other = button("Other")
    more = {
        "inline": lambda: button("Words", "inline"),
        "checked box": lambda: _checked(QCheckBox("Words")),
        "checked choice": lambda: _checked(QRadioButton("Words")),
        "files": _files,
    }
    made = {**KEYBOARD_PLACES, **more}[place]()
    page = shown_together(qtbot, other, made)
    other.setFocus()
    before = page.grab(made.geometry()).toImage()
    qtbot.keyClick(other, Qt.Key.Key_Tab)
    assert made.hasFocus()
    after = page.grab(made.geometry()).toImage()
    ringed = made.tabRect(0) if isinstance(made, QTabBar) else after.rect()
    # The corners of a ring are round.
    inside = ringed.adjusted(20 if isinstance(made, QCheckBox | QRadioButton) else 8, 4, -8, -4)
    assert after != before
    assert after.copy(inside) == before.copy(inside)
    theme.deleteLater()


def _checked(made: QAbstractButton) -> QAbstractButton:
    made.setChecked(True)
    return made


def _files() -> QTabBar:
    bar = QTabBar()
    bar.setProperty("kind", "files")
    bar.setExpanding(False)
    for name in ("The first file", "Another one"):
        bar.addTab(name)
    return bar


@pytest.mark.parametrize("colours", [LIGHT_CONTRAST, DARK_CONTRAST])
def test_high_contrast_tells_a_proposed_text_from_a_written_one(colours: Colours) -> None:
    assert contrast(colours.faint, colours.surface) >= 7
    assert contrast(colours.faint, colours.text) >= 2


class Counted(QWidget):
    """Counts how often its look was worked out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.looks = 0

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        self.looks += event.type() == QEvent.Type.StyleChange


def nested(qtbot: QtBot, depth: int) -> list[Counted]:
    """Show a window with widgets in one another, and give all of them."""
    made = [Counted()]
    qtbot.addWidget(made[0])
    for _ in range(depth):
        inside = Counted(made[-1])
        QVBoxLayout(made[-1]).addWidget(inside)
        made.append(inside)
    QVBoxLayout(made[-1]).addWidget(QLabel("Words"))
    with qtbot.waitExposed(made[0]):
        made[0].show()
    for each in made:
        each.looks = 0
    return made


@pytest.fixture
def one_step_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.ui.base.slices.SLICE_S", 0.0)


def test_another_theme_works_out_each_look_once(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    theme.choose("dark", 150)
    assert [each.looks for each in made] == [1] * len(made)


@pytest.mark.usefixtures("one_step_a_turn")
def test_another_theme_comes_in_several_turns(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    window, told = made[0], []
    theme.changed.connect(lambda: told.append(sum(each.looks for each in made)))
    theme.choose("dark", 150, in_steps=True)
    assert sum(each.looks for each in made) == 0
    turns = []
    while not window.updatesEnabled():
        before = sum(each.looks for each in made)
        QCoreApplication.processEvents()
        turns.append(sum(each.looks for each in made) - before)
    assert max(turns) == 1
    assert told == [len(made)], "who follows the theme finds all in its look"
    label = window.findChild(QLabel)
    assert label is not None
    assert label.font().pixelSize() == theme.pixels(13)
    assert label.palette().windowText().color() == QColor(DARK.text)


@pytest.mark.usefixtures("one_step_a_turn")
def test_the_dialog_that_is_looked_at_has_another_theme_first(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    window, notes = made[0], list[str]()
    kept = [Follower(theme, notes, "page"), Follower(theme, notes, "dialog")]
    dialog = QDialog(window)
    for place, follower in zip((made[1], dialog), kept, strict=True):
        follower.setParent(place)
    inside = Counted(dialog)
    dialog.open()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    inside.looks = 0
    theme.choose("dark", 150, in_steps=True)
    assert not dialog.updatesEnabled()
    while not dialog.updatesEnabled():
        QCoreApplication.processEvents()
    assert not window.updatesEnabled()
    assert (inside.looks, sum(each.looks for each in made)) == (1, 0)
    assert notes == ["dialog"]
    qtbot.waitUntil(window.updatesEnabled)
    assert [inside.looks, *(each.looks for each in made)] == [1] * (1 + len(made))
    assert notes == ["dialog", "page"]


class Painted(QLabel):
    """Counts how often it was painted."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Words", parent)
        self.paintings = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        super().paintEvent(event)
        self.paintings += 1


def test_a_window_that_was_to_be_painted_as_the_theme_changed_is_painted(qtbot: QtBot, theme: Theme) -> None:
    """Such as one in which a key has just moved the keyboard on."""
    window = nested(qtbot, 6)[0]
    label = Painted(window)
    label.show()
    qtbot.waitUntil(lambda: label.paintings > 0)
    label.paintings = 0
    window.update()
    theme.choose("dark", in_steps=True)
    qtbot.waitUntil(window.updatesEnabled)
    qtbot.waitUntil(lambda: label.paintings > 0)


class Follower(QWidget):
    """Notes in a list that it was told, and how many turns of the event loop there had been."""

    def __init__(self, theme: Theme, notes: list[str], name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._notes = notes
        theme.changed.connect(self.take)

    def take(self) -> None:
        self._notes.append(self.objectName())


@pytest.mark.usefixtures("one_step_a_turn")
def test_who_follows_the_theme_is_told_in_a_turn_of_his_own(qtbot: QtBot, theme: Theme) -> None:
    notes: list[str] = []
    made = [Follower(theme, notes, name) for name in ("page", "card", "gone")]
    for each in made:
        qtbot.addWidget(each)
    made[0].show()
    shiboken6.delete(made.pop())
    theme.choose("dark", in_steps=True)
    most = 0
    while not made[0].updatesEnabled():
        before = len(notes)
        QCoreApplication.processEvents()
        most = max(most, len(notes) - before)
    assert most == 1
    assert notes == ["card", "page"], "what was made later, as it is in what was made before"
    theme.choose("light")
    assert notes == 2 * ["card", "page"]


def test_who_is_gone_is_followed_no_more(qapp: QApplication, theme: Theme) -> None:
    notes: list[str] = []
    kept = Follower(theme, notes, "kept")
    before = len(theme.children())
    for _ in range(1000):
        shiboken6.delete(Follower(theme, notes, "gone"))
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert len(theme.children()) < before + 200
    theme.choose("dark")
    assert notes == ["kept"]
    kept.deleteLater()


@pytest.mark.usefixtures("one_step_a_turn")
def test_what_is_made_while_the_theme_changes_has_it(qtbot: QtBot, theme: Theme) -> None:
    window = nested(qtbot, 6)[0]
    theme.choose("dark", in_steps=True)
    QCoreApplication.processEvents()
    menu = QMenu()
    qtbot.addWidget(menu)
    menu.addAction("Words")
    menu.ensurePolished()
    assert menu.palette().text().color() == QColor(DARK.text)
    qtbot.waitUntil(window.updatesEnabled)
    assert menu.grab().toImage().pixelColor(menu.rect().center().x(), 3) == QColor(DARK.surface)


@pytest.mark.usefixtures("one_step_a_turn")
def test_the_theme_that_was_chosen_last_is_there_at_the_end(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    told = []
    theme.changed.connect(lambda: told.append(theme.zoom_percent))
    for zoom_percent in (110, 125, 150):
        theme.choose("dark", zoom_percent, in_steps=True)
        QCoreApplication.processEvents()
    qtbot.waitUntil(made[0].updatesEnabled)
    assert told == [150]
    label = made[0].findChild(QLabel)
    assert label is not None
    assert label.font().pixelSize() == theme.pixels(13) == 20


@pytest.mark.usefixtures("one_step_a_turn")
def test_widgets_may_go_while_the_theme_changes(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    other = QLabel("Words")
    other.show()
    theme.choose("dark", in_steps=True)
    QCoreApplication.processEvents()
    made[4].deleteLater()
    other.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qtbot.waitUntil(made[0].updatesEnabled)
    assert made[3].looks == 1


@pytest.mark.usefixtures("one_step_a_turn")
def test_what_qt_made_may_go_while_the_theme_changes(qtbot: QtBot, theme: Theme) -> None:
    made = nested(qtbot, 6)
    areas = [QScrollArea(made[-1]) for _ in range(8)]
    for area in areas:
        area.show()
    theme.choose("dark", in_steps=True)
    QCoreApplication.processEvents()
    for area in areas:
        # The bar that Qt made is deleted at once.
        area.setVerticalScrollBar(QScrollBar())
    qtbot.waitUntil(made[0].updatesEnabled)
    assert [each.looks for each in made] == [1] * len(made)


def _page() -> QWidget:
    """A page with most of what the style sheet is about."""
    page = QWidget()
    column = QVBoxLayout(page)
    card = QFrame()
    card.setProperty("look", "card")
    column.addWidget(card)
    inside = QVBoxLayout(card)
    for look in ("body", "title", "figure", "caption", "muted", "danger"):
        words = QLabel(look)
        words.setProperty("look", look)
        inside.addWidget(words)
    off = button("Off")
    off.setEnabled(False)
    ticked = QCheckBox("Ticked")
    ticked.setChecked(True)
    number = QSpinBox()
    field = QPlainTextEdit("Words")
    field.setProperty("look", "field")
    table = QTableWidget(2, 2)
    toast = QFrame()
    toast.setProperty("look", "toast")
    QVBoxLayout(toast).addWidget(QPushButton("Undo"))
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(QLabel("Much\n" * 40))
    for widget in (off, button("Go", "primary"), ticked, QComboBox(), number, field, table, toast, area):
        column.addWidget(widget)
    page.resize(500, 900)
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("zoom_percent", [100, 150])
def test_what_was_there_before_looks_like_what_is_made_then(
    qapp: QApplication, qtbot: QtBot, scheme: ThemeChoice, zoom_percent: int
) -> None:
    first: ThemeChoice = "dark" if scheme == "light" else "light"
    theme = Theme(qapp, first, 125)
    old = _page()
    qtbot.addWidget(old)
    with qtbot.waitExposed(old):
        old.show()
    theme.choose(scheme, zoom_percent)
    new = _page()
    qtbot.addWidget(new)
    with qtbot.waitExposed(new):
        new.show()
    for page in (old, new):
        page.resize(500, 900)
        page.setFocus()
        QCoreApplication.processEvents()
    assert old.grab().toImage() == new.grab().toImage()
    theme.deleteLater()
