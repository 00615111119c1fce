"""The dialog that makes room on a full disk: what is deleted while it is open, and once it is closed."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import qasync
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel

from app.machine.freeable import Freeable
from app.ui.base.bridge import Bridge
from app.ui.shell.make_room_dialog import MakeRoomDialog
from tests.support.event_loop import run_step
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen_button

Scene = Callable[["Room"], Coroutine[Any, Any, None]]


class Room:
    """A dialog over two models, whose deletion ends when the test lets it."""

    def __init__(self, tmp_path: Path, *names: str) -> None:
        self.left = [Freeable("model", 10**place * 1_000_000, (), name) for place, name in enumerate(names)]
        self.begun: list[str] = []
        self.failures: list[BaseException] = []
        self.go_on = asyncio.Event()
        self.bridge = Bridge(self.failures.append)
        self.dialog = MakeRoomDialog(tmp_path, lambda: list(self.left), self.delete, self.bridge)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.open()

    async def delete(self, what: Freeable) -> None:
        self.begun.append(what.name)
        await self.go_on.wait()
        self.left.remove(what)

    async def boxes(self) -> list[QCheckBox]:
        await until(lambda: len(all_seen(self.dialog, QCheckBox)) == len(self.left), "the list")
        return all_seen(self.dialog, QCheckBox)

    async def close(self) -> None:
        click(seen_button(self.dialog, "Close"))
        await until(lambda: not shiboken6.isValid(self.dialog), "the end of the dialog")


@pytest.fixture
def play(qapp: QApplication, loop: qasync.QEventLoop, tmp_path: Path) -> Callable[..., None]:
    qapp.setQuitOnLastWindowClosed(False)

    def run(scene: Scene, *names: str) -> None:
        async def whole() -> None:
            room = Room(tmp_path, *names)
            await scene(room)
            room.bridge.close()

        run_step(loop, whole(), 20)

    return run


def test_what_is_ticked_during_a_deletion_is_not_deleted_a_second_time(play: Callable[..., None]) -> None:
    async def scene(room: Room) -> None:
        first, second = await room.boxes()
        first.click()
        delete = seen_button(room.dialog, "Delete 1.0 MB for good")
        click(delete)
        await until(lambda: room.begun, "the deletion")
        second.click()
        assert not delete.isEnabled()
        room.go_on.set()
        await until(lambda: len(all_seen(room.dialog, QCheckBox)) == 1, "the rest of the list")
        assert room.begun == ["one"]
        # It is to be deleted all the same.
        assert all_seen(room.dialog, QCheckBox)[0].isChecked()
        assert seen_button(room.dialog, "Delete 10.0 MB for good").isEnabled()
        await room.close()

    play(scene, "one", "two")


def test_closing_ends_the_deletion_after_what_is_being_deleted(play: Callable[..., None]) -> None:
    async def scene(room: Room) -> None:
        for box in await room.boxes():
            box.click()
        click(seen_button(room.dialog, "Delete 11.0 MB for good"))
        await until(lambda: room.begun, "the deletion")
        await room.close()
        room.go_on.set()
        await until(lambda: len(room.left) == 1, "the end of the first")
        await room.bridge.finish()
        assert room.begun == ["one"]
        assert room.failures == []

    play(scene, "one", "two")


def test_nothing_is_offered_to_be_deleted_before_something_is_ticked(play: Callable[..., None]) -> None:
    async def scene(room: Room) -> None:
        [box] = await room.boxes()
        assert not seen_button(room.dialog, "Delete for good").isEnabled()
        box.click()
        assert seen_button(room.dialog, "Delete 1.0 MB for good").isEnabled()
        box.click()
        assert not seen_button(room.dialog, "Delete for good").isEnabled()
        await room.close()

    play(scene, "one")


def test_sizes_stand_in_a_column_at_the_right_whatever_the_names(play: Callable[..., None]) -> None:
    async def scene(room: Room) -> None:
        boxes = await room.boxes()
        sizes = [label for label in all_seen(room.dialog, QLabel) if label.text().endswith(" MB")]
        assert [label.text() for label in sizes] == ["1.0 MB", "10.0 MB", "100 MB"]
        edges = {label.mapTo(room.dialog, label.rect().topRight()).x() for label in sizes}
        assert len(edges) == 1
        assert edges.pop() < room.dialog.width()
        assert all(
            box.geometry().right() < size.geometry().left() for box, size in zip(boxes, sizes, strict=True)
        )
        assert "…" in boxes[1].text()
        assert boxes[1].accessibleName() == f"{'long ' * 15}: a model, to be got again, 10.0 MB"
        await room.close()

    play(scene, "one", "long " * 15, "three")


def test_names_are_shown_as_they_are_on_one_line(play: Callable[..., None]) -> None:
    async def scene(room: Room) -> None:
        [box] = await room.boxes()
        assert "a && b\u00b7 c: a model" in box.text()
        await room.close()

    play(scene, "a & b\u202e\nc")
