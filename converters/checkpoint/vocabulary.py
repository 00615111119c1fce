"""A byte-level BPE vocabulary from tokenizer.json: tokens, their types, merges.

Follows llama.cpp's converter (`get_vocab_base` in conversion/base.py, `SpecialVocab` in gguf-py), so that the
same text gives the same tokens.
"""

from dataclasses import dataclass
from enum import IntEnum

from converters.checkpoint.checkpoint import Checkpoint, Json
from converters.checkpoint.pretokenizer import pretokenizer_name
from converters.system.errors import CheckpointError


class TokenType(IntEnum):
    """`tokenizer.ggml.token_type` (llama.h's `llama_token_type`)."""

    NORMAL = 1
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Texts and types by token id, padded to the size of the embedding; merges in their order of rank."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pretokenizer: str


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token outside the merges, such as `<think>`."""

    id: int
    content: str
    special: bool
    normalized: bool


def read_vocabulary(checkpoint: Checkpoint, size: int) -> Vocabulary:
    """Read the vocabulary, padded to `size`. Raises `CheckpointError` for a tokenizer of another kind, or a
    damaged one.
    """
    model = checkpoint.tokenizer.get("model")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE" or model.get("byte_fallback") is True:
        kind = model.get("type") if isinstance(model, dict) else None
        raise _unsupported(f"{kind} + byte_fallback" if kind == "BPE" else str(kind))
    if (checkpoint.folder / "tokenizer.model").is_file():
        raise _unsupported("SentencePiece")
    try:
        normalizer = _unsupported_normalizer(checkpoint.tokenizer.get("normalizer"))
        pretokenizer = pretokenizer_name(checkpoint.tokenizer)
    except RecursionError as error:
        raise _damaged("The file tokenizer.json is damaged: its steps are nested too deeply.") from error
    if normalizer is not None:
        raise _unsupported(f"BPE + {normalizer}")
    texts = _texts(model)
    added = _placed(read_added_tokens(checkpoint), texts)
    if max(texts) >= size:
        raise CheckpointError(
            "The tokenizer has {tokens} tokens, but the model's vocabulary ends at {vocabulary}.",
            "Download the model again; its files do not belong together.",
            tokens=max(texts) + 1,
            vocabulary=size,
        )
    tokens, types = [], []
    for index in range(size):
        text, kind = f"[PAD{index}]", TokenType.UNUSED
        if index in added:
            text, kind = _added_text_and_type(added[index])
        elif index in texts:
            text, kind = texts[index], TokenType.NORMAL
        tokens.append(text)
        types.append(int(kind))
    return Vocabulary(tokens, types, _merges(model, set(texts.values())), pretokenizer)


def read_added_tokens(checkpoint: Checkpoint) -> list[AddedToken]:
    """Read the added tokens of tokenizer.json, in their order."""
    entries = checkpoint.tokenizer.get("added_tokens") or []
    if not isinstance(entries, list):
        raise _damaged("The file tokenizer.json is damaged: its added tokens are not a list.")
    found = []
    for entry in entries:
        token_id, content = (
            (entry.get("id"), entry.get("content")) if isinstance(entry, dict) else (None, None)
        )
        if type(token_id) is not int or not 0 <= token_id < 1 << 31 or not isinstance(content, str):
            raise _damaged("The file tokenizer.json is damaged: an added token has no id or no text.")
        found.append(
            AddedToken(token_id, content, entry.get("special") is True, entry.get("normalized") is not False)
        )
    return found


def _placed(tokens: list[AddedToken], texts: dict[int, str]) -> dict[int, AddedToken]:
    """Enter the added tokens into `texts`, and return them by id. A new one takes the next free id: whatever
    else its entry says, that is where the tokenizers library puts it, and so where the model has learned
    it."""
    ids = {text: token_id for token_id, text in texts.items()}
    following = len(texts)
    for token in tokens:
        expected = ids.setdefault(token.content, following)
        if token.id != expected:
            raise _damaged(
                "The file tokenizer.json is damaged: the added token {token} has the id {id} instead of "
                "{expected}.",
                token=token.content,
                id=token.id,
                expected=expected,
            )
        following = max(following, expected + 1)
        texts[expected] = token.content
    return {token.id: token for token in tokens}


def _texts(model: Json) -> dict[int, str]:
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict) or not vocabulary:
        raise _damaged("The file tokenizer.json is damaged: it has no vocabulary.")
    texts: dict[int, str] = {}
    for text, token_id in vocabulary.items():
        if type(token_id) is not int or token_id < 0:
            raise _damaged(
                "The file tokenizer.json is damaged: the token {token} has no valid id.", token=repr(text)
            )
        if token_id in texts:
            raise _damaged(
                "The file tokenizer.json is damaged: the id {id} stands for two tokens.", id=token_id
            )
        texts[token_id] = text
    return texts


def _merges(model: Json, known: set[str]) -> list[str]:
    """Write each merge as its two parts with a space between; a space inside a part is written as the
    byte-level Ġ.
    """
    merges = model.get("merges")
    if not isinstance(merges, list) or not merges:
        raise _damaged("The file tokenizer.json is damaged: it has no merges.")
    lines = []
    for merge in merges:
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise _damaged("The file tokenizer.json is damaged: a merge is not a pair.")
        if parts[0] + parts[1] not in known:
            raise _damaged(
                "The file tokenizer.json is damaged: the merge of {first} and {second} gives no token.",
                first=repr(parts[0]),
                second=repr(parts[1]),
            )
        lines.append(" ".join(part.replace(" ", "Ġ") for part in parts))
    return lines


def _unsupported_normalizer(normalizer: object) -> str | None:
    """Return the first step that llama.cpp leaves out and that changes the text; it leaves out NFC as well,
    but text is in that form almost always."""
    if normalizer is None:
        return None
    if not isinstance(normalizer, dict):
        return str(normalizer)
    if normalizer.get("type") == "Sequence" and isinstance(normalizer.get("normalizers"), list):
        steps = (_unsupported_normalizer(step) for step in normalizer["normalizers"])
        return next((step for step in steps if step is not None), None)
    return None if normalizer.get("type") == "NFC" else str(normalizer.get("type"))


def _added_text_and_type(token: AddedToken) -> tuple[str, TokenType]:
    text = token.content if token.normalized else _through_byte_level(token.content)
    if token.special or _looks_special(text):
        return text, TokenType.CONTROL
    return text.replace("▁", " "), TokenType.USER_DEFINED


def _looks_special(text: str) -> bool:
    """Tell whether a token controls the dialogue: some models mark such ones as ordinary (`<｜User｜>` of
    DeepSeek)."""
    bracketed = (("<|", "|>"), ("<｜", "｜>"), ("<unused", ">"))
    return text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or any(
        text.startswith(start) and text.endswith(end) for start, end in bracketed
    )


def _byte_level_alphabet() -> dict[str, int]:
    """Return the byte of each character in byte-level BPE (`bytes_to_unicode` of GPT-2's encoder.py)."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet = {chr(byte): byte for byte in visible}
    hidden = [byte for byte in range(256) if byte not in set(visible)]
    return alphabet | {chr(256 + place): byte for place, byte in enumerate(hidden)}


_BYTES = _byte_level_alphabet()


def _through_byte_level(text: str) -> str:
    """Return what a byte-level decoder makes of a token that is looked up literally."""
    if any(character not in _BYTES for character in text):
        return text
    return bytes(_BYTES[character] for character in text).decode("utf-8", "replace")


def _unsupported(kind: str) -> CheckpointError:
    return CheckpointError(
        "The tokenizer model {kind} is not supported.",
        "Stillroom converts models with a byte-level BPE vocabulary. Look for a ready-made GGUF file.",
        kind=kind,
    )


def _damaged(message: str, **values: object) -> CheckpointError:
    return CheckpointError(message, "Download the model again.", **values)
