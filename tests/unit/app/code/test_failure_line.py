import pytest

from app.code.failure_line import failure_line
from app.code.runtimes import job_for
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
        ("python", "print('fine')\n", 0),
    ],
)
def test_the_line_that_failed_is_found(language: str, code: str, line: int) -> None:
    result = SANDBOX.run(job_for(code, language))
    assert failure_line(result.output) == line
