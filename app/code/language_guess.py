"""Guess the language of a text without a file name, by its content."""

import json
import re

from app.code.languages import Language, language_named

LOOKED_AT_CHARACTERS = 20_000

_RULES: tuple[tuple[str, str], ...] = (
    (r"\A#!.*\bpython", "python"),
    (r"\A#!.*\bnode\b", "javascript"),
    (r"\A#!.*\b(?:ba|da|z)?sh\b", "bash"),
    (r"\A\s*<\?php", "php"),
    (r"(?i)\A\s*<(?:!doctype html|html)\b", "html"),
    (r"^#include\s*<(?:iostream|vector|string|map|memory|algorithm)>|\bstd::", "cpp"),
    (r"^#include\s*[<\"]", "c"),
    (r"^package \w+$", "go"),
    (r"^(?:pub )?fn \w+|\bprintln!\(|^use std::", "rust"),
    (r"^using System\b|^namespace \w+", "csharp"),
    (r"\bpublic (?:static|class|record|interface)\b|\bSystem\.out\.", "java"),
    (
        r"^(?:async )?def \w+\(.*$|^class \w+(?:\(.*\))?:|^from [\w.]+ import |^import \w+(?: as \w+)?$",
        "python",
    ),
    (r"^\s*(?:export )?(?:interface \w+ \{|type \w+ =)|^\s*(?:const|let) \w+: ?\w+", "typescript"),
    (r"^\s*(?:const|let|var) \w+ ?=|\bfunction\b.*\(|=> ?[{(]|\bconsole\.log\(|\brequire\(", "javascript"),
    (r"^(?:if|for|while) .*:\s*(?:#.*)?$|^print\(|^\w+ = .*[^;]$", "python"),
    (r"^(?:echo|export|sudo|cd|ls|grep) |\bthen$|^\w+=\S*$", "bash"),
)


def guess_language(text: str) -> Language | None:
    """The language that the first sure sign in `text` tells; None where there is none."""
    text = text[:LOOKED_AT_CHARACTERS]
    if text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except ValueError:
            pass
        else:
            return language_named("json")
    return next((language_named(key) for sign, key in _RULES if re.search(sign, text, re.MULTILINE)), None)
