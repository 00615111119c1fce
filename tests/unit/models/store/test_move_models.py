import os
import threading
from pathlib import Path

import filelock
import pytest

from models.store.manifest import BuiltFile
from models.store.move_models import ModelsMove, finish_move
from models.store.store import ModelStore
from models.system.errors import Cancelled, StillroomError
from models.system.progress import JobContext, Progress
from tests.support.tiny_gguf import write_tiny_gguf


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    for name in ("one", "two"):
        path = store.work_folder(name) / "made.gguf"
        path.parent.mkdir(parents=True)
        write_tiny_gguf(path, 200_000)
        store.add(name, [BuiltFile("Q8_0", path, "ab", path.stat().st_size)])
    return store


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        file.relative_to(root).as_posix(): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in root.rglob("*")
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture(params=["linked", "copied"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """On one disk files get a second name; across disks they are copied."""
    if request.param == "copied":
        monkeypatch.setattr("models.store.move_models.same_disk", lambda one, other: False)
    return str(request.param)


def test_all_files_are_moved_as_they_are(store: ModelStore, tmp_path: Path, way: str) -> None:
    before, source, target = contents(store.root), store.root, tmp_path / "elsewhere" / "models"
    told: list[Progress] = []
    committed: list[bool] = []
    move = ModelsMove(source, target)
    move.run(lambda: committed.append(source.is_dir()), JobContext(told.append))
    assert committed == [True]
    assert contents(target) == before
    assert not source.exists()
    assert told[-1].done == told[-1].total == sum(len(data) for data, _ in before.values())
    store.move_to(target)
    assert [model.name for model in store.listing().models] == ["one", "two"]
    assert store.listing().notices == ()


def test_a_cancelled_move_is_undone(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.move_models.same_disk", lambda one, other: False)
    before, target, cancel = contents(store.root), tmp_path / "new", threading.Event()
    move = ModelsMove(store.root, target)
    with pytest.raises(Cancelled):
        move.run(lambda: pytest.fail("it was committed"), JobContext(lambda _: cancel.set(), cancel))
    assert contents(store.root) == before
    move.undo()
    assert not target.exists()


def test_undoing_leaves_what_is_not_of_the_move(store: ModelStore, tmp_path: Path) -> None:
    target = tmp_path / "new"
    target.mkdir()
    move = ModelsMove(store.root, target)
    with pytest.raises(KeyboardInterrupt):
        move.run(interrupted)
    (target / "mine.txt").write_text("mine")
    move.undo()
    assert [file.name for file in target.iterdir()] == ["mine.txt"]


def test_a_damaged_rest_of_an_earlier_try_is_copied_anew(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.move_models.same_disk", lambda one, other: False)
    before, target = contents(store.root), tmp_path / "new"
    part = target / "one" / "Q8_0.gguf.moving-part"
    move = ModelsMove(store.root, target)
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 1000)
    monkeypatch.setattr(move, "check", lambda: None)
    move.run(lambda: None)
    assert contents(target) == before


def test_what_an_earlier_try_copied_is_not_left_beside_a_link(store: ModelStore, tmp_path: Path) -> None:
    part = tmp_path / "new" / "one" / "Q8_0.gguf.moving-part"
    move = ModelsMove(store.root, tmp_path / "new")
    with pytest.raises(KeyboardInterrupt):
        move.run(interrupted)
    part.write_bytes(b"GGUF")
    move.run(lambda: None)
    assert not list((tmp_path / "new").rglob("*.moving*"))


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "said"),
    [(".", "already"), ("inside", "one inside the other"), ("..", "one inside the other")],
)
def test_a_folder_that_cannot_hold_the_models_is_refused(store: ModelStore, place: str, said: str) -> None:
    with pytest.raises(StillroomError, match=said):
        ModelsMove(store.root, store.root / place).check()


def test_a_folder_with_other_files_and_a_file_are_refused(store: ModelStore, tmp_path: Path) -> None:
    other = tmp_path / "full"
    other.mkdir()
    (other / "letter.txt").write_text("Dear")
    with pytest.raises(StillroomError, match="is not empty"):
        ModelsMove(store.root, other).check()
    with pytest.raises(StillroomError, match="it is a file"):
        ModelsMove(store.root, other / "letter.txt").check()


def test_a_disk_without_room_is_refused_with_the_sizes(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.move_models.same_disk", lambda one, other: False)
    monkeypatch.setattr("models.system.disk_space.free_bytes", lambda folder: 1000)
    with pytest.raises(StillroomError, match=r"67\.\d MB more are needed, and 1 kB are free"):
        ModelsMove(store.root, tmp_path / "new").check()


@pytest.mark.skipif(os.name == "nt", reason="links are made by everybody on POSIX only")
def test_what_a_link_leads_to_stays_where_it_is(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    (store.root / "one" / "link.gguf").symlink_to(tmp_path / "other.gguf")
    ModelsMove(store.root, tmp_path / "new").run(lambda: None)
    assert (tmp_path / "other.gguf").exists()
    assert (store.root / "one" / "link.gguf").is_symlink()


def test_finishing_where_no_move_ended_does_nothing(store: ModelStore) -> None:
    before = contents(store.root)
    finish_move(store.root)
    assert contents(store.root) == before


def test_a_move_waits_for_what_changes_the_models_at_that_moment(store: ModelStore, tmp_path: Path) -> None:
    target = tmp_path / "new"
    committed = threading.Event()
    with filelock.FileLock(store.root / ".lock"):
        moving = threading.Thread(target=ModelsMove(store.root, target).run, args=(committed.set,))
        moving.start()
        assert not committed.wait(0.2)
    moving.join(60)
    assert committed.is_set()
    assert (target / "one").is_dir()
