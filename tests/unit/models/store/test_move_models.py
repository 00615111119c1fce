import os
import threading
from pathlib import Path

import filelock
import pytest

from models.store.manifest import BuiltFile
from models.store.move_models import ModelsMove, finish_move
from models.store.store import CHOSEN_MARK, ModelStore
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
        if file.is_file() and file.name not in (".lock", CHOSEN_MARK)
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
def test_a_link_to_another_place_is_named_and_nothing_moved(store: ModelStore, tmp_path: Path) -> None:
    before = contents(store.root)
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    (store.root / "one" / "link.gguf").symlink_to(tmp_path / "other.gguf")
    with pytest.raises(StillroomError, match=r"one/link.gguf is a link to another place"):
        ModelsMove(store.root, tmp_path / "new").run(not_committed)
    assert contents(store.root).items() >= before.items()
    assert not (tmp_path / "new").exists()


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


def not_committed() -> None:
    pytest.fail("it was committed")


def test_files_of_others_stay_where_they_are(store: ModelStore, tmp_path: Path) -> None:
    (store.root / "letter.txt").write_text("Dear")
    (store.root / "photos").mkdir()
    (store.root / "photos" / "sea.jpg").write_bytes(b"sea")
    source = store.root
    ModelsMove(source, tmp_path / "new").run(lambda: None)
    assert {file.name for file in source.rglob("*") if file.is_file()} == {"letter.txt", "sea.jpg"}
    assert not (tmp_path / "new" / "photos").exists()


def test_a_disk_that_is_away_loses_nothing(store: ModelStore, tmp_path: Path, way: str) -> None:
    target = tmp_path / "new"
    move = ModelsMove(store.root, target)
    with pytest.raises(KeyboardInterrupt):
        move.run(interrupted)
    copied = contents(target)
    away = store.root.rename(tmp_path / "unplugged")
    with pytest.raises(StillroomError, match="is not there"):
        move.run(not_committed)
    # The folder that the disk is mounted on.
    store.root.mkdir()
    with pytest.raises(StillroomError, match="is not there"):
        move.run(not_committed)
    assert contents(target) == copied
    assert contents(away)


def test_a_chosen_folder_is_there_by_its_mark(store: ModelStore, tmp_path: Path) -> None:
    target = tmp_path / "new"
    ModelsMove(store.root, target).run(lambda: store.move_to(target))
    assert store.is_there
    target.rename(tmp_path / "unplugged")
    target.mkdir()
    assert not store.is_there
    with pytest.raises(StillroomError, match="is not there"):
        store.empty_trash()


def move_and_be_killed(store: ModelStore, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move until just after the commit; return where the models were."""
    source = store.root
    with monkeypatch.context() as patched:
        patched.setattr("models.store.move_models.finish_move", lambda root, **_: None)
        ModelsMove(source, target).run(lambda: None)
    assert source.is_dir()
    return source


@pytest.mark.skipif(os.name == "nt", reason="links are made by everybody on POSIX only")
def test_an_old_folder_that_became_a_link_to_the_new_one_is_no_copy(
    store: ModelStore, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new"
    source = move_and_be_killed(store, target, monkeypatch)
    source.rename(tmp_path / "aside")
    source.symlink_to(target)
    moved = contents(tmp_path / "aside")
    finish_move(target)
    assert contents(target).items() >= moved.items()


def test_what_lies_on_a_disk_that_is_away_is_deleted_later(
    store: ModelStore, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    store.root = store.root.rename(disk / "models")
    source = move_and_be_killed(store, tmp_path / "new", monkeypatch)
    disk.rename(tmp_path / "unplugged")
    finish_move(tmp_path / "new")
    (tmp_path / "unplugged").rename(disk)
    finish_move(tmp_path / "new")
    assert not source.exists()
    assert ModelStore(tmp_path / "new").find("one")


def test_a_file_that_was_changed_between_two_tries_is_copied_again(
    store: ModelStore, tmp_path: Path, way: str
) -> None:
    target = tmp_path / "new"
    move = ModelsMove(store.root, target)
    with pytest.raises(KeyboardInterrupt):
        move.run(interrupted)
    manifest = store.root / "one" / "manifest.json"
    changed = manifest.read_bytes().replace(b"one", b"eno")
    fresh = manifest.with_name("fresh")
    fresh.write_bytes(changed)
    os.utime(fresh, ns=(manifest.stat().st_atime_ns, manifest.stat().st_mtime_ns))
    fresh.replace(manifest)
    move.run(lambda: None)
    assert (target / "one" / "manifest.json").read_bytes() == changed


def test_nothing_is_moved_under_a_build(store: ModelStore, tmp_path: Path) -> None:
    work = store.work_folder("three")
    work.mkdir(parents=True)
    (work / ".three.part").write_bytes(b"GG")
    with (
        filelock.FileLock(work / ".0badcafe.lock"),
        pytest.raises(StillroomError, match="is being got or made in"),
    ):
        ModelsMove(store.root, tmp_path / "new").run(not_committed)
    ModelsMove(store.root, tmp_path / "new").run(lambda: None)
    assert (tmp_path / "new" / ".making" / "three" / ".three.part").read_bytes() == b"GG"


def test_nothing_is_moved_between_two_steps_of_a_build(store: ModelStore, tmp_path: Path) -> None:
    with store.working("three"):
        # Neither the folder nor a lock of a step is there.
        assert not store.work_folder("three").exists()
        with pytest.raises(StillroomError, match="is being got or made in"):
            ModelsMove(store.root, tmp_path / "new").run(not_committed)
        with pytest.raises(StillroomError, match="is being got or made in"), store.working("three"):
            pytest.fail("two at once")
        with store.working("four"):
            pass
    ModelsMove(store.root, tmp_path / "new").run(lambda: None)
    assert not list(tmp_path.rglob(".three.lock"))


def test_nothing_is_moved_while_a_model_is_measured(store: ModelStore, tmp_path: Path) -> None:
    [one] = store.find("one")
    with (
        store.reading([one]),
        store.reading([one]),
        pytest.raises(StillroomError, match="is being measured"),
    ):
        ModelsMove(store.root, tmp_path / "new").run(not_committed)
    ModelsMove(store.root, tmp_path / "new").run(lambda: None)
    assert not list(tmp_path.rglob("*.read-*"))


def test_no_model_is_measured_while_they_are_moved(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.store.LOCK_WAIT_S", 0.1)
    [one] = store.find("one")

    def commit() -> None:
        with pytest.raises(StillroomError, match="is being moved"), store.reading([one]):
            pytest.fail("it reads a file that goes")

    ModelsMove(store.root, tmp_path / "new").run(commit)


def test_no_work_begins_while_the_models_are_moved(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.store.LOCK_WAIT_S", 0.1)

    def commit() -> None:
        with pytest.raises(StillroomError, match="is being moved"), store.working("three"):
            pytest.fail("it works in a folder that goes")

    ModelsMove(store.root, tmp_path / "new").run(commit)
    assert not (tmp_path / "models").exists()


def test_work_that_waited_for_the_end_of_a_move_is_done_in_the_new_folder(
    store: ModelStore, tmp_path: Path
) -> None:
    target = tmp_path / "new"
    places: list[Path] = []
    other = ModelStore(store.root, root_now=lambda: places[-1] if places else None)
    began = threading.Event()
    held: list[Path] = []

    def work() -> None:
        began.set()
        with other.working("three"):
            held.append(other.work_folder("three"))

    waiting = threading.Thread(target=work)

    def commit() -> None:
        waiting.start()
        began.wait()
        places.append(target)

    ModelsMove(store.root, target).run(commit)
    waiting.join(60)
    assert held == [target / ".making" / "three"]
    assert not (tmp_path / "models" / "one").exists()
    assert [model.path.parent.parent for model in other.listing().models] == [target, target]


def test_the_models_are_listed_while_another_one_changes_the_folder(store: ModelStore) -> None:
    [one] = store.find("one")
    listed = threading.Event()
    with filelock.FileLock(store.root / ".lock"):
        waiting = threading.Thread(target=store.delete, args=(one,))
        waiting.start()
        threading.Thread(target=lambda: (store.listing(), listed.set())).start()
        assert listed.wait(5)
        assert waiting.is_alive()
    waiting.join(60)
    assert not store.find("one")
