"""A data folder of an earlier version opens as before: each kind of file and database, and nothing is told.

It was written by that version's own code, from `own_files` and `full_databases`.
"""

import json
import lzma
import math
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from app.bench.run import run_journal
from app.chat.store.store import ChatStore
from models.system.errors import StillroomError
from tests.support.full_databases import KINDS, Kind
from tests.support.own_files import OWN_FILES, OwnFile

EARLIER = Path(__file__).parents[2] / "data" / "earlier_version"


@pytest.mark.parametrize("kind", [kind for kind in OWN_FILES if kind.lasting], ids=lambda kind: kind.name)
def test_a_file_shows_what_it_did(kind: OwnFile, tmp_path: Path, told: list[StillroomError]) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    kind.write(folder)
    expected = kind.lasts(kind.shown(folder))
    shutil.rmtree(folder)
    shutil.copytree(EARLIER / kind.name.replace(" ", "-"), folder)
    assert kind.lasts(kind.shown(folder)) == expected
    assert told == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_database_holds_what_it_did(
    kind: Kind, tmp_path: Path, told: list[StillroomError], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The run under way in it is as old as the data, and one that lay too long is not gone on with.
    monkeypatch.setattr(run_journal, "LONGEST_PAUSE_S", math.inf)
    databases = EARLIER / "databases"
    path = tmp_path / f"{kind.name}.sqlite3"
    path.write_bytes(lzma.decompress((databases / f"{path.name}.xz").read_bytes()))
    shutil.copy(databases / f"{path.name}-mark", tmp_path)
    with closing(kind.open(path)) as store:
        assert store.recovery is None
        held = kind.read(store)
    assert (
        Counter(str(item[0]) for item in held)
        == json.loads((databases / "items.json").read_text())[kind.name]
    )
    assert told == []


def test_the_messages_of_its_chats_are_word_for_word_the_same(tmp_path: Path) -> None:
    [chats] = [kind for kind in KINDS if kind.name == "chats"]

    def said(store: object) -> list[tuple[str, str, str]]:
        assert isinstance(store, ChatStore)
        return [
            (message.role, message.content, message.thinking)
            for chat in store.conversations()
            for message in store.messages(chat.id)
        ]

    earlier = tmp_path / "earlier.sqlite3"
    earlier.write_bytes(lzma.decompress((EARLIER / "databases" / "chats.sqlite3.xz").read_bytes()))
    with closing(chats.begin(tmp_path / "now.sqlite3")) as now:
        chats.go_on(now)
        with closing(ChatStore(earlier)) as store:
            assert sorted(said(store)) == sorted(said(now))
