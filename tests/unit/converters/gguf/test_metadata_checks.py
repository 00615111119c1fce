"""Files over which llama.cpp would end its process are refused. See tests/faults/test_hostile_files.py."""

import math
from pathlib import Path

import pytest

from converters.gguf.gguf_layout import ALIGNMENT
from converters.gguf.gguf_reader import inspect
from converters.system.errors import GgufError
from tests.support.gguf_mutants import (
    ALIGNMENT as SAME_ALIGNMENT,
)
from tests.support.gguf_mutants import (
    FLOAT32,
    STRING,
    UINT32,
    Parts,
    Tensor,
    Value,
    array,
    number,
    string,
    text,
)

F16, F32 = 1, 0


def parts(*more: tuple[bytes, Value]) -> Parts:
    tokens = [text(b"token %d" % place) for place in range(8)]
    return Parts(
        values=[
            (b"general.architecture", string(b"qwen3")),
            (b"qwen3.block_count", number(UINT32, 2)),
            (b"qwen3.embedding_length", number(UINT32, 32)),
            (b"qwen3.attention.head_count", number(UINT32, 4)),
            (b"tokenizer.ggml.tokens", array(STRING, tokens)),
            *more,
        ],
        tensors=[Tensor(b"output_norm.weight", [32], F32, 0)],
        data=bytes(128),
    )


def write(folder: Path, made: Parts) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(made.encoded())
    return path


REFUSED: dict[bytes, Value] = {
    b"general.architecture": number(UINT32, 7),
    b"general.type": number(UINT32, 7),
    b"qwen3.block_count": number(UINT32, 0),
    b"qwen3.attention.layer_norm_rms_epsilon": number(FLOAT32, -1),
    b"qwen3.rope.freq_base": number(FLOAT32, math.nan),
    b"qwen3.rope.scaling.factor": number(FLOAT32, 1e38),
    b"qwen3.rope.scaling.type": string(b"x"),
    b"qwen3.rope.dimension_count": number(UINT32, 3),
    b"qwen3.expert_count": number(UINT32, 1 << 31),
    b"qwen3.expert_used_count": number(UINT32, 1),
    b"qwen3.nextn_predict_layers": number(UINT32, 3),
}


@pytest.mark.parametrize("key", list(REFUSED))
def test_a_value_that_no_model_has_is_refused_by_its_key(key: bytes, tmp_path: Path) -> None:
    with pytest.raises(GgufError, match=key.decode()):
        inspect(write(tmp_path, parts().changed(key, REFUSED[key])))


def test_what_a_model_has_is_fine(tmp_path: Path) -> None:
    assert ALIGNMENT == SAME_ALIGNMENT
    scaling = (b"qwen3.rope.scaling.type", string(b"yarn"))
    made = parts((b"qwen3.rope.dimension_count", number(UINT32, 8)), scaling)
    summary = inspect(write(tmp_path, made))
    assert [tensor.name for tensor in summary.tensors] == ["output_norm.weight"]


def test_two_tokens_of_one_text_are_refused(tmp_path: Path) -> None:
    same = array(STRING, [text(b"a"), text(b"a\0b")])
    with pytest.raises(GgufError, match="two tokens"):
        inspect(write(tmp_path, parts().changed(b"tokenizer.ggml.tokens", same)))
    nameless = array(STRING, [text(b""), text(b"")])
    inspect(write(tmp_path, parts().changed(b"tokenizer.ggml.tokens", nameless)))


def test_a_vector_of_another_type_is_refused(tmp_path: Path) -> None:
    made = parts()
    made.tensors = [Tensor(b"output_norm.weight", [64], F16, 0)]
    with pytest.raises(GgufError, match="vectors are F32"):
        inspect(write(tmp_path, made))


def test_a_name_with_control_characters_is_refused_in_one_clean_sentence(tmp_path: Path) -> None:
    with pytest.raises(GgufError) as refused:
        inspect(write(tmp_path, parts((b"a\x1b[31m" + b"x" * 60_000, number(UINT32, 1)))))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_a_list_longer_than_any_vocabulary_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match="longer than any vocabulary"):
        inspect(write(tmp_path, parts((b"x", array(0, [bytes(2 << 20)], 2 << 20)))))
