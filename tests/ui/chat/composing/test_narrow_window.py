"""The composer's parts in a narrow window: what has no room moves or is shortened, and nothing is cut off."""

import pytest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.prompting.context import ContextPlan
from app.chat.prompting.prompt import ChatMessage, Prompt
from app.settings import Theme as ThemeChoice
from app.ui.base.theme import Theme
from app.ui.chat.composing.context_meter import BAR_PX, LEAST_BAR_PX, ContextMeter, ContextUse
from app.ui.chat.composing.context_notice import ContextNotice
from tests.support.chat_desk import Opened
from tests.support.waiting import wait_until


@pytest.mark.parametrize("width", [300, 420, 900])
def test_each_way_on_can_be_read(qapp: QApplication, width: int) -> None:
    notice = ContextNotice(Theme(qapp, "light"))
    dropped = [ChatMessage("user", "Write about an old observatory.")]
    notice.show_plan(ContextPlan(Prompt([], "off"), [], dropped, 6000, 8192, fits=True), "ask")
    notice.resize(width, notice.heightForWidth(width))
    notice.show()
    qapp.processEvents()
    seen = [button for button in notice.findChildren(QPushButton) if button.isVisible()]
    assert len(seen) == 4
    for button in seen:
        assert button.width() >= button.sizeHint().width(), button.text()
        assert notice.rect().contains(button.geometry()), button.text()
    notice.close()


def test_the_words_of_buttons_go_before_those_of_the_meter(opened: Opened) -> None:
    composer = opened.tab.composer
    composer.set_text("Name a colour.")
    wait_until(lambda: composer.meter.text)
    words = composer.meter.layout().itemAt(1).widget()
    seen = set()
    for width in range(700, 300, -10):
        composer.setFixedWidth(width)
        QApplication.processEvents()
        seen.add(bool(composer.settings.text()))
        if composer.settings.text():
            assert words.width() >= words.sizeHint().width(), width
    assert seen == {True, False}


def test_the_meters_bar_gives_way_to_its_words(qapp: QApplication) -> None:
    meter = ContextMeter(Theme(qapp, "light"))
    meter.show_use(ContextUse(20, 0, 6176, 8192))
    wide = meter.sizeHint().width()
    meter.resize(wide - 40, meter.sizeHint().height())
    meter.show()
    qapp.processEvents()
    bar, words = (meter.layout().itemAt(place).widget() for place in (0, 1))
    assert LEAST_BAR_PX <= bar.width() < bar.sizeHint().width()
    assert words.width() >= words.sizeHint().width()
    meter.resize(wide - 90, meter.height())
    qapp.processEvents()
    assert bar.width() == LEAST_BAR_PX
    assert words.geometry().right() <= meter.width()
    meter.close()


def test_the_meters_bar_comes_back_with_the_room(opened: Opened) -> None:
    composer = opened.tab.composer
    composer.set_text("Name a colour.")
    wait_until(lambda: composer.meter.text)
    bar = composer.meter.layout().itemAt(0).widget()
    for width in (340, 800):
        composer.setFixedWidth(width)
        QApplication.processEvents()
    wait_until(lambda: bar.width() == BAR_PX.width())


def test_no_figure_of_the_meter_is_cut_off(qapp: QApplication) -> None:
    meter = ContextMeter(Theme(qapp, "light"))
    meter.show_use(ContextUse(20, 0, 6176, 8192))
    assert meter.shown == "To send: 6,196 of 8,192"
    words = meter.layout().itemAt(1).widget()
    meter.show()
    for narrower in range(10, 60, 10):
        meter.resize(meter.minimumSizeHint().width() - narrower, meter.height())
        qapp.processEvents()
        assert meter.shown == "6,196 / 8,192"
        assert words.width() >= words.sizeHint().width()
    meter.resize(meter.minimumSizeHint().width(), meter.height())
    assert meter.shown == meter.text == meter.accessibleName() == "To send: 6,196 of 8,192"
    meter.close()


@pytest.mark.parametrize("scheme", ["light", "dark", "light-contrast", "dark-contrast"])
def test_a_context_that_is_nearly_empty_does_not_look_full(
    qapp: QApplication, qtbot: QtBot, scheme: ThemeChoice
) -> None:
    theme = Theme(qapp, scheme)
    meter = ContextMeter(theme)
    qtbot.addWidget(meter)
    meter.resize(400, 30)
    meter.show_use(ContextUse(0, 0, 2048, 8192))
    meter.show()
    place = next(each.geometry() for each in meter.findChildren(QWidget) if each.height() == BAR_PX.height())
    picture = meter.grab().toImage()
    used, free = (
        picture.pixelColor(place.left() + int(place.width() * share), place.center().y())
        for share in (0.1, 0.9)
    )
    assert used == theme.colour("faint")
    assert free == theme.colour("track")
