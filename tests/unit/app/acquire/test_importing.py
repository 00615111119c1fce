"""Models of other programs are taken up where they lie, and stay there."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from app.acquire.importing import import_models
from app.base.errors import StillroomError
from converters.gguf.hollow_gguf import write_hollow_gguf
from models.catalogue.catalogue import find
from models.store.store import ModelStore
from tests.support.tiny_gguf import write_tiny_gguf


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


def ollama_with(folder: Path, name: str, content: bytes) -> Path:
    digest = hashlib.sha256(content).hexdigest()
    blob = folder / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(content)
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / name / "7b"
    manifest.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    manifest.write_text(json.dumps({"layers": [layer]}))
    return blob


def test_ollamas_blob_is_listed_by_its_name_and_never_deleted(tmp_path: Path, store: ModelStore) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    blob = ollama_with(tmp_path / "ollama", "tiny", (tmp_path / "tiny.gguf").read_bytes())
    imported = import_models([tmp_path / "ollama"], store)
    [model] = imported.models
    assert (model.name, model.type, model.path) == ("tiny:7b", "F32", blob)
    assert model.sha256 == blob.name.removeprefix("sha256-")
    assert store.listing().models == (model,)
    store.delete(model)
    assert blob.is_file()
    assert store.listing().models == ()


def test_a_file_that_went_missing_is_said(tmp_path: Path, store: ModelStore) -> None:
    file = tmp_path / "mine.gguf"
    write_tiny_gguf(file)
    import_models([file], store)
    file.unlink()
    listing = store.listing()
    assert listing.models == ()
    assert str(file) in str(listing.notices[0])


def test_a_catalogue_model_is_recognised_whatever_the_file_is_called(
    tmp_path: Path, store: ModelStore
) -> None:
    known = find("r1-llama-8b")
    assert known is not None
    file = tmp_path / "studio" / "somebody" / "repo" / "x.gguf"
    file.parent.mkdir(parents=True)
    write_hollow_gguf(file, known, "Q5_K_M")
    [model] = import_models([tmp_path / "studio"], store).models
    assert model.key == "r1-llama-8b"
    assert [other.path for other in store.find("r1-llama-8b")] == [file]


def test_what_cannot_be_taken_is_named_and_the_rest_is_taken(tmp_path: Path, store: ModelStore) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    write_tiny_gguf(folder / "good.gguf")
    (folder / "broken.gguf").write_bytes(b"GGUF")
    (folder / "m-00001-of-00002.gguf").write_bytes(b"GGUF")
    imported = import_models([folder], store)
    assert [model.name for model in imported.models] == ["good"]
    assert {str(error).split()[0] for error in imported.refused} == {"The", "m-00001-of-00002.gguf"}
    with pytest.raises(StillroomError, match=r"broken\.gguf"):
        import_models([folder / "broken.gguf"], store)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StillroomError, match="no GGUF file"):
        import_models([tmp_path / "empty"], store)


def test_what_holds_no_model_keeps_nothing_out_that_was_given_with_it(
    tmp_path: Path, store: ModelStore
) -> None:
    write_tiny_gguf(tmp_path / "good.gguf")
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("Buy milk, and then some more milk.")
    given = [tmp_path / name for name in ("empty", "note.txt", "nowhere", "good.gguf")]
    imported = import_models(given, store)
    assert [model.name for model in imported.models] == ["good"]
    told = [str(error) for error in imported.refused]
    assert [text.split("/")[-1] for text in told[:2]] == ["empty.", "nowhere."]
    assert told[2] == "The file note.txt is not a GGUF file."
    assert imported.refused[2].hint_text() == "Choose a file of a model, which ends in .gguf."
    imported = import_models(given[:3], store)
    assert (imported.models, len(imported.refused)) == ((), 3)


def test_a_blob_that_ollama_deleted_is_named(tmp_path: Path, store: ModelStore) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    ollama_with(tmp_path / "ollama", "tiny", (tmp_path / "tiny.gguf").read_bytes()).unlink()
    with pytest.raises(StillroomError, match="tiny:7b is missing"):
        import_models([tmp_path / "ollama"], store)


def test_an_architecture_that_llama_cpp_does_not_know_is_refused_by_its_name(
    tmp_path: Path, store: ModelStore
) -> None:
    file = tmp_path / "strange.gguf"
    write_tiny_gguf(file, architecture="qwen9moe")
    known = ("llama", "qwen2", "qwen3", "qwen3moe", "gemma3")
    with pytest.raises(StillroomError, match="of the architecture “qwen9moe”, which") as refused:
        import_models([file], store, known=known)
    assert "It knows 5 others, qwen3moe, " in refused.value.hint_text()
    assert store.listing().models == ()
    [taken] = import_models([file], store).models
    assert taken.path == file, "where llama.cpp does not tell what it knows, loading says it"


def test_a_path_with_nothing_there_is_told_as_that(tmp_path: Path, store: ModelStore) -> None:
    with pytest.raises(StillroomError) as told:
        import_models([tmp_path / "nowhere"], store)
    assert str(told.value) == f"There is nothing at {tmp_path / 'nowhere'}."
    assert told.value.hint == "Check the path."


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_is_not_said_to_be_missing(tmp_path: Path, store: ModelStore) -> None:
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    with pytest.raises(StillroomError) as told:
        import_models([pipe], store)
    assert str(told.value) == "The file pipe.gguf cannot be read: it is no regular file."


@pytest.mark.skipif(sys.platform == "win32", reason="no file is called so there")
def test_a_name_of_several_lines_that_turns_the_direction_becomes_one_plain_line(
    tmp_path: Path, store: ModelStore
) -> None:
    file = tmp_path / "new\nline\u200fmark\u202egnp.gguf"
    write_tiny_gguf(file)
    [model] = import_models([file], store).models
    assert model.name == "new line·mark·gnp"
    assert model.path == file
    store.delete(model)
    assert store.listing().models == ()
