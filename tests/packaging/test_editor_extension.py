"""The VS Code extension. Most of it needs Node.js and packages of npm: `make editor-test`."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.code.ask import Excerpt, Task, compose
from app.code.languages import language_named

ROOT = Path(__file__).parents[2]
EDITOR = ROOT / "packaging" / "editor"
BUILD = EDITOR / "build_editor.py"

SOURCE = '''"""Café – figures."""


def mean(values):
    """The mean, in ``` fences."""
    return sum(values) / len(values)


def spread(values):
    middle = mean(values)
    return sum(abs(value - middle) for value in values)
'''
COMPOSE = """
const { Prompts } = require("./out/src/core/prompts.js");
const prompts = new Prompts("prompts");
const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const made = cases.map(({ task, excerpt, room }) => prompts.compose(task, excerpt, room));
process.stdout.write(JSON.stringify(made));
"""


def manifest() -> Any:
    return json.loads((EDITOR / "package.json").read_text("utf-8"))


def test_it_has_the_version_and_the_licence_of_the_program_and_needs_nothing_to_run() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert manifest()["version"] == project["version"]
    assert manifest()["license"] == project["license"]
    assert "dependencies" not in manifest()


def test_its_address_and_folder_are_no_settings_of_a_workspace() -> None:
    """A repository from the internet must not choose where code and key go."""
    properties = manifest()["contributes"]["configuration"]["properties"]
    assert {name for name, setting in properties.items() if setting.get("scope") == "machine"} == {
        "stillroom.home",
        "stillroom.url",
    }


def test_its_core_knows_nothing_of_the_editor() -> None:
    for file in (EDITOR / "src" / "core").glob("*.ts"):
        assert not re.search(r"""from ["'](vscode|\.\./editor)""", file.read_text("utf-8")), file.name


@pytest.fixture(scope="module")
def node() -> str:
    """The Node.js that the build takes, with everything compiled."""
    subprocess.run([sys.executable, BUILD, "compile"], check=True)
    found = subprocess.run([sys.executable, BUILD, "node"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


@pytest.mark.editor
@pytest.mark.timeout(900)
def test_its_own_tests_pass_against_the_real_server(node: str) -> None:
    files = sorted(str(file.relative_to(EDITOR)) for file in (EDITOR / "out" / "test").glob("*.test.js"))
    assert len(files) >= 2
    environment = os.environ | {"STILLROOM_PYTHON": sys.executable}
    subprocess.run([node, "--test", "--test-reporter=spec", *files], cwd=EDITOR, env=environment, check=True)


@pytest.mark.editor
def test_it_asks_as_the_code_tab_asks(node: str) -> None:
    language = language_named("python")
    assert language is not None
    start, end = SOURCE.index("def mean"), SOURCE.index("\n\n\ndef spread")
    tasks: tuple[Task, ...] = ("complete", "explain", "fix", "tests")
    cases, expected = [], []
    for task in tasks:
        for first, last in ((start, end), (end, end), (0, len(SOURCE)), (len(SOURCE), len(SOURCE))):
            for room in (0, 40, 120, 10_000):
                excerpt = Excerpt("figures.py", language, SOURCE, first, last)
                expected.append(compose(task, excerpt, room).prompt)
                place = {"fileName": "figures.py", "language": "python", "text": SOURCE}
                cases.append({"task": task, "excerpt": place | {"start": first, "end": last}, "room": room})
    made = subprocess.run(
        [node, "-e", COMPOSE],
        cwd=EDITOR,
        input=json.dumps(cases),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(made.stdout) == expected


@pytest.mark.editor
def test_the_package_holds_what_it_runs_with_and_nothing_else(node: str) -> None:
    built = subprocess.run([sys.executable, BUILD], check=True, capture_output=True, text=True)
    file = ROOT / built.stdout.strip().splitlines()[-1]
    with zipfile.ZipFile(file) as package:
        names = {name.removeprefix("extension/") for name in package.namelist()}
        text = package.read("extension/out/src/extension.js").decode()
    assert {"package.json", "package.nls.zh-cn.json", "l10n/bundle.l10n.zh-cn.json", "icon.png"} <= names
    assert {"LICENSE.txt", "readme.md", "changelog.md", "prompts/fix.md"} <= names
    left_out = ("node_modules", "src/", "test/", "out/test", "build_editor", "package-lock", "tsconfig")
    assert not [name for name in names if name.startswith(left_out)]
    assert "require(" in text
    assert file.stat().st_size < 200_000
