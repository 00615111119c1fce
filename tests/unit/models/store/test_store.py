import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from models.store.manifest import BuiltFile, InputFile, Manifest, gguf_sizes, read_manifest, type_in_name
from models.store.store import InstalledModel, ModelStore, TrashedModel, folder_name
from models.system.errors import StillroomError
from models.system.json_file import LoadedJson, load_json
from tests.support.held_disk import at_once, held_disk

NAME = "DeepSeek-R1-Distill-Qwen-1.5B"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def new_file(tmp_path: Path, kind: str = "Q4_K_M") -> BuiltFile:
    path = tmp_path / f"built-{kind}.gguf"
    path.write_bytes(b"GGUF" + kind.encode())
    return BuiltFile(kind, path, "ab" * 32, path.stat().st_size)


def add(store: ModelStore, tmp_path: Path, *kinds: str, name: str = NAME) -> list[InstalledModel]:
    return store.add(
        name,
        [new_file(tmp_path, kind) for kind in kinds],
        key="r1-qwen-1.5b",
        repo=f"deepseek-ai/{NAME}",
        commit="c" * 40,
        inputs=[InputFile(path="model.safetensors", sha256="cd" * 32, bytes=5)],
        tools={"stillroom": "0.1.0"},
    )


def test_added_files_are_moved_and_their_source_is_recorded(store: ModelStore, tmp_path: Path) -> None:
    [added] = add(store, tmp_path, "Q4_K_M")
    assert added.path == store.root / NAME / "Q4_K_M.gguf"
    assert added.path.read_bytes() == b"GGUFQ4_K_M"
    [output] = read_manifest(store.root / NAME).outputs
    assert (output.repo, output.commit) == (f"deepseek-ai/{NAME}", "c" * 40)
    assert output.inputs[0].sha256 == "cd" * 32
    assert output.tools == {"stillroom": "0.1.0"}
    assert ModelStore(store.root).listing().models == (added,)
    assert store.get(added.reference) == added
    assert store.get(f"{NAME}/Q8_0") is None


def test_a_second_type_joins_the_first(store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "Q8_0")
    add(store, tmp_path, "Q4_K_M", "Q8_0")
    assert [model.type for model in store.listing().models] == ["Q8_0", "Q4_K_M"]


def test_each_type_keeps_the_commit_it_came_from(store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "Q8_0")
    store.add(NAME, [new_file(tmp_path, "Q4_0")], commit="d" * 40)
    assert {model.type: model.commit[0] for model in store.listing().models} == {"Q8_0": "c", "Q4_0": "d"}
    assert {model.key for model in store.listing().models} == {"r1-qwen-1.5b"}


def test_find_takes_key_name_and_repository(store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "Q8_0", "Q4_K_M")
    for name in ("r1-qwen-1.5b", NAME, f"deepseek-ai/{NAME}"):
        assert len(store.find(name)) == 2
    assert [model.type for model in store.find("R1-Qwen-1.5B", "q8_0")] == ["Q8_0"]
    assert store.find("r1-qwen-7b") == ()


def test_delete_can_be_undone_until_the_trash_is_emptied(store: ModelStore, tmp_path: Path) -> None:
    first, second = add(store, tmp_path, "Q4_K_M", "Q8_0")
    before = read_manifest(store.root / NAME)
    trashed = store.delete(first)
    assert [model.type for model in store.listing().models] == ["Q8_0"]
    assert store.trash_bytes() == first.bytes
    assert store.restore(trashed) == first
    assert first.path.read_bytes() == b"GGUFQ4_K_M"
    assert {output.file for output in read_manifest(store.root / NAME).outputs} == {
        o.file for o in before.outputs
    }
    trashed = store.delete(first)
    store.empty_trash()
    assert store.trash_bytes() == 0
    with pytest.raises(StillroomError, match="gone for good"):
        store.restore(trashed)
    assert second.path.is_file()


def test_deleting_the_last_file_removes_the_folder_and_undo_brings_all_back(
    store: ModelStore, tmp_path: Path
) -> None:
    [only] = add(store, tmp_path, "Q4_K_M")
    before = read_manifest(store.root / NAME)
    trashed = store.delete(only)
    assert not (store.root / NAME).exists()
    store.restore(trashed)
    assert read_manifest(store.root / NAME) == before


def test_undo_never_overwrites_a_newer_file(store: ModelStore, tmp_path: Path) -> None:
    [old] = add(store, tmp_path, "Q4_K_M")
    trashed = store.delete(old)
    add(store, tmp_path, "Q4_K_M")
    with pytest.raises(StillroomError, match="is there again already"):
        store.restore(trashed)


def test_an_imported_file_stays_where_it_is(store: ModelStore, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "Some-Model.Q5_K_M.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF....")
    imported = store.import_file(file)
    assert (imported.name, imported.type, imported.path) == ("Some-Model.Q5_K_M", "Q5_K_M", file)
    assert store.import_file(file) == imported
    trashed = store.delete(imported)
    assert file.is_file()
    assert store.listing().models == ()
    assert store.restore(trashed) == imported
    file.unlink()
    listing = store.listing()
    assert listing.models == ()
    assert "is gone" in str(listing.notices[0])


def test_a_link_that_leads_to_itself_hides_no_model(store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "Q4_K_M")
    (store.root / "loop").symlink_to("loop")
    listing = store.listing()
    assert [(model.name, model.type) for model in listing.models] == [(NAME, "Q4_K_M")]
    assert listing.notices == ()


def test_a_folder_that_cannot_be_read_is_told_and_hides_no_model(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, tmp_path, "Q4_K_M")
    locked = store.root / "locked"
    locked.mkdir()

    def sizes(folder: Path) -> object:
        # A stand-in: whoever runs the tests as root may read everything.
        if folder == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return gguf_sizes(folder)

    monkeypatch.setattr("models.store.store.gguf_sizes", sizes)
    listing = store.listing()
    assert [(model.name, model.type) for model in listing.models] == [(NAME, "Q4_K_M")]
    assert [str(notice) for notice in listing.notices] == [f"{locked} cannot be read: Permission denied."]


def test_a_models_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to("models")
    [notice] = ModelStore(tmp_path / "models").listing().notices
    assert f"{tmp_path / 'models'} cannot be read: " in str(notice)


def test_two_imported_files_of_one_name_are_both_kept(store: ModelStore, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.gguf").write_bytes(b"GGUF")
        store.import_file(tmp_path / folder / "m.gguf")
    assert {model.path.parent.name for model in store.listing().models} == {"a", "b"}


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04"])
def test_what_is_no_gguf_is_not_imported(store: ModelStore, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StillroomError, match=r"x\.gguf"):
        store.import_file(file)


@pytest.mark.parametrize("content", [b"", b"{ half", b'{"outputs": 3}', b"\xff\xfe"])
def test_a_damaged_manifest_loses_no_model(
    store: ModelStore, tmp_path: Path, content: bytes, told: list[StillroomError]
) -> None:
    add(store, tmp_path, "Q4_K_M")
    (store.root / NAME / "manifest.json").write_bytes(content)
    listing = store.listing()
    assert [(model.name, model.type) for model in listing.models] == [(NAME, "Q4_K_M")]
    assert "is damaged" in str(told[0])
    add(store, tmp_path, "Q8_0")
    assert store.listing().notices == ()
    assert {model.type for model in store.listing().models} == {"Q4_K_M", "Q8_0"}
    [aside] = (store.root / NAME).glob("manifest.damaged-*.json")
    assert aside.read_bytes() == content


def test_a_damaged_manifest_costs_no_other_model(
    store: ModelStore, tmp_path: Path, told: list[StillroomError]
) -> None:
    add(store, tmp_path, "Q4_K_M")
    add(store, tmp_path, "Q8_0", name="Another")
    record = store.root / NAME / "manifest.json"
    record.write_bytes(record.read_bytes().replace(b"deepseek-ai", b"deepse\xffk-ai"))
    assert {model.name for model in store.listing().models} == {NAME, "Another"}
    [notice] = told
    assert str(record) in str(notice)


def test_an_edited_manifest_is_used_and_told_of_once(
    store: ModelStore, tmp_path: Path, told: list[StillroomError]
) -> None:
    [model] = add(store, tmp_path, "Q4_K_M")
    record = store.root / NAME / "manifest.json"
    record.write_text(record.read_text().replace("r1-qwen-1.5b", "my-own-key"))
    assert [found.path for found in store.find("my-own-key")] == [model.path]
    assert "changed outside Stillroom" in str(told[0])
    assert store.listing().models[0].key == "my-own-key"
    assert len(told) == 1


def test_a_manifest_is_read_again_only_where_it_has_changed(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def load(path: Path, kind: type[Manifest]) -> LoadedJson[Manifest]:
        read.append(path.parent)
        return load_json(path, kind)

    monkeypatch.setattr("models.store.store.load_json", load)
    add(store, tmp_path, "Q4_K_M")
    add(store, tmp_path, "Q4_K_M", name="Another")
    by_hand = store.root / "By hand"
    by_hand.mkdir()
    (by_hand / "one-Q8_0.gguf").write_bytes(b"GGUF")
    known = store.listing().models
    assert len(read) == len(known) == 3
    read.clear()
    assert store.listing().models == known
    assert read == []
    add(store, tmp_path, "Q8_0", name="Another")
    (by_hand / "one-Q8_0.gguf").write_bytes(b"GGUF, and more")
    (by_hand / "gone.gguf").symlink_to(tmp_path / "nowhere")
    [*_, found] = [model for model in store.listing().models if model.name == "By hand"]
    assert found.bytes == 14
    assert read == [store.root / "Another", by_hand]
    assert len(store.listing().models) == 4


def test_the_starter_is_listed_and_cannot_be_deleted(tmp_path: Path) -> None:
    file = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.write_bytes(b"GGUF")
    store = ModelStore(tmp_path / "models", file)
    [starter] = store.find("starter")
    assert (starter.type, starter.bundled, starter.path) == ("Q4_1", True, file)
    with pytest.raises(StillroomError, match="belongs to Stillroom"):
        store.delete(starter)


def test_threads_add_at_once(store: ModelStore, tmp_path: Path) -> None:
    kinds = [f"Q{number}_0" for number in range(8)]
    threads = [threading.Thread(target=add, args=(store, tmp_path, kind)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {model.type for model in store.listing().models} == set(kinds)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.Q4_K_M.gguf", "Q4_K_M"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("model-iq4_xs.gguf", "IQ4_XS"),
        ("model-bf16.gguf", "BF16"),
        ("Qwen3-8B.gguf", "GGUF"),
        ("DeepSeek-R1-Distill-Qwen-7B-Q8_0.gguf", "Q8_0"),
    ],
)
def test_type_in_name(name: str, expected: str) -> None:
    assert type_in_name(name) == expected


def test_folder_names_are_safe() -> None:
    assert folder_name("owner/name") == "owner--name"
    assert folder_name("..") == "model"
    assert folder_name("a:b\\c") == "a_b_c"


def test_what_was_kept_beside_a_model_goes_with_the_trash_after_its_last_file(
    store: ModelStore, tmp_path: Path
) -> None:
    [model] = add(store, tmp_path, "Q4_K_M")
    kept = store.folder_of(NAME) / "importance.imatrix"
    kept.write_bytes(b"kept")
    store.empty_trash()
    trashed = store.delete(model)
    assert store.listing().models == ()
    assert store.restore(trashed) == model
    assert kept.exists()
    store.delete(model)
    store.empty_trash()
    assert not store.folder_of(NAME).exists()


def test_the_inputs_of_a_file_are_told(store: ModelStore, tmp_path: Path) -> None:
    [model] = add(store, tmp_path, "Q4_K_M")
    assert [entry.sha256 for entry in store.inputs_at(model.path)] == ["cd" * 32]
    assert store.inputs_at(tmp_path / "other.gguf") == ()


def test_what_was_made_in_passing_goes_once_nobody_reads_it(store: ModelStore, tmp_path: Path) -> None:
    [full, small] = add(store, tmp_path, "BF16", "Q4_K_M")
    store.set_passing(full, True)
    other = ModelStore(store.root)
    with store.reading([small, full]):
        with other.reading([full]):
            pass
        assert not other.remove_passing(full)
    assert full.path.exists()
    assert other.remove_passing(full)
    assert not full.path.exists()
    assert not other.remove_passing(full)
    assert [model.type for model in store.listing().models] == ["Q4_K_M"]
    assert not [path for path in store.root.rglob("*.lock") if path.name != ".lock"]


def test_what_the_user_keeps_is_not_removed_as_made_in_passing(store: ModelStore, tmp_path: Path) -> None:
    [full] = add(store, tmp_path, "BF16")
    assert not store.remove_passing(full)
    assert full.path.exists()


def test_the_lock_of_a_reader_that_was_killed_keeps_nothing(store: ModelStore, tmp_path: Path) -> None:
    [full] = add(store, tmp_path, "BF16")
    store.set_passing(full, True)
    with store.reading([full]):
        [lock] = store.root.glob(".making/.*.lock")
    lock.touch()
    assert store.remove_passing(full)
    assert not lock.exists()


def test_what_is_gone_is_not_read(store: ModelStore, tmp_path: Path) -> None:
    [model] = add(store, tmp_path, "Q4_K_M")
    store.delete(model)
    with pytest.raises(StillroomError, match="is not in the store any more"), store.reading([model]):
        pytest.fail("it is read")


def test_nobody_who_wants_the_present_models_waits_for_a_change_of_them(
    store: ModelStore, tmp_path: Path
) -> None:
    [before] = add(store, tmp_path, "Q8_0")
    file = new_file(tmp_path, "Q4_K_M")
    assert store.listing().models == (before,)
    with held_disk() as disk:
        adding = threading.Thread(target=store.add, args=(NAME, [file]))
        adding.start()
        disk.wait_for_writer()
        assert at_once(lambda: store.present).models == (before,)
        assert adding.is_alive()
    adding.join()
    assert {model.type for model in store.present.models} == {"Q8_0", "Q4_K_M"}


def test_the_present_models_are_the_newest_after_each_change(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, tmp_path, "Q2_K")
    store.erase(store.listing().models[0])
    # Whoever asks for them does not look at the disk, nor does who asks first.
    here = threading.current_thread()
    scandir = os.scandir

    def look(place: Path) -> object:
        assert threading.current_thread() is not here, "the disk was read"
        return scandir(place)

    def elsewhere(change: Callable[[], object]) -> set[str]:
        at_once(change)
        return {model.type for model in store.present.models}

    monkeypatch.setattr(os, "scandir", look)
    assert ModelStore(store.root).present.models == ()
    assert elsewhere(lambda: add(store, tmp_path, "Q8_0", "Q4_K_M")) == {"Q8_0", "Q4_K_M"}
    one = next(model for model in store.present.models if model.type == "Q8_0")
    trashed: list[TrashedModel] = []
    assert elsewhere(lambda: trashed.append(store.delete(one))) == {"Q4_K_M"}
    assert elsewhere(lambda: store.restore(trashed[0])) == {"Q8_0", "Q4_K_M"}
    assert elsewhere(lambda: store.erase(one)) == {"Q4_K_M"}
    # Of what another process does, the next listing says it.
    other = ModelStore(store.root)
    assert elsewhere(lambda: other.erase(other.listing().models[0])) == {"Q4_K_M"}
    assert elsewhere(store.listing) == set()
