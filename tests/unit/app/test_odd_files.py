"""Pipes, folders, sockets, devices and links to nothing in the place of each file of Stillroom's own."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.audit.folder import AuditFolder
from app.audit.verification import verify
from app.audit.writer import AuditWriter
from app.base.disk_reserve import set_reserve_aside
from app.base.errors import StillroomError
from app.base.log import log_file, report
from app.base.paths import AppPaths, make_private
from app.chat.store.full_disk_drafts import FullDiskDrafts, LastWord
from app.server.access.key_file import is_usable, read_or_make_key
from models.store.store import ModelStore
from models.system.durable import write_durably
from models.system.json_file import make_folder
from models.system.notices import NoticeInbox
from tests.support.full_databases import KINDS, Kind
from tests.support.own_files import OWN_FILES, OwnFile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has none of these")

WAIT_S = 60


def _socket(path: Path) -> None:
    here = Path.cwd()
    # Its whole path may be too long for a socket.
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


ODD: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "socket": _socket,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path: path.symlink_to(path.with_name("nowhere")),
    "link in a circle": lambda path: path.symlink_to(path),
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    put = ODD[request.param]

    def replace(path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path)

    return replace


@pytest.fixture
def told() -> Iterator[list[str]]:
    said: list[str] = []
    with NoticeInbox() as inbox:
        inbox.observe(lambda notice: said.append(f"{notice} {notice.hint_text()}"))
        yield said


def ended(work: Callable[[], object]) -> object:
    """Give what `work` gives; a work that waits for ever fails, and ends with the tests."""
    given: list[object] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert not thread.is_alive(), "it waits for ever"
    if raised:
        raise raised[0]
    return given[0]


ENDINGS = ("", "-wal", "-shm", "-journal", ".part", ".rebuilt", ".reading")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_database_whose_place_is_taken_begins_anew_and_it_is_said(
    kind: Kind, odd: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    path = tmp_path / "data" / "it.sqlite3"
    kind.begin(path).close()
    for ending in ENDINGS:
        odd(path.with_name(path.name + ending))

    def use() -> None:
        with closing(kind.open(path)) as store:
            assert store.refused is None
            kind.read(store)
            assert store.check() is None

    ended(use)
    assert path.is_file()
    assert len(told) == len(ENDINGS)
    assert told[0].startswith(f"{path} is no file but")
    told.clear()
    ended(use)
    assert told == []


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_what_lies_beside_a_database_takes_nothing_from_it(
    ending: str, odd: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    [kind] = [kind for kind in KINDS if kind.name == "quality"]
    path = tmp_path / "it.sqlite3"
    kind.begin(path).close()
    with closing(kind.open(path)) as store:
        before = kind.read(store)
    odd(path.with_name(path.name + ending))

    def use() -> None:
        with closing(kind.open(path)) as store:
            assert store.recovery is None
            assert kind.read(store) == before

    ended(use)
    assert len(told) == 1


def test_a_database_comes_back_from_its_backup(
    odd: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    [kind] = [kind for kind in KINDS if kind.name == "quality"]
    path = tmp_path / "it.sqlite3"
    with closing(kind.begin(path)) as store:
        before = kind.read(store)
        assert store.back_up_if_due() is not None
    odd(path)

    def use() -> None:
        with closing(kind.open(path)) as store:
            assert kind.read(store) == before

    ended(use)
    assert len(told) == 1


ODD_FOLDERS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "endless device": ODD["endless device"],
    "file": lambda path: path.write_text("mine"),
}
DEAD_LINKS = ["link to nothing", "link in a circle"]


@pytest.mark.parametrize("put", ODD_FOLDERS.values(), ids=ODD_FOLDERS.keys())
def test_a_folder_whose_place_is_taken_begins_anew_and_it_is_said(
    put: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    paths = AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")
    every = (*paths.private_folders, *paths.inner_folders)
    for folder in every:
        shutil.rmtree(tmp_path)
        folder.parent.mkdir(parents=True)
        put(folder)
        told.clear()
        ended(lambda: make_private(paths))
        assert [line.startswith(f"{folder} is no folder but") for line in told] == [True]
        [aside] = folder.parent.glob(f"{folder.name}.damaged-*")
        assert f"It is kept as {aside.name}." in told[0]
        folder.mkdir(exist_ok=True)
        make_private(paths)
        assert len(told) == 1


@pytest.mark.parametrize("put", ODD_FOLDERS.values(), ids=ODD_FOLDERS.keys())
def test_a_folder_is_made_where_something_else_has_its_name(
    put: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    put(tmp_path / "model")
    ended(lambda: make_folder(tmp_path / "model"))
    assert (tmp_path / "model").is_dir()
    assert len(told) == 1
    ended(lambda: make_folder(tmp_path / "model"))
    assert len(told) == 1


@pytest.mark.parametrize("kind", DEAD_LINKS)
def test_a_link_to_a_folder_whose_disk_is_away_stays_and_it_is_said(
    kind: str, tmp_path: Path, told: list[str]
) -> None:
    paths = AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")
    for folder in (*paths.private_folders, *paths.inner_folders):
        shutil.rmtree(tmp_path)
        folder.parent.mkdir(parents=True)
        ODD[kind](folder)
        told.clear()
        make_private(paths)
        assert told[0].startswith(f"{folder} is a link to a folder that is not there. Connect its disk")
        assert len(told) == 1
        assert folder.is_symlink()


def test_models_behind_a_link_whose_disk_is_away_are_told_to_be_away(tmp_path: Path) -> None:
    ODD["link to nothing"](tmp_path / "models")
    store = ModelStore(tmp_path / "models")
    assert not store.is_there
    with pytest.raises(StillroomError, match="The folder of your models is not there"), store.reading(()):
        pass
    (tmp_path / "nowhere").mkdir()
    assert store.is_there


def test_a_link_to_a_folder_stays(tmp_path: Path, told: list[str]) -> None:
    paths = AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")
    (tmp_path / "elsewhere" / "models").mkdir(parents=True)
    paths.data.symlink_to("elsewhere")
    make_private(paths)
    assert told == []
    assert paths.data.is_symlink()


@pytest.mark.parametrize("put", ODD_FOLDERS.values(), ids=ODD_FOLDERS.keys())
def test_backups_are_made_where_something_else_has_the_name_of_their_folder(
    put: Callable[[Path], object], tmp_path: Path
) -> None:
    [kind] = [kind for kind in KINDS if kind.name == "quality"]
    with closing(kind.begin(tmp_path / "it.sqlite3")) as store:
        put(tmp_path / "it-backups")
        assert ended(store.back_up_if_due) is not None


@pytest.mark.parametrize("name", DEAD_LINKS)
def test_backups_wait_for_the_disk_that_a_link_leads_to(name: str, tmp_path: Path, told: list[str]) -> None:
    [kind] = [kind for kind in KINDS if kind.name == "quality"]
    backups = tmp_path / "it-backups"
    with closing(kind.begin(tmp_path / "it.sqlite3")) as store:
        ODD[name](backups)
        with pytest.raises(StillroomError, match="a link to a folder that is not there"):
            ended(store.back_up_if_due)
        assert told[0].startswith(f"{backups} is a link to a folder that is not there. Connect its disk")
        assert backups.is_symlink()
        backups.unlink()
        assert ended(store.back_up_if_due) is not None


@pytest.mark.parametrize("own", OWN_FILES, ids=lambda own: own.name)
def test_a_file_whose_place_is_taken_is_gone_without(
    own: OwnFile, odd: Callable[[Path], object], tmp_path: Path
) -> None:
    own.write(tmp_path)
    odd(tmp_path / own.path)

    def shown() -> object:
        try:
            return own.shown(tmp_path)
        except StillroomError as error:
            return str(error)

    ended(shown)
    part = tmp_path / f"{own.path}.part"
    odd(part)

    def written() -> object:
        try:
            return own.write(tmp_path)
        except (StillroomError, OSError) as error:
            return str(error)

    ended(written)


def test_a_part_whose_place_is_taken_is_written_all_the_same(
    odd: Callable[[Path], object], tmp_path: Path
) -> None:
    file, part = tmp_path / "file", tmp_path / "file.part"
    odd(part)
    if part.is_dir():
        with pytest.raises(OSError, match=r"file\.part"):
            ended(lambda: write_durably(file, b"x"))
        return
    ended(lambda: write_durably(file, b"x"))
    assert file.read_bytes() == b"x"
    assert not file.is_symlink()


@pytest.mark.parametrize(
    "name", ["head.json", "lock", "audit-000000000001.jsonl", "audit-000000000009.jsonl"]
)
def test_the_audit_log_goes_on(
    name: str, odd: Callable[[Path], object], tmp_path: Path, told: list[str]
) -> None:
    writer = AuditWriter(tmp_path / "audit", 1 << 20)
    writer.append([{"time": "2026-12-01T10:00:00Z", "kind": "note"}])
    odd(tmp_path / "audit" / name)
    ended(lambda: writer.append([{"time": "2026-12-01T10:00:01Z", "kind": "note"}]))
    assert len(told) == 1
    ended(lambda: list(AuditFolder(tmp_path / "audit").lines()))
    ended(lambda: verify(tmp_path / "audit"))


def test_the_key_is_made_anew(odd: Callable[[Path], object], tmp_path: Path, told: list[str]) -> None:
    file = tmp_path / "server.key"
    odd(file)
    key = ended(lambda: read_or_make_key(file))
    assert isinstance(key, str)
    assert is_usable(key)
    assert ended(lambda: read_or_make_key(file)) == key
    assert len(told) == 1


def test_last_words_find_their_room(odd: Callable[[Path], object], tmp_path: Path) -> None:
    drafts = FullDiskDrafts(tmp_path / "chats.sqlite3")
    odd(tmp_path / "chats.sqlite3-last")
    assert ended(drafts.read) == []
    assert not ended(lambda: drafts.write([LastWord(chat=1, draft="x")]))
    ended(drafts.set_aside)
    assert ended(lambda: drafts.write([LastWord(chat=1, draft="x")]))
    assert ended(drafts.read) == [LastWord(chat=1, draft="x")]


def test_the_reserve_is_set_aside(odd: Callable[[Path], object], tmp_path: Path) -> None:
    odd(tmp_path / "reserve.part")
    ended(lambda: set_reserve_aside(tmp_path))
    assert (tmp_path / "reserve").is_file()


def test_a_report_has_no_log(odd: Callable[[Path], object], tmp_path: Path) -> None:
    odd(log_file(tmp_path))
    assert "(no log)" in str(ended(lambda: report(tmp_path)))


def test_the_window_says_that_the_disk_of_its_data_is_away(tmp_path: Path) -> None:
    ODD["link to nothing"](tmp_path / "data")
    code = (
        "import sys\n"
        "from PySide6.QtWidgets import QMessageBox\n"
        "from app.window_bootstrap import run_window\n"
        "QMessageBox.exec = lambda box: print(box.text())\n"
        "sys.exit(run_window())\n"
    )
    surroundings = {**os.environ, "STILLROOM_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(f"{tmp_path / 'data'} is a link to a folder that is not there.")
    assert "Connect its disk" in done.stdout
    assert (tmp_path / "data").is_symlink()
