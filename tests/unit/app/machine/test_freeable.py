"""Files that can be deleted to make room: those on that disk on which nobody works."""

from pathlib import Path

import filelock
import pytest

from app.base.errors import StillroomError
from app.base.paths import AppPaths
from app.machine.freeable import delete_for_good, find_freeable
from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from models.store.work_locks import working
from tests.support.tiny_gguf import write_tiny_gguf


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")


@pytest.fixture
def store(paths: AppPaths) -> ModelStore:
    paths.data.mkdir()
    store = ModelStore(paths.models)
    made = store.work_folder("one") / "made.gguf"
    made.parent.mkdir(parents=True)
    write_tiny_gguf(made, 100_000)
    store.add("one", [BuiltFile("Q8_0", made, "ab", made.stat().st_size)])
    half = store.work_folder("owner/half") / ".half.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"G" * 100_000)
    return store


def test_what_is_worked_on_is_neither_offered_nor_deleted(paths: AppPaths, store: ModelStore) -> None:
    offered = find_freeable(paths, store, paths.data)
    assert {(each.kind, each.name) for each in offered} == {
        ("model", "one Q8_0"),
        ("unfinished", "owner/half"),
    }
    half = next(each for each in offered if each.kind == "unfinished")
    with filelock.FileLock(half.paths[0] / ".0badcafe.lock"):
        assert [each.kind for each in find_freeable(paths, store, paths.data)] == ["model"]
        with pytest.raises(StillroomError, match="is being got or made in"):
            delete_for_good(half, store)
        assert (half.paths[0] / ".half.part").exists()
    delete_for_good(half, store)
    assert not half.paths[0].exists()


def test_what_is_worked_on_between_two_steps_is_neither_offered_nor_deleted(
    paths: AppPaths, store: ModelStore
) -> None:
    weights = paths.checkpoints / "owner--half"
    weights.mkdir(parents=True)
    (weights / "model.safetensors").write_bytes(b"w" * 50_000)
    offered = find_freeable(paths, store, paths.data)
    assert [each.kind for each in offered] == ["model", "unfinished", "weights"]
    with store.working("owner/half"), working(weights):
        assert [each.kind for each in find_freeable(paths, store, paths.data)] == ["model"]
        for each in offered[1:]:
            with pytest.raises(StillroomError, match="is being got or made in"):
                delete_for_good(each, store)
    assert (weights / "model.safetensors").exists()
    assert find_freeable(paths, store, paths.data) == offered


def test_what_lies_on_another_disk_would_not_help(
    paths: AppPaths, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.machine.freeable.same_disk", lambda one, other: False)
    assert find_freeable(paths, store, paths.data) == []
