import pytest

from app.code.failure_line import failure_line, lacked_input
from app.code.runtimes import NotRunnableError, job_for
from app.code.sandbox.limits import Limits
from app.code.sandbox.run import Sandbox

SANDBOX = Sandbox()


@pytest.mark.parametrize(
    ("language", "code", "line"),
    [
        ("python", "def f():\n    return 1 / 0\n\n\nf()\n", 2),
        ("python", "import json\njson.loads('{')\n", 2),
        ("javascript", "let a = 1;\nnull.x;\n", 2),
        ("bash", "echo hi\nno_such_command_at_all\nexit 1\n", 2),
        ("c", "int main(void) {\n  return x;\n}\n", 2),
        ("rust", "fn main() {\n    let x: i32 = true;\n}\n", 2),
        ("rust", "fn main() {\n    panic!();\n}\n", 2),
        ("go", "package main\n\nfunc main() {\n\tx\n}\n", 4),
        ("go", "package main\n\nfunc main() {\n\tpanic(1)\n}\n", 4),
        ("python", "print('fine')\n", 0),
    ],
)
def test_the_line_that_failed_is_found(language: str, code: str, line: int) -> None:
    try:
        job = job_for(code, language)
    except NotRunnableError as error:
        pytest.skip(str(error))
    result = SANDBOX.run(job, Limits(time_s=60))
    assert failure_line(result.output) == line


def test_a_program_that_reads_more_than_there_is_says_so() -> None:
    for code, lacks in (
        ("input()", True),
        ("raise ValueError('EOFError is its name')", False),
        ("1 / 0", False),
    ):
        assert lacked_input(SANDBOX.run(job_for(code, "python"), Limits()).output) is lacks
