"""Collect the texts to translate and compile the translations: `make translations`.

Window texts come from Qt's lupdate. Sentences of errors and verdicts are templates, mostly in Qt-free code;
they are found here in the syntax tree and go into the context "errors", which the window looks them up in.
tests/unit/test_translations.py fails where a text has no Chinese.
"""

import ast
import builtins
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "resources" / "translations"
BIN = Path(sys.executable).parent
PACKAGES = ("app", "models", "converters")
TEMPLATE_ARGUMENTS = {"message", "hint", "reason", "without"}
QT_TEXTS = (
    ("QFileDialog", "&Look in:"),
    ("QFileDialog", "Files of &type:"),
    ("QAbstractFileIconProvider", "Drive"),
    ("QAbstractFileIconProvider", "File"),
    ("QAbstractFileIconProvider", "File Folder"),
    ("QAbstractFileIconProvider", "Folder"),
    ("QAbstractFileIconProvider", "Shortcut"),
    ("QAbstractFileIconProvider", "Unknown"),
    ("QAbstractFileIconProvider", "%1 File"),
)
"""Texts of Qt's own dialogs that Qt's translation lacks."""
OTHER_DATA = ("Stillroom's own text", "Stillroom's programming tasks", "WikiText-103 validation")
"""Names of collections that code gives them."""
SYSTEM_REASONS = (
    "Address already in use",
    "Broken pipe",
    "Cannot assign requested address",
    "Cannot allocate memory",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Device or resource busy",
    "Directory not empty",
    "Disk quota exceeded",
    "File exists",
    "File name too long",
    "File too large",
    "Filename too long",
    "Input/output error",
    "Invalid argument",
    "Is a directory",
    "Name or service not known",
    "Network is unreachable",
    "No route to host",
    "No space left on device",
    "No such device",
    "No such file or directory",
    "Not a directory",
    "Operation not permitted",
    "Permission denied",
    "Read-only file system",
    "Temporary failure in name resolution",
    "Too many open files",
    "timed out",
)
"""What the system says of files and connections; it stands in other sentences as their reason."""
TAKES_TEMPLATES = (
    "Error",
    "Problem",
    "Failed",
    "Notice",
    "_problem",
    "_notice",
    "_refuse",
    "_refused",
    "_error",
    "damaged",
)


def main() -> int:
    """Update the .ts file and compile its .qm; prints lrelease's count of unfinished texts."""
    source = TRANSLATIONS / "stillroom_zh_CN.ts"
    collect(source)
    compile_to(source, source.with_suffix(".qm"))
    return 0


def collect(source: Path) -> None:
    """Bring the .ts file up to the program's texts; what is translated already stays."""
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder) / "collected.py"
        texts = {("errors", text) for text in (*error_templates(), *SYSTEM_REASONS)}
        texts |= {*f_string_texts(), *resource_texts(), *QT_TEXTS}
        lines = [f"QCoreApplication.translate({context!r}, {text!r})" for context, text in sorted(texts)]
        collected.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files = [str(path) for path in sorted((ROOT / "app" / "ui").rglob("*.py"))]
        options = ["-no-obsolete", "-locations", "none", "-ts", str(source)]
        subprocess.run([str(BIN / "pyside6-lupdate"), *files, str(collected), *options], check=True)


def compile_to(source: Path, compiled: Path) -> None:
    """Make the .qm file that the program reads."""
    subprocess.run([str(BIN / "pyside6-lrelease"), str(source), "-qm", str(compiled)], check=True)


def resource_texts() -> Iterator[tuple[str, str]]:
    """Context and text of what the window shows of the files in `resources`."""
    for rule in _toml("filters.toml")["rule"]:
        yield from (("shipped rules", rule[name]) for name in ("name", "note") if rule.get(name))
    for model in _toml("catalogue.toml")["models"]:
        yield "licences", model["licence"]
    for path in sorted((ROOT / "resources" / "suites" / "quality").glob("*.toml")):
        yield "data sets", _toml(path.relative_to(ROOT / "resources"))["name"]
    yield from (("data sets", name) for name in OTHER_DATA)
    yield "code languages", "Plain text"


def _toml(name: str | Path) -> dict[str, Any]:
    return tomllib.loads((ROOT / "resources" / name).read_text(encoding="utf-8"))


def f_string_texts() -> Iterator[tuple[str, str]]:
    """Class and text of every `tr("...")` within an f-string, which lupdate does not look into."""
    for path in sorted((ROOT / "app" / "ui").rglob("*.py")):
        for owner in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            strings = [node for node in ast.walk(owner) if isinstance(node, ast.JoinedStr)]
            for node in (node for string in strings for node in ast.walk(string)):
                match owner, node:
                    case ast.ClassDef(name=name), ast.Call(
                        func=ast.Attribute(attr="tr"), args=[ast.Constant(value=str(text))]
                    ):
                        yield name, text


def error_templates() -> Iterator[str]:
    """Every constant message, hint and reason that the program hands to an error or a verdict."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from templates_of(ast.parse(path.read_text(encoding="utf-8")))


def templates_of(tree: ast.AST) -> Iterator[str]:
    """Templates in one module."""
    named = named_values(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.endswith(TAKES_TEMPLATES) and not hasattr(builtins, name):
            yield from (text for argument in node.args for text in sentences(argument, named))
        for keyword in node.keywords:
            if keyword.arg in TEMPLATE_ARGUMENTS:
                yield from sentences(keyword.value, named)


def named_values(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What a module assigns to each plain name, wherever in it."""
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                named.setdefault(target.id, []).append(node.value)
    return named


def sentences(node: ast.expr, named: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """The sentences that an argument can be: a constant, one of several, or what a name stands for."""
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            yield text
        case ast.IfExp(body=first, orelse=second):
            yield from sentences(first, named)
            yield from sentences(second, named)
        case ast.Dict(values=values):
            yield from (text for value in values for text in sentences(value, named))
        case ast.Subscript(value=table):
            yield from sentences(table, named)
        case ast.Name(id=name):
            # Names in what a name stands for are not followed: one may stand for itself.
            yield from (text for value in named.get(name, ()) for text in sentences(value, {}))


if __name__ == "__main__":
    sys.exit(main())
