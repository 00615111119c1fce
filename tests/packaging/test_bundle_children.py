"""Libraries of which the bundle holds a part only still do what they are there for."""

import json
from pathlib import Path
from typing import Any

import docx
import pytest

from tests.support.bundle import run, users_environment

pytestmark = pytest.mark.bundle

PAIRS = Path(__file__).parents[1] / "data" / "answers" / "pairs.txt"
BROKEN = {
    "bash": "if true; then\n  echo 1\n",
    "c": "int main() {\n  int x = 3\n  return 0;\n}\n",
    "cpp": "int a;\nclass A { int x; \n",
    "csharp": "class A {\n  void F() { int x = ; }\n}",
    "css": "a { color: red }\nb { color }",
    "go": "package main\nfunc main() { x := }",
    "java": "class A {\n  void f() { int x = ; }\n}",
    "javascript": "let x = 1;\nlet y = ;\n",
    "json": '{"a": 1,\n "b": }',
    "php": "<?php\nfunction f( { }",
    "python": "x = 1\ndef f(:\n    pass",
    "ruby": "x = 1\ny = [1, 2\n",
    "rust": "fn main() {\n  let x = ;\n}",
    "toml": "a = 1\nb = ",
    "typescript": "let a = 1;\nlet x: = 3;\n",
    "yaml": "a: 1\nb: c: d",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return users_environment(tmp_path)


def ask(environment: dict[str, str], child: str, request: dict[str, object]) -> Any:
    done = run(environment, "--child", child, stdin=json.dumps(request))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("language", BROKEN)
def test_its_grammars_find_an_error(language: str, environment: dict[str, str]) -> None:
    request: dict[str, object] = {"language": language, "code": BROKEN[language], "fragment": False}
    assert ask(environment, "syntax", request)["verdict"] == "error"


def test_html_has_its_grammar(environment: dict[str, str]) -> None:
    request: dict[str, object] = {"language": "html", "code": "<ul><li>a<li>b</ul>", "fragment": False}
    assert ask(environment, "syntax", request)["verdict"] == "ok"


def test_answers_are_compared_as_from_source(environment: dict[str, str]) -> None:
    lines = [line for line in PAIRS.read_text("utf-8").splitlines() if line.strip() and line[0] != "#"]
    pairs = [line.split(" ;; ") for line in lines]
    requests = "".join(json.dumps({"expected": one, "found": other}) + "\n" for _, one, other in pairs)
    done = run(environment, "--child", "answers", stdin=requests)
    assert done.returncode == 0, done.stderr
    ready, *replies = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True}
    found = ["=" if reply["same"] else "!" for reply in replies]
    assert len(found) == len(pairs) >= 300
    different = [pair for pair, sign in zip(pairs, found, strict=True) if (pair[0] == "=") != (sign == "=")]
    assert different == []


def test_a_word_document_is_read(environment: dict[str, str], tmp_path: Path) -> None:
    made = docx.Document()
    made.add_heading("Report", 2)
    made.add_table(1, 2).rows[0].cells[1].text = "cell"
    made.save(str(tmp_path / "letter.docx"))
    text = ask(environment, "document", {"path": str(tmp_path / "letter.docx")})["text"]
    assert "## Report" in text
    assert "| cell |" in text
