import pytest

from app.code.changes.definitions import definitions

PYTHON = """@cached
# Why.
def f(
    a,
) -> int:
    return a


class A:
    x = 1

    async def g(self):
        def inner():
            pass

    def h(self): return 1


print(f(1))
"""


def test_definitions_have_their_lines_and_what_they_stand_in() -> None:
    found = {
        each.name: (each.head_line, each.first_line, each.end_line) for each in definitions(PYTHON, "python")
    }

    assert found == {
        "f": (0, 2, 6),
        "A": (8, 8, 15),
        "A.g": (11, 11, 14),
        "A.g.inner": (12, 12, 14),
        "A.h": (15, 15, 16),
    } | {"A": (8, 8, 16)}


@pytest.mark.parametrize(
    ("language", "code", "names"),
    [
        (
            "javascript",
            "function f() {\n}\nclass A {\n  m(a) {\n    if (a) {\n    }\n  }\n}\n",
            ["f", "A", "A.m"],
        ),
        ("javascript", 'it("adds", () => {\n});\nit("takes", function () {\n});\n', []),
        ("typescript", "export interface P {\n}\nconst f = (a: number): number => a;\n", ["P", "f"]),
        ("c", "int add(int a);\nint add(int a)\n{\n  return f(a);\n}\nstruct p {\n};\n", ["add", "p"]),
        ("cpp", "int A::f(int a) {\n}\nint A::f(long a) {\n}\n", ["A:f(int a)", "A:f(long a)"]),
        ("java", "class A {\n  int f(int a) { return a; }\n  void g() throws E {\n    f(1);\n  }\n}\n", None),
        (
            "go",
            "func (p *P) Add(a int) int {\n}\nfunc Add() {\n}\ntype P struct {\n}\n",
            ["P:Add", "Add", "P"],
        ),
        ("rust", "pub(crate) async fn f() {\n}\nstruct S;\nimpl S {\n    fn g(&self) {}\n}\n", None),
        ("ruby", "module M\n  def ok?\n  end\nend\n", ["M", "M.ok?"]),
        ("php", "<?php\npublic static function f() {\n}\n", ["f"]),
        ("bash", "run() {\n  echo\n}\n", ["run"]),
        ("json", '{"def f": 1}', []),
        ("text", "def f():\n", []),
    ],
)
def test_each_language_has_its_words(language: str, code: str, names: list[str] | None) -> None:
    wanted = (
        names
        if names is not None
        else {
            "java": ["A", "A.f(int a)", "A.g()"],
            "rust": ["f", "S", "impl S", "impl S.g"],
        }[language]
    )
    assert [each.name for each in definitions(code, language)] == wanted


def test_a_long_line_defines_nothing() -> None:
    assert definitions("def f(" + "a, " * 200 + "): pass", "python") == []
