"""The keys of shortcuts stand in one module."""

import ast
import re
from pathlib import Path

import app.ui
from app.ui.base import shortcuts

KEYS = re.compile(r"(Ctrl|Alt|Shift)\+\S+|F\d{1,2}")
TYPED = {"Ctrl+Enter", "Shift+A"}
"""Keys that a field or a view looks at itself, beside others."""


def test_no_other_module_names_the_keys_of_a_shortcut() -> None:
    folder = Path(app.ui.__path__[0])
    found = [
        f"{path.relative_to(folder)}: {node.value}"
        for path in sorted(folder.rglob("*.py"))
        if path != Path(shortcuts.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if KEYS.fullmatch(node.value) and node.value not in TYPED
    ]
    assert found == []
