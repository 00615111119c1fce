"""Names in a folder from outside may stand for anything; what is no ordinary file is refused at once."""

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.bench.export.import_runs import read_runs
from app.chat.transfer.import_chats import read_chats
from app.code.text_file import read_text_file
from converters.build.checkpoint_source import Conversion
from converters.checkpoint.checkpoint import Checkpoint
from converters.checkpoint.model_card import read_card
from converters.checkpoint.safetensors_file import read_header
from converters.gguf.gguf_reader import inspect
from converters.imatrix.imatrix_file import read_imatrix
from converters.lora.lora import read_adapter
from converters.system.errors import CheckpointError
from models.store.store import ModelStore
from models.system.errors import StillroomError
from models.system.foreign_json import parse_json
from models.system.regular_file import open_regular, read_regular
from tests.support.checkpoints import write_json

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pipes and devices among files"
)

WAIT_S = 20
INDEX = "model.safetensors.index.json"


def ended(work: Callable[[], object]) -> BaseException | None:
    """Return what `work` raised; fails where it does not end."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed over
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert raised, "it does not end"
    return raised[0]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


ODD = (pipe, zeros, folder)


@pytest.fixture
def copied(checkpoints: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda key: Path(shutil.copytree(checkpoints[key], tmp_path / key))


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(file.read_text("utf-8"))
    change(document)
    write_json(file, document)


@pytest.mark.parametrize("make", ODD)
def test_an_index_that_names_no_file_ends_the_build_at_once(
    make: Callable[[Path], None], copied: Callable[[str], Path]
) -> None:
    place = copied("llama")
    named = sorted(set(json.loads((place / INDEX).read_text())["weight_map"].values()))[0]
    (place / named).unlink()
    make(place / named)
    error = ended(lambda: Checkpoint(place))
    assert isinstance(error, CheckpointError)
    assert named in str(error)


READERS: dict[str, Callable[[Path], object]] = {
    "gguf": inspect,
    "safetensors": read_header,
    "imatrix": read_imatrix,
    "chats": read_chats,
    "runs": read_runs,
    "text": read_text_file,
    "import": lambda path: ModelStore(path.parent / "store").import_file(path, name="m"),
    "adapter": lambda path: read_adapter(path.parent),
}


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("reader", list(READERS))
def test_what_reads_files_of_others_refuses_what_is_none(
    reader: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "adapter_config.json"
    make(path)
    assert isinstance(ended(lambda: READERS[reader](path)), StillroomError)


def test_templates_beside_a_checkpoint_may_be_no_files(copied: Callable[[str], Path]) -> None:
    place = copied("llama")
    edit(place / "tokenizer_config.json", lambda document: document.pop("chat_template", None))
    (place / "chat_template.jinja").write_text("{{ messages }}")
    (place / "additional_chat_templates").mkdir()
    pipe(place / "additional_chat_templates" / "a.jinja")
    (place / "README.md").unlink(missing_ok=True)
    pipe(place / "README.md")
    assert ended(lambda: Conversion(place, "model").output("F16")) is None


def test_a_link_to_an_ordinary_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("blob")
    assert read_regular(tmp_path / "link", 3) == b"abc"
    with pytest.raises(OSError, match="too large"):
        read_regular(tmp_path / "link", 2)
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path)


def test_json_of_very_many_values_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ValueError, match="more than 10 values"):
        parse_json(b"[" + b"[]," * 10 + b"0]", 10)
    with pytest.raises(ValueError, match="deeply"):
        parse_json(b"[" * 100_000)
    assert parse_json(b'{"a": [1, 2.5, "x"]}') == {"a": [1, 2.5, "x"]}


SETTINGS: dict[str, object] = {
    "num_hidden_layers": 2**31 - 1,
    "vocab_size": 2**31 - 1,
    "rope_theta": 10**400,
    "rope_scaling": {"rope_type": ["yarn"], "factor": 2},
    "original_max_position_embeddings": 10**400,
    "hidden_act": "x" * 100_000,
    "quantization_config": {"quant_method": "\x1b[31m" * 10_000},
    "architectures": ["\x1b[31m" * 10_000],
}


@pytest.mark.parametrize("key", list(SETTINGS))
def test_a_setting_without_bounds_gets_one_sentence(key: str, copied: Callable[[str], Path]) -> None:
    place = copied("llama")
    edit(place / "config.json", lambda document: document.update({key: SETTINGS[key]}))
    error = ended(lambda: Conversion(place, "model").output("F16"))
    if key == "original_max_position_embeddings":
        assert error is None
        return
    assert isinstance(error, CheckpointError)
    assert len(str(error)) < 600
    assert str(error).isprintable()


def test_a_readme_of_aliases_is_no_front_matter(copied: Callable[[str], Path]) -> None:
    place = copied("llama")
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (place / "README.md").write_text("\n".join(["---", *lines, "license: *a11", "---"]))
    assert read_card(Checkpoint(place)) == {}
    (place / "README.md").write_text("---\nlicense: mit\ndate: 2024-99-99\n---")
    assert read_card(Checkpoint(place)) == {}
