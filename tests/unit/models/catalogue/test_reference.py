import os
import sys
from pathlib import Path

import pytest

from models.catalogue.reference import (
    CatalogueReference,
    CheckpointReference,
    GgufReference,
    HubReference,
    parse_reference,
)
from models.system.errors import StillroomError


def test_catalogue_key_and_repository_are_the_same_model() -> None:
    for text in ("r1-qwen-7b", " R1-Qwen-7B ", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"):
        reference = parse_reference(text)
        assert isinstance(reference, CatalogueReference)
        assert reference.model.key == "r1-qwen-7b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner/name", HubReference("owner/name")),
        ("owner/name-GGUF:name.Q4_K_M.gguf", HubReference("owner/name-GGUF", "name.Q4_K_M.gguf")),
        ("owner/name:sub/a.gguf", HubReference("owner/name", "sub/a.gguf")),
        ("https://huggingface.co/owner/name", HubReference("owner/name")),
        ("https://huggingface.co/owner/name/tree/main", HubReference("owner/name")),
        ("https://huggingface.co/owner/name/tree/v2", HubReference("owner/name", revision="v2")),
        ("https://hf-mirror.com/owner/name/blob/main/a%20b.gguf", HubReference("owner/name", "a b.gguf")),
        ("https://huggingface.co/owner/name/resolve/abc/x.gguf", HubReference("owner/name", "x.gguf", "abc")),
    ],
)
def test_hub_ids_and_pages(text: str, expected: HubReference) -> None:
    assert parse_reference(text) == expected


def test_a_page_of_a_catalogue_model_is_that_model() -> None:
    reference = parse_reference("https://huggingface.co/deepseek-ai/DeepSeek-R1-Distill-Llama-8B/tree/main")
    assert isinstance(reference, CatalogueReference)


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner" / "name" / "config.json").write_text("{}")
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    assert parse_reference("owner/name") == CheckpointReference(tmp_path / "owner" / "name")
    assert parse_reference("a.gguf") == GgufReference(tmp_path / "a.gguf")
    assert parse_reference(str(tmp_path)) == GgufReference(tmp_path / "a.gguf")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("r1-qwen7b", "There is no model called r1-qwen7b.", "Did you mean r1-qwen-7b"),
        ("zzz", "There is no model called zzz.", "stillroom list"),
        ("", "No model was named.", "stillroom list"),
        ("missing.gguf", "The file missing.gguf does not exist.", "Check the path"),
        ("models/missing.gguf", "The file models/missing.gguf does not exist.", "Check the path"),
        ("https://huggingface.co/deepseek-ai", "names no model repository", "Copy the address"),
    ],
)
def test_unknown_names_say_what_to_do(text: str, message: str, hint: str) -> None:
    with pytest.raises(StillroomError) as caught:
        parse_reference(text)
    assert message in str(caught.value)
    assert hint in caught.value.hint_text()


def test_folders_and_files_that_are_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(StillroomError, match="holds no checkpoint"):
        parse_reference(str(tmp_path))
    with pytest.raises(StillroomError, match="is no GGUF file"):
        parse_reference(str(tmp_path / "notes.txt"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_is_no_model_and_is_not_said_to_be_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(StillroomError, match="is no GGUF file"):
        parse_reference(str(tmp_path / "pipe.gguf"))
