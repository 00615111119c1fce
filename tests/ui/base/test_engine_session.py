"""The engine as the window sees it, where there is room for one model only."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.base.errors import Cancelled, EngineError
from app.engine.protocol import LoadSettings, ModelInfo
from tests.support.chat_desk import Desk
from tests.support.engines import starter_path
from tests.support.late_answers import Late
from tests.support.starter_variants import shallow_path, write_unreadable_model
from tests.support.waiting import until

SETTINGS = LoadSettings(context_tokens=1024, threads=1)


@pytest.fixture(scope="module")
def engine_command() -> Sequence[str]:
    return [sys.executable, "-m", "tests.support.tight_engine"]


async def loaded_first(desk: Desk) -> ModelInfo:
    session = desk.session
    info = await session.load(Path(shallow_path()), SETTINGS, "First")
    assert [model.path for model in session.models] == [info.path]
    return info


def test_the_model_that_made_room_for_a_load_that_fails_comes_back(desk: Desk, tmp_path: Path) -> None:
    broken = write_unreadable_model(tmp_path / "broken.gguf")
    told: list[str] = []

    async def scenario() -> None:
        session = desk.session
        first = await loaded_first(desk)
        session.load_failed.connect(
            lambda _: told.append("" if session.returning is None else session.returning.name)
        )
        with pytest.raises(EngineError):
            await session.load(broken, SETTINGS, "Broken")
        await until(lambda: session.info is not None, "the model of before")
        assert [model.path for model in session.models] == [first.path]
        # A request without a name is for it.
        assert session.client.current_path == first.path
        await session.load(Path(shallow_path()), SETTINGS, "First")
        assert session.returning is None

    desk.run(scenario())
    assert told == ["First"]


def test_it_comes_back_when_the_user_stops_the_load(desk: Desk) -> None:
    async def scenario() -> None:
        session = desk.session
        first = await loaded_first(desk)

        def stop(path: str, _: float) -> None:
            if path == starter_path() and not session.models:
                session.cancel_load()

        session.loading.connect(stop)
        with pytest.raises(Cancelled):
            await session.load(Path(starter_path()), SETTINGS, "Second")
        await until(lambda: session.info is not None, "the model of before")
        assert session.info is not None
        assert session.info.path == first.path

    desk.run(scenario())


def test_a_model_that_the_user_unloaded_stays_away(desk: Desk, tmp_path: Path) -> None:
    broken = write_unreadable_model(tmp_path / "broken.gguf")

    async def scenario() -> None:
        session = desk.session
        await loaded_first(desk)
        await session.unload()
        with pytest.raises(EngineError):
            await session.load(broken, SETTINGS, "Broken")
        assert (session.returning, session.info, session.models) == (None, None, ())

    desk.run(scenario())


@pytest.mark.parametrize("is_read", [False, True])
def test_a_file_that_is_about_to_go_is_not_loaded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    async def scenario() -> None:
        session = desk.session
        first = await loaded_first(desk)
        reading = Late(session.client.prepare_load)
        monkeypatch.setattr(session.client, "prepare_load", reading)
        load = asyncio.ensure_future(session.load(Path(starter_path()), SETTINGS, "Second"))
        await until(lambda: reading.waiting == 1, "the file")
        if is_read:
            # The engine is told to load and, a moment later, to let go of it.
            reading.let_all()
            await until(lambda: session.client.is_wanted(starter_path()), "the load")
        await session.let_go(starter_path())
        reading.let_all()
        with pytest.raises(Cancelled):
            await load
        await until(lambda: session.info is not None, "the model of before")
        assert [model.path for model in session.models] == [first.path]
        assert not session.client.is_wanted(starter_path())

    desk.run(scenario())


def test_a_load_whose_file_is_read_late_does_not_follow_one_that_was_asked_for_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        session = desk.session
        reading = Late(session.client.prepare_load)
        monkeypatch.setattr(session.client, "prepare_load", reading)
        first = asyncio.ensure_future(session.load(Path(starter_path()), SETTINGS, "First"))
        await until(lambda: reading.waiting == 1, "the first file")
        second = asyncio.ensure_future(session.load(Path(shallow_path()), SETTINGS, "Second"))
        await until(lambda: reading.waiting == 2, "the second file")
        reading.let(1)
        assert (await second).path == shallow_path()
        reading.let(0)
        with pytest.raises(Cancelled):
            await first
        assert session.client.current_path == shallow_path()
        assert not session.client.is_wanted(starter_path())
        assert session.info is not None
        assert session.info.path == shallow_path()

    desk.run(scenario())


def test_what_the_user_asked_for_holds_until_he_asks_for_another_model(desk: Desk) -> None:
    first = desk.session.choose()
    assert first()
    second = desk.session.choose()
    assert (first(), second()) == (False, True)
