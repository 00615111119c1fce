"""Find the pre-tokenizer of llama.cpp that splits text as a tokenizer.json does.

llama.cpp's own converter hashes what transformers makes of a test text, and that changes with transformers
(https://github.com/ggml-org/llama.cpp/issues/23416). Here it is read off tokenizer.json itself: the regular
expression that it splits by, and the model family where two names stand for the same one.
The names: `llama_vocab::impl::load` in llama.cpp's src/llama-vocab.cpp.
"""

from collections.abc import Iterator

from converters.checkpoint.checkpoint import Json
from converters.system.errors import CheckpointError

DEEPSEEK_BOS = "<｜begin▁of▁sentence｜>"

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2_REGEX = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_REST}"
LLAMA3_REGEX = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_REST}"


def pretokenizer_name(tokenizer: Json) -> str:
    """Return the value of `tokenizer.ggml.pre`. Raises `CheckpointError` for an unknown splitting."""
    steps = list(_steps(tokenizer.get("pre_tokenizer")))
    kinds = [str(step.get("type")) for step in steps]
    regexes = [_regex(step) for step in steps if step.get("type") == "Split"]
    if not steps or kinds[-1] != "ByteLevel" or not all(_plain(step) for step in steps):
        raise _unknown(kinds)
    byte_level_splits = steps[-1].get("use_regex", True) is True
    if kinds == ["Split", "ByteLevel"] and not byte_level_splits:
        if regexes == [QWEN2_REGEX]:
            return "deepseek-r1-qwen" if _is_deepseek(tokenizer) else "qwen2"
        if regexes == [LLAMA3_REGEX]:
            return "llama-bpe"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") is True and byte_level_splits:
        return "smollm"
    if kinds == ["ByteLevel"] and byte_level_splits:
        return "gpt-2"
    raise _unknown(regexes or kinds)


def _steps(pre_tokenizer: object) -> Iterator[Json]:
    if not isinstance(pre_tokenizer, dict):
        return
    if pre_tokenizer.get("type") == "Sequence":
        nested = pre_tokenizer.get("pretokenizers")
        for step in nested if isinstance(nested, list) else []:
            yield from _steps(step)
    else:
        yield pre_tokenizer


def _plain(step: Json) -> bool:
    """Tell whether a step has none of the variations that llama.cpp does not know."""
    if step.get("type") == "Split":
        return step.get("behavior") in ("Isolated", "Removed") and step.get("invert", False) == (
            step.get("behavior") == "Removed"
        )
    return step.get("add_prefix_space", False) is False


def _regex(step: Json) -> str:
    pattern = step.get("pattern")
    return str(pattern.get("Regex", "")) if isinstance(pattern, dict) else ""


def _is_deepseek(tokenizer: Json) -> bool:
    added = tokenizer.get("added_tokens")
    return isinstance(added, list) and any(
        isinstance(token, dict) and token.get("content") == DEEPSEEK_BOS for token in added
    )


def _unknown(what: object) -> CheckpointError:
    return CheckpointError(
        "This model splits text in a way that Stillroom does not know ({splitting}).",
        "Look for a ready-made GGUF file of this model.",
        splitting=str(what)[:200],
    )
