from pathlib import Path

import pytest

from app.code.check import SIZE_LIMIT_CHARACTERS, check_syntax


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "x = 1\n"),
        ("json", '{"a": [1, null]}'),
        ("toml", "a = 1979-05-27"),
        ("yaml", "a: &x [1]\nb: *x"),
        ("javascript", "const f = async (x) => ({ ...x, y: <b>{x?.z ?? 1}</b> });\n"),
        ("typescript", "export const f = <T,>(x: T): T => x satisfies T;\n"),
        ("typescript", "const a: JSX.Element = <b key={1}>hi</b>;\n"),
        ("c", '#include <stdio.h>\nint main(void) { printf("%d", 1); return 0; }\n'),
        ("cpp", "auto f = [](auto x) requires true { return x; };\n"),
        ("java", "record P(int x) { P { if (x < 0) throw new Error(); } }\n"),
        ("rust", "fn main() { let x: Vec<_> = (0..3).map(|i| i * 2).collect(); }\n"),
        ("go", "package main\n\nfunc F[T any](x T) T { return x }\n"),
        ("bash", "for f in *.txt; do cat <<'E' | wc -l\nfi\nE\ndone\n"),
        ("html", "<!doctype html><ul><li>a<li>b</ul>"),
        ("css", "@media (min-width: 600px) { a:has(b) { color: red } }"),
        ("csharp", "var x = y switch { > 1 => 2, _ => 3 };\n"),
        ("ruby", "def f(a:, **) = a.map { _1 + 1 }\n"),
        ("php", "<?php function f(?int $x = null): never { exit; }"),
        ("php", "echo 1;"),
    ],
)
def test_valid_source_is_ok(language: str, code: str) -> None:
    report = check_syntax(code, language)

    assert report.verdict == "ok"
    assert report.checker


@pytest.mark.parametrize(
    ("language", "code", "line"),
    [
        ("python", "x = 1\ndef f(:\n    pass", 2),
        ("python", "return 1", 1),
        ("json", '{"a": 1,\n "b": }', 2),
        ("json", "NaN", 0),
        ("toml", "a = 1\nb = ", 2),
        ("yaml", "a: 1\nb: c: d", 2),
        ("javascript", "let x = 1;\nlet y = ;\n", 2),
        ("typescript", "let a = 1;\nlet x: = 3;\n", 2),
        ("c", "int main() {\n  int x = 3\n  return 0;\n}\n", 2),
        ("cpp", "int a;\nclass A { int x; \n", 2),
        ("java", "class A {\n  void f() { int x = ; }\n}", 2),
        ("rust", "fn main() {\n  let x = ;\n}", 2),
        ("go", "package main\nfunc main() { x := }", 2),
        ("bash", "if true; then\n  echo 1\n", 3),
        ("css", "a { color: red }\nb { color }", 2),
        ("csharp", "class A {\n  void F() { int x = ; }\n}", 2),
        ("ruby", "x = 1\ny = [1, 2\n", 2),
        ("php", "<?php\nfunction f( { }", 2),
    ],
)
def test_an_error_says_where_and_what(language: str, code: str, line: int) -> None:
    report = check_syntax(code, language)

    assert report.verdict == "error"
    assert report.line == line
    assert report.message


def test_a_fragment_may_be_indented_and_return() -> None:
    assert check_syntax("    total = 0\n    return total", "python", fragment=True).verdict == "ok"
    assert check_syntax("    total = 0\n    return total", "python").verdict == "error"


def test_nothing_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    report = check_syntax(
        f"open({str(trace)!r}, 'w')\n@print\nclass A: x = open({str(trace)!r}, 'w')", "python"
    )

    assert report.verdict == "ok"
    assert not trace.exists()


def test_yaml_tags_build_no_objects(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    assert check_syntax(f"!!python/object/apply:os.mkdir ['{trace}']", "yaml").verdict == "ok"
    assert not trace.exists()


def test_modules_of_the_working_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)

    assert check_syntax("x = 1", "python").verdict == "ok"


def test_warnings_are_caught() -> None:
    report = check_syntax('x = 1\ny = "\\d"\nif x is 1: pass', "python")

    assert report.verdict == "ok"
    assert [line for line, _ in report.warnings] == [2, 3]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "-" * 300_000 + "1"),
        ("python", "a." * 100_000 + "a"),
        ("python", "(" * 100_000),
        ("python", "x\0"),
        ("python", "\ud800"),
        ("json", "[" * 300_000),
        ("json", "1" * 10_000),
        ("toml", "a=" + "[" * 100_000),
    ],
)
def test_hostile_source_ends_only_the_child(language: str, code: str) -> None:
    assert check_syntax(code, language).verdict in ("error", "unchecked")


def test_what_cannot_be_checked_says_why() -> None:
    assert check_syntax("main = print 1", "haskell").reason == "language"
    assert check_syntax("#" * (SIZE_LIMIT_CHARACTERS + 1), "python").reason == "size"


@pytest.mark.faults
def test_slow_source_is_cut_off() -> None:
    assert check_syntax("[" * 50_000, "yaml").verdict == "unchecked"
