"""Other programs' folders, laid out as they lay them out."""

import json
from pathlib import Path

import pytest

from models.store.foreign_models import find_foreign_models

DIGEST = "ab" * 32


def ollama(root: Path, place: str, layers: object) -> None:
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    path = root / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))


def layer(kind: str, digest: str = f"sha256:{DIGEST}") -> dict[str, object]:
    return {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": 4}


def test_ollamas_models_are_named_as_ollama_names_them(tmp_path: Path) -> None:
    root = tmp_path / ".ollama" / "models"
    library = "registry.ollama.ai/library"
    ollama(root, f"{library}/deepseek-r1/8b", [layer("template", "sha256:" + "cd" * 32), layer("model")])
    ollama(root, "registry.ollama.ai/somebody/own/latest", [layer("model", "sha256:" + "ef" * 32)])
    for folder in (root, root.parent):
        first, second = find_foreign_models(folder)
        assert (first.name, first.sha256) == ("deepseek-r1:8b", DIGEST)
        assert first.path == root / "blobs" / f"sha256-{DIGEST}"
        assert second.name == "somebody/own:latest"


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [layer("model"), layer("model")],
        [layer("model", "sha256:../../etc/passwd")],
        [layer("model", "sha256:" + "AB" * 32)],
        [{"digest": "sha256:" + DIGEST}],
        "text",
        None,
    ],
)
def test_a_manifest_that_names_no_one_blob_is_left_out(tmp_path: Path, layers: object) -> None:
    ollama(tmp_path, "registry.ollama.ai/library/x/latest", layers)
    (tmp_path / "manifests" / "readme").write_bytes(b"\xff not JSON")
    assert find_foreign_models(tmp_path) == []


def test_lm_studios_and_plain_folders_are_searched_to_the_bottom(tmp_path: Path) -> None:
    for name in (
        "publisher/Some-GGUF/Some-Q4_K_M.gguf",
        "publisher/Some-GGUF/mmproj-Some-f16.gguf",
        "Large-00001-of-00002.gguf",
        "b.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"GGUF")
    found = find_foreign_models(tmp_path)
    assert [(model.name, model.is_part) for model in found] == [
        ("Large-00001-of-00002", True),
        ("Some-Q4_K_M", False),
    ]
