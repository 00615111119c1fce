"""Tokens, their types, merges, the way of splitting text, and what is added to a text."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.checkpoint.checkpoint import Checkpoint
from converters.checkpoint.pretokenizer import DEEPSEEK_BOS, LLAMA3_REGEX, QWEN2_REGEX, pretokenizer_name
from converters.checkpoint.special_tokens import read_special_tokens
from converters.checkpoint.vocabulary import TokenType, read_vocabulary
from converters.gguf.metadata_writer import new_metadata
from converters.system.errors import CheckpointError
from tests.support.checkpoints import added_token, byte_level, write_json
from tests.support.tiny_models import TEMPLATE

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def edited(checkpoints: dict[str, Path], tmp_path: Path) -> Callable[..., Checkpoint]:
    """A small Qwen2 checkpoint with its tokenizer files changed."""

    def make(tokenizer: Edit | None = None, config: Edit | None = None, **files: str) -> Checkpoint:
        folder = Path(shutil.copytree(checkpoints["qwen2"], tmp_path / "model"))
        for name, change in (("tokenizer.json", tokenizer), ("tokenizer_config.json", config)):
            if change is not None:
                document = json.loads((folder / name).read_text("utf-8"))
                change(document)
                write_json(folder / name, document)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text, "utf-8")
        return Checkpoint(folder)

    return make


def split(regex: str, **changes: object) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False, **changes}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(steps)}}


DEEPSEEK = {"added_tokens": [{"content": DEEPSEEK_BOS}]}
DIGITS = {"type": "Digits", "individual_digits": True}

NAMES = [
    (sequence(split(QWEN2_REGEX), byte_level(use_regex=False)), "qwen2"),
    (sequence(split(QWEN2_REGEX), byte_level(use_regex=False)) | DEEPSEEK, "deepseek-r1-qwen"),
    (sequence(split(LLAMA3_REGEX), byte_level(use_regex=False)), "llama-bpe"),
    (sequence(split(LLAMA3_REGEX), byte_level(use_regex=False)) | DEEPSEEK, "llama-bpe"),
    (sequence(DIGITS, byte_level(use_regex=True)), "smollm"),
    ({"pre_tokenizer": byte_level(use_regex=True)}, "gpt-2"),
]


@pytest.mark.parametrize(("tokenizer", "name"), NAMES)
def test_the_pretokenizer_is_read_off_the_tokenizer(tokenizer: dict[str, Any], name: str) -> None:
    assert pretokenizer_name(tokenizer) == name


@pytest.mark.parametrize(
    "tokenizer",
    [
        {},
        {"pre_tokenizer": None},
        sequence(),
        sequence(split(r"\w+"), byte_level(use_regex=False)),
        sequence(split(QWEN2_REGEX)),
        sequence(split(QWEN2_REGEX), byte_level(use_regex=True)),
        sequence(split(QWEN2_REGEX, behavior="MergedWithNext"), byte_level(use_regex=False)),
        sequence(split(QWEN2_REGEX, invert=True), byte_level(use_regex=False)),
        sequence({**split(""), "pattern": {"String": " "}}, byte_level(use_regex=False)),
        sequence({"type": "Digits", "individual_digits": False}, byte_level(use_regex=True)),
        {"pre_tokenizer": byte_level(use_regex=True, add_prefix_space=True)},
        {"pre_tokenizer": {"type": "Metaspace"}},
    ],
)
def test_an_unknown_way_of_splitting_is_refused(tokenizer: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="splits text in a way"):
        pretokenizer_name(tokenizer)


def test_token_types_and_padding(edited: Callable[..., Checkpoint]) -> None:
    vocabulary = read_vocabulary(edited(), 512)
    types = dict(zip(vocabulary.tokens, vocabulary.types, strict=True))
    assert types["!"] == TokenType.NORMAL
    assert types["<｜begin▁of▁sentence｜>"] == TokenType.CONTROL
    assert types["<｜User｜>"] == TokenType.CONTROL  # not marked special, but it looks so
    assert types["<think>"] == types["</think>"] == types["<tool_call>"] == TokenType.USER_DEFINED
    assert vocabulary.tokens[-1] == "[PAD511]"
    assert types["[PAD511]"] == TokenType.UNUSED
    assert len(vocabulary.tokens) == len(vocabulary.types) == 512


def test_both_forms_of_merges_are_one(
    edited: Callable[..., Checkpoint], checkpoints: dict[str, Path]
) -> None:
    strings = read_vocabulary(Checkpoint(checkpoints["qwen2"]), 512).merges
    pairs = read_vocabulary(Checkpoint(checkpoints["qwen3"]), 520).merges
    assert strings == pairs

    def with_space(document: dict[str, Any]) -> None:
        document["model"]["vocab"] |= {"a b": 476}
        document["model"]["merges"] = [["a ", "b"]]
        document["added_tokens"] = []

    assert read_vocabulary(edited(with_space), 512).merges == ["aĠ b"]


def test_an_added_token_is_read_through_the_byte_level(edited: Callable[..., Checkpoint]) -> None:
    def change(document: dict[str, Any]) -> None:
        first = document["added_tokens"][0]["id"]
        document["added_tokens"] = [
            added_token(first, "Ġhello", special=False),
            added_token(first + 1, "two words", special=False),
            added_token(first + 2, "low▁line", special=False),
            {**added_token(first + 3, "Ġkept", special=False), "normalized": True},
        ]

    assert read_vocabulary(edited(change), 512).tokens[476:480] == [
        " hello",
        "two words",
        "low line",
        "Ġkept",
    ]


def model_setting(key: str, value: object) -> Edit:
    return lambda document: document["model"].update({key: value})


def setting(key: str, value: object) -> Edit:
    return lambda document: document.update({key: value})


REFUSED: dict[str, tuple[Edit, str]] = {
    "unigram": (model_setting("type", "Unigram"), "Unigram is not supported"),
    "byte fallback": (model_setting("byte_fallback", True), r"BPE \+ byte_fallback"),
    "no model": (setting("model", None), "not supported"),
    "lower case": (setting("normalizer", {"type": "Lowercase"}), r"BPE \+ Lowercase"),
    "nested": (
        setting("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace"}]}),
        r"BPE \+ Replace",
    ),
    "no vocabulary": (model_setting("vocab", {}), "no vocabulary"),
    "a negative id": (model_setting("vocab", {"a": -1}), "no valid id"),
    "an id twice": (model_setting("vocab", {"a": 0, "b": 0}), "stands for two tokens"),
    "no merges": (model_setting("merges", []), "no merges"),
    "half a merge": (model_setting("merges", ["a"]), "not a pair"),
    "a merge of three": (model_setting("merges", ["a b c"]), "not a pair"),
    "a merge into nothing": (model_setting("merges", ["a ~"]), "gives no token"),
    "an added token elsewhere": (
        setting("added_tokens", [added_token(500, "<x>", special=True)]),
        "instead of",
    ),
    "an added token without id": (setting("added_tokens", [{"content": "<x>"}]), "no id"),
    "added tokens as a table": (setting("added_tokens", {"a": 1}), "not a list"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_a_tokenizer_that_is_not_supported_is_named(case: str, edited: Callable[..., Checkpoint]) -> None:
    change, message = REFUSED[case]
    with pytest.raises(CheckpointError, match=message):
        read_vocabulary(edited(change), 512)


def test_sentencepiece_is_refused(edited: Callable[..., Checkpoint]) -> None:
    with pytest.raises(CheckpointError, match="SentencePiece is not supported"):
        read_vocabulary(edited(tokenizer__model=""), 512)


def test_more_tokens_than_the_model_has_are_refused(edited: Callable[..., Checkpoint]) -> None:
    with pytest.raises(CheckpointError, match="489 tokens, but the model's vocabulary ends at 480"):
        read_vocabulary(edited(), 480)


def test_bos_is_added_where_the_tokenizer_says_so(checkpoints: dict[str, Path]) -> None:
    added = {key: read_special_tokens(Checkpoint(folder)).add for key, folder in checkpoints.items()}
    assert added["qwen2"]["bos"] is True  # by its post-processor
    assert added["qwen3"] == {"bos": False, "eos": False}  # ByteLevel has the word, as in llama.cpp


def test_another_last_token_becomes_eos(edited: Callable[..., Checkpoint]) -> None:
    last = {"SpecialToken": {"id": "<|EOT|>", "type_id": 0}}
    single = [{"Sequence": {"id": "A", "type_id": 0}}, last]
    checkpoint = edited(
        setting("post_processor", {"type": "TemplateProcessing", "single": single, "pair": []})
    )
    special = read_special_tokens(checkpoint)
    assert special.add["eos"] is True
    assert (special.ids["eos"], special.ids["eot"]) == (480, 476)


TEMPLATE_SOURCES: list[tuple[object, dict[str, str], dict[str, str]]] = [
    (TEMPLATE, {"chat_template__jinja": "other"}, {"": TEMPLATE}),
    (None, {"chat_template__jinja": "from file"}, {"": "from file"}),
    (None, {"chat_template__json": '{"chat_template": "from json"}'}, {"": "from json"}),
    (None, {"chat_template__json": "{"}, {}),
    (
        [{"name": "default", "template": "a"}, {"name": "tool use", "template": "b"}, {"name": 3}],
        {},
        {"": "a", "tool_use": "b"},
    ),
    (7, {}, {}),
]


@pytest.mark.parametrize(("stated", "files", "expected"), TEMPLATE_SOURCES)
def test_the_chat_template(
    stated: object, files: dict[str, str], expected: dict[str, str], edited: Callable[..., Checkpoint]
) -> None:
    special = read_special_tokens(edited(None, setting("chat_template", stated), **files))
    assert special.templates == expected
    metadata = new_metadata()
    special.write_to(metadata)
    [values] = metadata.kv_data
    written = {key: found.value for key, found in values.items()}
    assert written.get("tokenizer.chat_template", "") == expected.get("", "")
