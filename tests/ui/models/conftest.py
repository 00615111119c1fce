"""A room with the Models tab for the tests of its parts."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import qasync
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from tests.support.event_loop import run_step
from tests.support.hub import LoopbackHub
from tests.support.models_room import FILE, REPO, WAIT_S, Room, Run
from tests.support.tiny_gguf import write_tiny_gguf


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    folder = tmp_path / "repository"
    folder.mkdir()
    write_tiny_gguf(folder / FILE, 6 << 20)
    with LoopbackHub() as server:
        server.add(REPO, folder)
        yield server


@pytest.fixture
def room(
    qtbot: QtBot,
    loop: qasync.QEventLoop,
    theme: Theme,
    hub: LoopbackHub,
    tmp_path: Path,
) -> Iterator[Room]:
    async def make() -> Room:
        before = asyncio.all_tasks()
        room = Room(qtbot, theme, hub, tmp_path)
        # What the tab looks up when it is made; one test destroys it.
        await asyncio.gather(*asyncio.all_tasks() - before)
        return room

    room = run_step(loop, make(), WAIT_S)
    yield room
    run_step(loop, room.bridge.finish(), WAIT_S)
    room.jobs.close()


@pytest.fixture
def run(loop: qasync.QEventLoop) -> Run:
    return lambda work: run_step(loop, work, WAIT_S)
