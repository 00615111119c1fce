import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPainter

from app.ui.base.theme import Theme


def drawn(icon: QIcon, size: int, mode: QIcon.Mode = QIcon.Mode.Normal) -> QImage:
    return icon.pixmap(QSize(size, size), 1.0, mode).toImage()


def test_an_icon_is_drawn_once(theme: Theme) -> None:
    icon = theme.icon("copy")
    first = icon.pixmap(QSize(16, 16), 1.0)
    assert icon.pixmap(QSize(16, 16), 1.0).cacheKey() == first.cacheKey()
    assert theme.icon("copy").pixmap(QSize(16, 16), 1.0).cacheKey() == first.cacheKey()


def test_each_size_and_state_is_its_own(theme: Theme) -> None:
    icon = theme.icon("copy", active="accent")
    assert drawn(icon, 32).size() == QSize(32, 32)
    assert drawn(icon, 16) != drawn(icon, 16, QIcon.Mode.Disabled)
    assert drawn(icon, 16) != drawn(icon, 16, QIcon.Mode.Active)


def test_other_colours_are_another_icon(theme: Theme) -> None:
    theme.choose("light")
    light = drawn(theme.icon("copy"), 16)
    theme.choose("dark")
    assert drawn(theme.icon("copy"), 16) != light
    theme.choose("light")
    assert drawn(theme.icon("copy"), 16) == light


def test_it_can_be_painted_where_there_is_no_pixmap(theme: Theme) -> None:
    image = QImage(20, 20, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    theme.icon("copy").paint(painter, QRect(0, 0, 20, 20))
    painter.end()
    assert any(image.pixelColor(x, y).alpha() for x in range(20) for y in range(20))


def test_a_name_that_the_font_lacks_is_told(theme: Theme) -> None:
    with pytest.raises(KeyError, match="no-such-icon"):
        theme.icon("no-such-icon")
