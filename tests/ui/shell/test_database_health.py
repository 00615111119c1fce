"""What the window says about its databases."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.chat.store.store import ChatStore
from app.ui.shell.database_health import DatabaseHealth


def test_damage_is_told_when_it_is_found_and_once(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(title="Trains")
        said: list[str] = []
        reread: list[bool] = []
        parent = QObject()
        health = DatabaseHealth([store], said.append, asyncio.run, lambda: reread.append(True), parent)
        health._check()
        assert (said, reread) == ([], [])
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE conversations SET title = 'Trbins'")
            other.commit()
        health._check()
        health._back_up()
        health.stop()
        assert len(said) == 2
        assert "The chat “Trbins” was damaged" in said[1]
        assert reread == [True]
        assert store.conversation(chat.id).title == "Trbins"
