"""Read which tokens begin, end and pad a text, whether they are added by themselves, and the chat template.

Follows `SpecialVocab` of llama.cpp's gguf-py (vocab.py): tokenizer.json's post-processor decides what is
added, tokenizer_config.json names the tokens, config.json has the last word only where that names none.
"""

import itertools
import re
from dataclasses import dataclass, field

import gguf

from converters.checkpoint.checkpoint import Checkpoint, Json
from converters.checkpoint.vocabulary import read_added_tokens
from models.system.foreign_json import parse_json

_MOST_TEMPLATES = 100


@dataclass(slots=True)
class SpecialTokens:
    """Token ids by role, what is added to every text, and the templates by name ("" is the default one)."""

    ids: dict[str, int] = field(default_factory=dict)
    add: dict[str, bool] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)

    def write_to(self, metadata: gguf.GGUFWriter) -> None:
        """Put them into `metadata`, in llama.cpp's order; it has no keys for some of the roles."""
        for role, token_id in self.ids.items():
            if add_id := getattr(metadata, f"add_{role}_token_id", None):
                add_id(token_id)
        for role, value in self.add.items():
            if add := getattr(metadata, f"add_add_{role}_token", None):
                add(value)
        keys, names = gguf.Keys.Tokenizer, [name for name in self.templates if name]
        for name in names:
            metadata.add_string(keys.CHAT_TEMPLATE_N.format(name=name), self.templates[name])
        # The writer's own way lists them in an order that differs from run to run.
        metadata.add_array(keys.CHAT_TEMPLATES, sorted(names))
        metadata.add_string(keys.CHAT_TEMPLATE, self.templates.get("", ""))


def read_special_tokens(checkpoint: Checkpoint) -> SpecialTokens:
    """Read the special tokens of a checkpoint."""
    special = SpecialTokens()
    named = {
        role: _content(checkpoint.tokenizer_config.get(f"{role}_token"))
        for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    }
    named["bos"] = named["bos"] or named["cls"]
    named["eos"] = named["eos"] or named["sep"]
    for processor in _processors(checkpoint.tokenizer):
        if processor.get("type") == "ByteLevel":
            special.add.setdefault("bos", False)
            special.add.setdefault("eos", False)
        elif processor.get("type") == "TemplateProcessing":
            _read_template_processing(processor, named, special)
    if checkpoint.tokenizer_config:
        special.templates = _templates(checkpoint)
        contents: dict[str, int] = {}
        for token in read_added_tokens(checkpoint):
            contents.setdefault(token.content, token.id)
        for role, content in named.items():
            stated = checkpoint.tokenizer_config.get(f"add_{role}_token")
            if isinstance(stated, bool):
                special.add.setdefault(role, stated)
            if content in contents:
                special.ids.setdefault(role, contents[content])
    for role in named:
        token_id = checkpoint.config.get(f"{role}_token_id")
        if type(token_id) is int and 0 <= token_id < 1 << 31:
            special.ids.setdefault(role, token_id)
    return special


def _processors(tokenizer: Json) -> list[Json]:
    processor = tokenizer.get("post_processor")
    if not isinstance(processor, dict):
        return []
    nested = processor.get("processors", [processor])
    return [step for step in nested if isinstance(step, dict)] if isinstance(nested, list) else []


def _read_template_processing(processor: Json, named: dict[str, str], special: SpecialTokens) -> None:
    """Read the token before and after a single text; another last token than EOS becomes EOS, and EOS becomes
    EOT.
    """
    single = processor.get("single")
    pieces = [piece for piece in single if isinstance(piece, dict)] if isinstance(single, list) else []
    if len(pieces) > 1:
        first, last = _special_id(pieces[0]), _special_id(pieces[-1])
        if first:
            named["bos"] = named["bos"] or first
            named["cls"] = named["cls"] or first
            special.add["bos"] = first in (named["bos"], named["cls"])
        if last:
            if last != named["eos"]:
                named["eot" if "eot" not in named else "eom"] = named["eos"]
                named["eos"] = last
            special.add["eos"] = True
    pair = processor.get("pair")
    if isinstance(pair, list):
        _read_separator(pair, pieces, named, special)


def _read_separator(
    pair: list[object], single: list[Json], named: dict[str, str], special: SpecialTokens
) -> None:
    """Read whether a separator stands between two texts, where the pair's template is `A [sep] [eos] B`."""
    first = _special_id(single[0]) if len(single) > 1 else ""
    last = _special_id(single[-1]) if len(single) > 1 else ""
    inner = [piece if isinstance(piece, dict) else {} for piece in pair]
    if first and inner and _special_id(inner[0]) == first:
        inner = inner[1:]
    if last and inner and _special_id(inner[-1]) == last:
        inner = inner[:-1]
    if len(inner) < 3 or _sequence_id(inner[0]) != "A" or _sequence_id(inner[-1]) != "B":
        return
    separators = (named["sep"], named["eos"])
    between = [_special_id(piece) for piece in inner[1:-1]]
    added = bool(between[0]) and between[0] in separators and not last
    if len(between) == 2 and between[1] and between[1] in separators:
        added = True
    special.add["sep"] = added
    if added and not named["sep"]:
        named["sep"] = named["eos"]


def _templates(checkpoint: Checkpoint) -> dict[str, str]:
    """Read tokenizer_config.json's template, else chat_template.jinja (and its companions), else
    chat_template.json.
    """
    value: object = checkpoint.tokenizer_config.get("chat_template")
    if value is None and (jinja := checkpoint.text("chat_template.jinja")) is not None:
        folder = checkpoint.folder / "additional_chat_templates"
        more = sorted(itertools.islice(folder.glob("*.jinja"), _MOST_TEMPLATES))
        texts = {file.stem: checkpoint.text(f"{folder.name}/{file.name}") for file in more}
        value = [{"name": "default", "template": jinja}] + [
            {"name": name, "template": template} for name, template in texts.items()
        ]
    elif value is None and (text := checkpoint.text("chat_template.json")) is not None:
        try:
            document = parse_json(text.encode())
        except ValueError:
            document = None
        value = document.get("chat_template") if isinstance(document, dict) else None
    if isinstance(value, str):
        return {"": value}
    found: dict[str, str] = {}
    for choice in value if isinstance(value, list) else []:
        name, template = (
            (choice.get("name"), choice.get("template")) if isinstance(choice, dict) else (None, None)
        )
        if isinstance(name, str) and name and isinstance(template, str):
            found["" if name == "default" else re.sub(r"[^A-Za-z0-9]", "_", name)] = template
    return found


def _content(entry: object) -> str:
    if isinstance(entry, dict):
        entry = entry.get("content")
    return entry if isinstance(entry, str) else ""


def _special_id(piece: object) -> str:
    return _inner_id(piece, "SpecialToken")


def _sequence_id(piece: object) -> str:
    return _inner_id(piece, "Sequence")


def _inner_id(piece: object, kind: str) -> str:
    inner = piece.get(kind) if isinstance(piece, dict) else None
    value = inner.get("id") if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""
