"""Deleting a model from the list, and bringing it back."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from app.acquire.importing import import_models
from app.engine.protocol import LoadSettings
from app.load_choices import LoadChoices
from app.settings import LoadChoice
from app.ui.models.list.models_table import ON_DISK
from models.store.store import ModelStore
from tests.support.late_answers import Late
from tests.support.models_room import KEY, Room, Run, settled
from tests.support.pages.models_page import ModelsPage
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, seen_button, seen_words


def test_delete_can_be_undone_and_unloads_first(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        delete = seen_button(room.tab.detail, "Delete R1 Qwen 1.5B Q4_K_M")
        delete.setFocus()
        delete.click()
        await until(lambda: room.cell(KEY, ON_DISK) == "")
        await until(lambda: "was deleted" in seen_words(room.notices), "the notice")
        assert room.tab.window().focusWidget() is ModelsPage(room.tab).view
        seen_button(room.notices, "Undo").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")

    run(scenario())
    assert room.errors == []


def test_how_a_model_is_loaded_goes_with_it_and_comes_back(room: Room, run: Run) -> None:
    chosen = LoadChoice(load=LoadSettings(context_tokens=2048), speculation="off")

    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        [model] = room.store.listing().models
        choices = LoadChoices(room.settings)
        choices.choose(model.path, chosen)
        room.tab.select(KEY)
        seen_button(room.tab.detail, "Delete R1 Qwen 1.5B Q4_K_M").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "")
        assert room.settings.values.model_loads == {}
        seen_button(room.notices, "Undo").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        assert choices.of(model.path) == chosen

    run(scenario())
    assert room.errors == []


def test_an_imported_model_leaves_the_list_and_its_file_stays(room: Room, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    write_tiny_gguf(file)

    async def scenario() -> None:
        [model] = import_models([file], room.store).models
        key = f"disk:{model.name}"
        room.tab.reload()
        await until(lambda: room.tab.table.number_of(key) >= 0)
        room.tab.select(key)
        gone = "Take own F32 off the list"
        await until(lambda: bool(all_seen(room.tab.detail, QPushButton, gone)))
        seen_button(room.tab.detail, gone).click()
        await until(lambda: room.tab.table.number_of(key) < 0)
        assert "is off the list. Its file stays where it lies." in seen_words(room.notices)
        assert "was deleted" not in seen_words(room.notices)

    run(scenario())
    assert file.exists()
    assert room.errors == []


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_model_that_comes_back_late_is_not_gone_to_over_the_one_that_was_chosen_since(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    restoring = Late(ModelStore.restore)
    monkeypatch.setattr(ModelStore, "restore", lambda *asked: restoring(*asked))

    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.press(Qt.Key.Key_Delete)
        await until(lambda: room.cell(KEY, ON_DISK) != "Q4_K_M")
        room.tab.select("r1-qwen-7b")
        seen_button(room.notices, "Undo").click()
        await until(lambda: restoring.waiting == 1)
        if goes_on:
            room.tab.select("r1-llama-8b")
        restoring.let_all()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        await settled()
        assert room.tab.selected_key == ("r1-llama-8b" if goes_on else KEY)

    run(scenario())
    assert room.errors == []
