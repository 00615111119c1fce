"""Loads that failed, in the row and below the list."""

import msgspec

from app.base.errors import StillroomError
from app.ui.models.list.models_table import HERE, ON_DISK
from tests.support.models_room import KEY, LOADED, Room, Run
from tests.support.waiting import until
from tests.support.widgets import seen_words


def test_a_model_that_could_not_be_loaded_says_so_in_its_row_and_its_card(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q8_0")
        [model] = room.store.listing().models
        path = str(model.path)
        room.session.loading.emit(path, 0.0)
        room.session.load_failed.emit(StillroomError("There is too little memory.", "Close something."))
        assert room.cell(KEY, HERE) == "Could not be loaded: the reason is below"
        room.tab.select("r1-qwen-7b")
        assert "too little memory" not in seen_words(room.tab.detail)
        room.tab.select(KEY)
        assert "There is too little memory.\nClose something." in seen_words(room.tab.detail)
        room.session.loading.emit(path, 0.0)
        room.session.loaded.emit(msgspec.structs.replace(LOADED, path=path))
        assert "too little memory" not in seen_words(room.tab.detail)
        assert "Could not" not in room.cell(KEY, HERE)

    run(scenario())
