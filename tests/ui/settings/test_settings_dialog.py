"""The settings of the whole window: what can be found there."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from app.ui.load_settings.context_slider import ContextSlider
from app.ui.settings.server_dialog import ServerDialog
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.card import Card
from tests.support.waiting import until
from tests.support.widgets import seen_button, seen_words
from tests.support.window import run_with_window


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def test_the_local_api_is_one_click_away(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("general")
        seen_button(dialog, "Local API…").click()
        await until(lambda: application.window.findChild(ServerDialog) is not None, "the dialog")
        opened = application.window.findChild(ServerDialog)
        assert isinstance(opened, ServerDialog)
        assert opened.isVisible()
        opened.reject()

    run_with_window(scene)


def test_every_page_fits_a_small_screen(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("general")
        assert dialog.minimumSizeHint().height() < 640
        assert dialog.height() <= 640
        dialog.reject()

    run_with_window(scene)


def test_cards_end_where_the_buttons_above_them_do_and_clear_of_the_bar(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("this computer")
        await until(lambda: "llama.cpp computes on CPU" in seen_words(dialog), "what this computer is")
        again = seen_button(dialog, "Examine again")

        def ends(page: QWidget) -> set[int]:
            cards = [card for card in page.findChildren(Card) if card.isVisible()]
            return {card.mapTo(dialog, card.rect().topRight()).x() for card in cards}

        page = dialog.page_of("this computer")
        await until(
            lambda: ends(page) == {again.mapTo(dialog, again.rect().topRight()).x()}, "one right edge"
        )
        dialog.show_page("general")
        area = dialog.page_of("general")
        assert isinstance(area, QScrollArea)
        bar = area.verticalScrollBar()
        await until(lambda: bar.isVisible() and bool(ends(area)), "the bar")
        assert bar.mapTo(dialog, bar.rect().topLeft()).x() - max(ends(area)) >= 8
        dialog.reject()

    run_with_window(scene)


def test_large_text_is_not_cut_off_at_the_side(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("general")

        def is_whole() -> bool:
            areas = [area for area in dialog.findChildren(QScrollArea) if area.isVisible()]
            return bool(areas) and all(
                area.horizontalScrollBar().maximum() == 0 or area.horizontalScrollBar().isVisible()
                for area in areas
            )

        await until(is_whole, "a dialog as wide as its page")
        normal_px = dialog.font().pixelSize()
        application.parts.settings.update(zoom_percent=150)
        await until(lambda: dialog.font().pixelSize() > normal_px and dialog.updatesEnabled(), "larger text")
        await until(is_whole, "a dialog as wide as its page in larger text")
        dialog.reject()

    run_with_window(scene)


def test_free_memory_is_said_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("this computer")
        await until(lambda: "llama.cpp computes on CPU" in seen_words(dialog), "what this computer is")
        assert seen_words(dialog).count("of memory free") == 1
        dialog.reject()

    run_with_window(scene)


def test_the_context_slider_can_be_aimed_at_in_a_narrow_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        application.window.resize(1000, 700)
        dialog = application.dialogs.open_load_settings()
        slider = dialog.findChild(ContextSlider)
        assert isinstance(slider, ContextSlider)
        assert slider.slider_width_px >= 140
        dialog.reject()

    run_with_window(scene)
