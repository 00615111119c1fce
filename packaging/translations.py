"""Collect the texts to translate and compile the translations: `make translations`.

Window texts come from Qt's lupdate. Sentences of errors and verdicts are written in Qt-free code as templates;
they are found here in the syntax tree and go into the context "errors", which the window looks them up in.
"""

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "resources" / "translations"
BIN = Path(sys.executable).parent
QT_FREE = ("app", "models", "converters")
TEMPLATE_ARGUMENTS = {"message", "hint", "reason"}
TAKES_TEMPLATES = ("Error", "Problem", "Failed", "Notice", "_problem", "_notice", "_refuse", "_error")


def main() -> int:
    """Update the .ts file and compile its .qm; prints lrelease's count of unfinished texts."""
    source = TRANSLATIONS / "stillroom_zh_CN.ts"
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder) / "errors.py"
        lines = [f"QCoreApplication.translate('errors', {text!r})" for text in sorted(set(error_templates()))]
        collected.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files = [str(path) for path in sorted((ROOT / "app" / "ui").rglob("*.py"))]
        subprocess.run(
            [
                str(BIN / "pyside6-lupdate"),
                *files,
                str(collected),
                "-no-obsolete",
                "-locations",
                "none",
                "-ts",
                str(source),
            ],
            check=True,
        )
    compiled = source.with_suffix(".qm")
    subprocess.run([str(BIN / "pyside6-lrelease"), str(source), "-qm", str(compiled)], check=True)
    return 0


def error_templates() -> Iterator[str]:
    """Every constant message, hint and reason that Qt-free code hands to an error or a verdict."""
    for package in QT_FREE:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "ui" not in path.relative_to(ROOT).parts[1:2]:
                yield from templates_of(ast.parse(path.read_text(encoding="utf-8")))


def templates_of(tree: ast.AST) -> Iterator[str]:
    """Templates in one module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from table_of(node)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.endswith(TAKES_TEMPLATES) or name == "StillroomError":
            yield from (text for argument in node.args for text in constants(argument))
        for keyword in node.keywords:
            if keyword.arg in TEMPLATE_ARGUMENTS:
                yield from constants(keyword.value)


def table_of(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """The sentences of a module's table, such as `_REASONS = {...}`."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if isinstance(node.value, ast.Dict) and getattr(targets[0], "id", "").endswith("REASONS"):
        for value in node.value.values:
            yield from constants(value)


def constants(node: ast.expr) -> Iterator[str]:
    """The sentences that an argument can be: a constant, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


if __name__ == "__main__":
    sys.exit(main())
