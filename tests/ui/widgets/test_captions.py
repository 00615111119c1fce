"""Captions are small capitals that stand apart: a sentence in their look seems letter-spaced."""

import ast
from pathlib import Path

import app.ui

UI = Path(app.ui.__path__[0])


def captions(source: str) -> list[str]:
    """Give the texts of the labels of that look, as far as they are written there."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or len(call.args) < 2:
            continue
        text, look = call.args[:2]
        if isinstance(look, ast.Constant) and look.value == "caption":
            found += [each.value for each in ast.walk(text) if isinstance(each, ast.Constant)]
    return [text for text in found if isinstance(text, str)]


def test_each_caption_is_written_in_capitals() -> None:
    texts = {path: captions(path.read_text(encoding="utf-8")) for path in sorted(UI.rglob("*.py"))}
    assert sum(map(len, texts.values())) > 20
    wrong = [(path.name, text) for path, found in texts.items() for text in found if text != text.upper()]
    assert wrong == []
