"""Names are read as llama.cpp's gguf-py reads them."""

import gguf
import pytest

from converters.checkpoint.model_name import NameParts, rounded_size, split_name, title

NAMES = [
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
    "DeepSeek-R1-Distill-Llama-70B",
    "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
    "Qwen/Qwen2.5-7B-Instruct",
    "Llama-3.1-8B-Instruct-v2",
    "Mixtral-8x7B-Instruct-v0.1",
    "bloom-7b1",
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "smollm2-135M-8k-lc100k-mix1-ep2",
    "phi-3-mini-4k-instruct",
    "model",
    "a--b",
    "./folder-1B",
    "../x",
    "My own model 7B",
    "llama-7b-chat-fp16",
    "Foo-large-1.1B-v1-lora",
    "7B-Foo",
    "x-1_5b",
]


@pytest.mark.parametrize("parameters", [0, 135_000_000, 1_777_088_000, 70_553_706_496])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_split_as_in_the_reference(name: str, parameters: int) -> None:
    full, *rest = gguf.Metadata.get_model_id_components(name, parameters)
    organization, basename, finetune, version, size_label = (part or "" for part in rest)
    parts = split_name(name, parameters)
    assert parts == NameParts(full, organization, basename, finetune, version, size_label)
    assert title(parts.full) == gguf.Metadata.id_to_title(full)


@pytest.mark.parametrize(
    "count", [0, 1, 999, 1500, 99_499, 134_515_008, 1_777_088_000, 7_615_616_512, 2 * 10**12]
)
def test_a_size_is_rounded_as_in_the_reference(count: int) -> None:
    assert rounded_size(count) == gguf.size_label(count, 0, 0, 0)
