"""A model's general.* metadata is what llama.cpp's own library makes of its files, and survives odd ones."""

import json
from pathlib import Path

import gguf
import pytest

from converters.checkpoint.checkpoint import Checkpoint
from converters.checkpoint.model_card import add_general
from converters.gguf.metadata_writer import encoded, new_metadata
from tests.support.checkpoints import write_json

PARAMETERS = 1_777_088_000
CARDS = {
    "none": "",
    "plain": "---\nlicense: mit\nlibrary_name: transformers\n---\n# A model\n",
    "full": "---\nlicense: [mit, apache-2.0]\nlicense_name: both\nlanguage:\n- en\n- no\n"
    "tags: [chat, maths]\npipeline_tag: text-generation\n"
    "model_creator: Somebody\nmodel_type: qwen2\nversion: v2\n"
    "base_model:\n- Qwen/Qwen2.5-Math-1.5B-v2\n- https://huggingface.co/owner/other-7B\n- ssh://host/x\n"
    "datasets: owner/questions\n---\n",
    "a table": "---\nbase_model:\n- name: Base\n  organization: Somebody\ndescription: Small\n---\n",
}


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint's folder whose settings and card can be edited; the weights are not looked at."""
    made = tmp_path / "DeepSeek-R1-Distill-Qwen-1.5B"
    made.mkdir()
    for file in checkpoints["qwen2"].iterdir():
        (made / file.name).symlink_to(file)
    return made


def written(folder: Path, card: str, name: str = "") -> gguf.GGUFWriter:
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "README.md").write_text(card)
    metadata = new_metadata("qwen2")
    add_general(metadata, Checkpoint(folder), name or folder.name, PARAMETERS)
    return metadata


@pytest.mark.parametrize("stated", ["", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "/home/x/y/model"])
@pytest.mark.parametrize("card", list(CARDS.values()), ids=list(CARDS))
def test_it_is_that_of_the_reference(card: str, stated: str, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").unlink()
    write_json(folder / "config.json", config | ({"_name_or_path": stated} if stated else {}))
    ours = written(folder, card)
    theirs = new_metadata("qwen2")
    theirs.add_type(gguf.GGUFType.MODEL)
    found = gguf.Metadata.load(None, folder, None, PARAMETERS)
    found.size_label = found.size_label or gguf.size_label(PARAMETERS, 0, 0, 0)
    found.set_gguf_meta_model(theirs)
    assert list(encoded(ours).items()) == list(encoded(theirs).items())


@pytest.mark.parametrize(
    "card",
    [
        "name: 5\nversion: 2026-01-01\nauthor: {a: b}\norganization: [a, 1, {c: d}]\nlicense: true",
        "base_model: 7\ndatasets: {a: b}\ntags: [1, null, [2], {a: b}]\nlanguage: 3.5",
        "base_model: ['', '-', '///', '" + "a-" * 5000 + "']",
        "name: '" + "-" * 60_000 + "'",
        "1: 2\n[a]: b\n",
        "name: \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
@pytest.mark.parametrize("stated", [None, "", 7, "a" * 100_000, "x/", "-", "a/b/c"])
def test_odd_values_are_texts_or_left_out(card: str, stated: object, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").unlink()
    write_json(folder / "config.json", config | {"_name_or_path": stated})
    metadata = written(folder, f"---\n{card}\n---\n", "a name")
    values = encoded(metadata)
    assert metadata.kv_data[0]["general.name"].value
    assert all(isinstance(value, bytes) for value in values.values())
