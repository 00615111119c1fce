import pytest

from app.code.program_tests import NotTestableError, Trial, run_tests
from app.code.sandbox.limits import Limits
from app.code.sandbox.run import Sandbox

SANDBOX = Sandbox()
ADD = "def add(a, b):\n    return a + b\n"


def python(code: str, tests: str, limits: Limits | None = None) -> Trial:
    return run_tests(SANDBOX, code, tests, "python", limits or Limits())


def told(run: Trial) -> list[tuple[str, str]]:
    return [(outcome.name, outcome.error) for outcome in run.outcomes]


def test_assertions_functions_and_classes_are_tests_each() -> None:
    tests = (
        "import unittest\nimport pytest\nfrom your_module import add\n"
        "assert add(1, 2) == 3\n"
        "assert add(2, 2) == 5\n"
        "def test_zero():\n    assert add(0, 0) == 0\n"
        "@pytest.mark.parametrize('a, b', [(1, 2), (3, 4)])\n"
        "def test_many(a, b):\n    assert add(a, b) == a + b\n"
        "def test_wrong_input():\n    with pytest.raises(TypeError):\n        add(1, None)\n"
        "class TestAdd(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 1), 3)\n"
    )
    run = python(ADD + "print('said by the program')", tests)

    assert told(run) == [
        ("add(1, 2) == 3", ""),
        ("add(2, 2) == 5", "AssertionError: it gives 4, not 5"),
        ("test_zero", ""),
        ("test_many[1, 2]", ""),
        ("test_many[3, 4]", ""),
        ("test_wrong_input", ""),
        ("TestAdd.test_it", "AssertionError: AssertionError: 2 != 3"),
    ]
    assert (run.passed, run.total, run.ok) == (5, 7, False)
    assert run.output == "said by the program"


def test_a_program_that_does_not_start_passes_nothing() -> None:
    run = python("1 / 0\n", "assert True\nassert 1 == 1\n")
    assert run.passed == 0
    assert "ZeroDivisionError" in run.outcomes[0].error
    assert "line 1 of solution.py" in run.outcomes[0].error


def test_a_test_that_hangs_leaves_the_later_ones_failed() -> None:
    tests = (
        "def test_a():\n    assert True\n"
        "def test_b():\n    while True:\n        pass\n"
        "def test_c():\n    assert True\n"
    )
    run = python(ADD, tests, Limits(time_s=0.8))
    assert [not error for _, error in told(run)] == [True, False, False]
    assert run.outcomes[2].error == "it was ended at the limit of time"


def test_an_exit_in_the_program_is_no_success() -> None:
    run = python("def f():\n    import os\n    os._exit(0)\n", "assert f() is None\n")
    assert not run.ok


def test_tests_of_javascript_are_run_too() -> None:
    tests = (
        "const { add } = require('./add');\n"
        "describe('add', () => {\n  test('sums', () => expect(add(1, 2)).toBe(3));\n"
        "  it('is wrong', () => assert.strictEqual(add(1, 1), 3));\n});\n"
    )
    run = run_tests(SANDBOX, "export function add(a, b) { return a + b; }\n", tests, "javascript")
    assert [(name, bool(error)) for name, error in told(run)] == [
        ("add › sums", False),
        ("add › is wrong", True),
    ]


def test_tests_in_other_languages_are_refused_in_words() -> None:
    with pytest.raises(NotTestableError, match="Tests in Rust are not run here"):
        run_tests(SANDBOX, "", "", "rust")
