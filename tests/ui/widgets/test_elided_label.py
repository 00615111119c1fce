"""The label that shortens its text."""

from PySide6.QtGui import QFontMetrics, QFontMetricsF
from pytestqt.qtbot import QtBot

from app.ui.widgets.elided_label import ElidedLabel, fitted_name


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


NAME = "somebody/a-model-of-some-size · Q4_K_M"


def test_the_owner_of_a_model_goes_before_its_name(qtbot: QtBot) -> None:
    metrics = QFontMetrics(ElidedLabel().font())
    whole_px = metrics.horizontalAdvance(NAME)
    assert fitted_name(NAME, metrics, whole_px) == NAME
    assert fitted_name(NAME, metrics, whole_px - 10) == "a-model-of-some-size · Q4_K_M"
    short = fitted_name(NAME, metrics, whole_px // 2)
    assert short.startswith("a-")
    assert short.endswith("_M")


def test_the_owner_goes_from_the_middle_of_a_sentence_too(qtbot: QtBot) -> None:
    metrics = QFontMetrics(ElidedLabel().font())
    said = f"Loading {NAME}, 30%"
    room_px = metrics.horizontalAdvance(said) - 10
    assert fitted_name(said, metrics, room_px, NAME) == "Loading a-model-of-some-size · Q4_K_M, 30%"
    assert fitted_name(said, metrics, room_px + 10, NAME) == said


def test_no_other_slash_is_taken_for_an_owner(qtbot: QtBot) -> None:
    metrics = QFontMetrics(ElidedLabel().font())
    said = "Loading somebody/a-model, 30%"
    assert fitted_name(said, metrics, metrics.horizontalAdvance(said) - 10).startswith("Loading")


def test_a_text_is_whole_where_less_than_a_pixel_is_missing(qtbot: QtBot) -> None:
    label = ElidedLabel("small")
    qtbot.addWidget(label)
    for used in range(0, 9000, 30):
        label.setText(f"待发送：{used}，共 8,192")
        asked = QFontMetricsF(label.font()).horizontalAdvance(label.text())
        label.resize(int(asked), 20)
        label.grab()
        assert label.toolTip() == "", (label.text(), asked)
