"""Split a model's name into its parts: base name, fine-tune, version and size.

Follows `get_model_id_components` of llama.cpp's gguf-py (metadata.py), so that our metadata equals its own.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NameParts:
    """The parts of a repository's name; empty where the name does not have them."""

    full: str
    organization: str = ""
    basename: str = ""
    finetune: str = ""
    version: str = ""
    size_label: str = ""


def split_name(name: str, parameters: int = 0) -> NameParts:
    """Split a repository's name; a size that cannot be the model's own (`8k`) is part of the fine-tune."""
    if " " in name:
        return NameParts(name)
    organization, slash, full = name.partition("/")
    if not slash:
        organization, full = "", name
    if organization.startswith("."):
        organization = ""
    words = [
        _classified(part, place, parameters) for place, part in enumerate(p for p in full.split("-") if p)
    ]
    if any("size_label" in word.kinds and any(map(str.isdecimal, word.text)) for word in words):
        for word in words:
            if word.text.isalpha():
                word.kinds.discard("size_label")
    _find_basename(words)
    sizes = dict.fromkeys(word.text for word in words if "size_label" in word.kinds)
    finetune = [word.text for word in words if "finetune" in word.kinds]
    version = [word.text for word in words if "version" in word.kinds and "basename" not in word.kinds]
    basename = [word.text for word in words if "basename" in word.kinds]
    if not sizes and not finetune and not version:
        basename = []  # it could be anything
    return NameParts(
        full, organization, "-".join(basename), "-".join(finetune), "-".join(version), "-".join(sizes)
    )


def title(name: str) -> str:
    """Write `DeepSeek-R1-distill` as `DeepSeek R1 Distill`."""
    words = name.strip().replace("-", " ").split()
    return " ".join(
        word.title() if word.islower() and not re.match(r"^(v\d+(?:\.\d+)*|\d.*)$", word) else word
        for word in words
    )


def rounded_size(parameters: int) -> str:
    """Write a number of weights in two digits, such as `1.8B` or `135M`."""
    scales = ((1e12, 1e-12, "T"), (1e9, 1e-9, "B"), (1e6, 1e-6, "M"), (-1, 1e-3, "K"))
    inverse, suffix = next((inverse, suffix) for least, inverse, suffix in scales if parameters > least)
    value = parameters * inverse
    digits = max(2 - len(str(round(value)).lstrip("0")), 0)
    return f"{value:.{digits}f}{suffix}"


@dataclass(slots=True)
class _Word:
    """One word of a name and what it stands for."""

    text: str
    kinds: set[str]


def _classified(part: str, place: int, parameters: int) -> _Word:
    text, kind = _spelled(part, place, parameters)
    return _Word(text, {kind} if kind else set())


def _spelled(part: str, place: int, parameters: int) -> tuple[str, str]:
    """Return a word's usual spelling and what it stands for."""
    if re.fullmatch(r"(v|iter)?\d+([.]\d+)*", part, re.IGNORECASE):
        return part, "version"
    if re.fullmatch(r"i?q\d(_\w)*|b?fp?(16|32)", part, re.IGNORECASE):
        return part.upper(), "type"
    size = r"(([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl)"
    if place and re.fullmatch(size, part, re.IGNORECASE):
        part = part.replace("_", ".")
        if part[-1].isdecimal():  # bloom-7b1
            part = f"{part[:-2]}.{part[-1]}{part[-2]}"
        if len(part) > 1 and part[-2].isdecimal() and part[-1] in "kmbt":
            part = part[:-1] + part[-1].upper()
        if parameters and re.fullmatch(r"\d+(\.\d+)?[KMBT]", part):
            stated = float(part[:-1]) * 1000.0 ** " KMBT".find(part[-1])
            if abs(stated - parameters) > 7 * parameters // 8:
                return part[:-1] + part[-1].lower(), "finetune"
        return part, "size_label"
    if place and re.fullmatch(r"chat|instruct|vision|lora", part, re.IGNORECASE):
        return part, "finetune"
    return part, ""


def _find_basename(words: list[_Word]) -> None:
    at_start = True
    for word in words:
        if at_start and ((not word.kinds and word.text[0].isalpha()) or "version" in word.kinds):
            word.kinds.add("basename")
        else:
            at_start = False
            if not word.kinds:
                word.kinds.add("finetune")
    for word in reversed(words):
        if "basename" not in word.kinds or len(word.kinds) == 1:
            break
        word.kinds.remove("basename")
