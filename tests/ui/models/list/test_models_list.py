"""The list of models: which row is selected, its keys, its look."""

import asyncio

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from app.ui.base import slices
from app.ui.base.theme import Theme
from app.ui.models.gguf.gguf_dialog import GgufDialog
from app.ui.models.list.models_table import MODEL, ON_DISK
from app.ui.models.models_tab import AT_ONCE
from models.store.manifest import BuiltFile
from tests.support.models_room import KEY, TITLE, Room, Run, add_many
from tests.support.pages.models_page import ModelsPage
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import seen_words
from tests.support.window import settle


def test_steps_of_an_older_refresh_select_nothing(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.tab.complete()
        before = room.tab.selected_key
        # Each import comes in another step of the refresh that goes on.
        for turns in range(0, 3 * AT_ONCE, 9):
            room.tab.select(before)
            room.session.become_ready(turns)
            for _ in range(turns):
                await asyncio.sleep(0)
            file = room.root / f"Come {turns}.Q8_0.gguf"
            write_tiny_gguf(file)
            room.tab.add_card.paths_chosen.emit([file])
            key = f"disk:Come {turns}.Q8_0"
            await until(lambda key=key: room.page.row == key, "its row")  # type: ignore[misc] # the default binds the key
            await until(lambda file=file: str(file) in seen_words(room.tab.detail), "what there is to it")  # type: ignore[misc] # the default binds the file

    run(scenario())


def test_who_goes_to_another_row_while_a_refresh_is_under_way_stays_there(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.tab.complete()
        for turns in range(0, 3 * AT_ONCE, 9):
            room.tab.select(KEY)
            room.session.become_ready(turns)
            for _ in range(turns):
                await asyncio.sleep(0)
            room.page.press(Qt.Key.Key_Down)
            there = room.page.row
            assert there != KEY
            room.tab.complete()
            assert (room.page.row, room.tab.selected_key) == (there, there)
            assert "DeepSeek-R1-Distill-Qwen-7B" in seen_words(room.tab.detail)

    run(scenario())


def test_a_row_that_is_asked_for_before_the_disk_is_read_is_selected(room: Room, run: Run) -> None:
    path = room.root / "mine.gguf"
    write_tiny_gguf(path)
    room.store.add("Mine", [BuiltFile("Q4_K_M", path, "ab", path.stat().st_size)])

    async def scenario() -> None:
        room.tab.deleteLater()
        room.make_tab("disk:Mine")
        await until(lambda: room.tab.table.number_of("disk:Mine") >= 0, "it")
        room.tab.complete()
        assert (room.page.row, room.tab.selected_key) == ("disk:Mine", "disk:Mine")

    run(scenario())


def test_the_last_row_is_whole_in_a_larger_text(room: Room, run: Run, theme: Theme) -> None:
    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.cell(KEY, MODEL) == TITLE)
        view = ModelsPage(room.tab).view
        last = view.model().index(view.model().rowCount() - 1, 0)
        for zoom_percent in (100, 150):
            theme.choose("light", zoom_percent)
            await until(lambda: view.visualRect(last).bottom() <= view.viewport().height())

    run(scenario())


def test_the_list_is_worked_by_keyboard(room: Room, run: Run, qtbot: QtBot) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.press(Qt.Key.Key_Return)
        assert [model.type for model in room.loads] == ["Q4_K_M"]
        room.page.press(Qt.Key.Key_Down)
        assert "DeepSeek-R1-Distill-Qwen-7B" in seen_words(room.tab.detail)

    run(scenario())


def test_other_colours_leave_the_columns_of_the_list_alone(room: Room, run: Run, theme: Theme) -> None:
    async def scenario() -> None:
        await settle(5)
        told: list[list[int]] = []
        room.tab.table.dataChanged.connect(lambda _first, _last, roles: told.append(list(roles)))
        theme.choose("dark" if not theme.colours.dark else "light")
        await until(lambda: bool(told), "the colours")
        assert told == [[Qt.ItemDataRole.ForegroundRole]]

    run(scenario())


def test_a_long_list_is_measured_without_qt(room: Room, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        await settle(5)
        asked: list[int] = []
        data = room.tab.table.data

        def counted(index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
            asked.append(index.row())
            return data(index, role)

        room.host.setUpdatesEnabled(False)
        monkeypatch.setattr(room.tab.table, "data", counted)
        room.tab.table.show_rows([room.tab.table.row(number) for number in range(room.tab.table.rowCount())])
        # The widest cell of each column, and the first one of those that are shortened.
        assert len(set(asked)) <= 7

    run(scenario())


def test_a_model_is_looked_into_once_though_its_key_is_pressed_twice(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.tab.reload()
        await until(lambda: room.tab.table.number_of(KEY) >= 0 and bool(room.cell(KEY, 1)), "the model")
        room.tab.select(KEY)
        [look] = [each for each in room.tab.actions() if each.text() == "Look inside the selected model"]
        look.trigger()
        look.trigger()
        await until(lambda: bool(room.host.findChildren(GgufDialog)), "what is inside")
        await settle()
        [dialog] = room.host.findChildren(GgufDialog)
        dialog.close()

    run(scenario())
