"""The label that shortens its text."""

from pytestqt.qtbot import QtBot

from app.ui.widgets.elided_label import ElidedLabel


def test_text_stays_inside_the_margins_where_qt_draws_anew(qtbot: QtBot) -> None:
    # A text that is set draws only what lies inside the margins again: outside it would be cut.
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setContentsMargins(8, 0, 8, 0)
    label.resize(120, 20)
    label.setText("✓ valid Python 3.11, and a text that is too long")
    drawn = label.grab().toImage()
    ground = drawn.pixelColor(0, 0)
    edges = [*range(8), *range(112, 120)]
    assert all(drawn.pixelColor(x, y) == ground for x in edges for y in range(20))
    assert any(drawn.pixelColor(x, y) != ground for x in range(8, 112) for y in range(20))
    assert label.toolTip() == label.text()
