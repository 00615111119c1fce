"""Damage of a database is told in the window while it is open."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.base.errors import StillroomError
from app.chat.store.store import ChatStore
from app.database.damage_notices import Recovery
from app.ui.shell import database_health
from app.ui.shell.database_health import DatabaseHealth
from tests.support.waiting import wait_until


class WatchedStore:
    """The real store, and how often it was looked after."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store
        self.checks = self.backups = 0

    @property
    def recovery(self) -> Recovery | None:
        return self._store.recovery

    def check(self) -> Recovery | None:
        self.checks += 1
        return self._store.check()

    def back_up_if_due(self) -> Path | None:
        self.backups += 1
        return self._store.back_up_if_due()


def test_damage_is_told_when_it_is_found_and_once(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_health, "FIRST_CHECK_MS", 1)
    path = tmp_path / "chats.sqlite3"
    said: list[StillroomError] = []
    reread: list[bool] = []
    parent = QObject()

    def look_after(store: ChatStore, backups: int) -> None:
        watched = WatchedStore(store)
        health = DatabaseHealth([watched], said.append, asyncio.run, lambda: reread.append(True), parent)
        wait_until(lambda: watched.checks and watched.backups >= backups, "the looks at the file")
        health.stop()

    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(title="Trains")
        look_after(store, backups=0)
        assert (said, reread) == ([], [])
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE conversations SET title = 'Trbins'")
            other.commit()
        for name in ("FIRST_BACKUP_MS", "BACKUP_MS"):
            monkeypatch.setattr(database_health, name, 1)
        look_after(store, backups=2)
        assert len(said) == 2
        assert "The chat “Trbins” was damaged" in str(said[1])
        assert reread == [True]
        assert store.conversation(chat.id).title == "Trbins"
