"""A file is believed in what it says of the mixture it was made by only where it can be."""

from pathlib import Path

import pytest

from converters.gguf.file_type import file_type, stated_mixture
from converters.gguf.gguf_reader import inspect
from models.quantisation.chosen_mixture import MIXTURE_KEY
from tests.support.tiny_gguf import write_tiny_gguf

STATED = (
    '{"asked_bytes":4100000000,"bytes":4,"bits_per_weight":4.5,"divergence":0.1,"reason":"so","text":"own"}'
)


def test_a_chosen_mixture_is_named_by_what_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "chosen.gguf"
    write_tiny_gguf(path, texts={MIXTURE_KEY: STATED})
    assert file_type(inspect(path)) == "MIX_4100M"
    write_tiny_gguf(path, texts={MIXTURE_KEY: STATED.replace("{", '{"asked_bits":4.5,')})
    assert file_type(inspect(path)) == "MIX_4.50BPW"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"asked_bytes":1}',
        STATED.replace("4100000000", "-1"),
        STATED.replace("4100000000", "1" + "0" * 30),
        STATED.replace("{", '{"asked_bits":-4.5,'),
        STATED.replace("{", '{"asked_bits":1e300,'),
        STATED.replace("so", "o" * 100_000),
    ],
)
def test_what_is_no_choice_is_passed_over(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    write_tiny_gguf(path, texts={MIXTURE_KEY: text})
    summary = inspect(path)
    assert stated_mixture(summary) is None
    assert file_type(summary) == "F32"
