"""pyproject.toml names all that the program imports: the bundle leaves every other package out."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = {"app", "converters", "models", "resources"}
# Present because a named package cannot be without it, and part of that package's face.
COMES_WITH = {
    "shiboken6": "pyside6-essentials",
    "yaml": "pyyaml",
}


def imported() -> dict[str, set[str]]:
    """Top-level modules from elsewhere, with the files that import them, in functions too."""
    found: dict[str, set[str]] = {}
    for folder in sorted(OWN):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                else:
                    continue
                for name in names:
                    found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    return {name: files for name, files in found.items() if name not in OWN | sys.stdlib_module_names}


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0]).lower()
        for line in project["dependencies"]
    }
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        name: sorted(files)
        for name, files in imported().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners.get(name, [])} & declared
        and COMES_WITH.get(name) not in declared
    }
    assert undeclared == {}
