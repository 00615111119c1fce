import sys

import pytest

from app.code.runtimes import NotRunnableError, job_for
from app.code.sandbox.limits import Limits
from app.code.sandbox.run import Sandbox

if sys.platform != "win32":
    pytest.skip("the back end of Windows", allow_module_level=True)


def test_a_program_reads_and_writes() -> None:
    result = Sandbox().run(job_for("print(input()[::-1])", "python", stdin="äbc\n"), Limits(time_s=60))
    assert result.ok, result
    assert result.stdout == "cbä\n"


def test_a_program_that_does_not_end_is_ended() -> None:
    result = Sandbox().run(job_for("while True: pass", "python"), Limits(time_s=3))
    assert result.ending == "time"


def test_it_sees_its_own_files_in_a_folder_of_its_own() -> None:
    code = "import os; open('made', 'w').close(); print(*sorted(os.listdir(os.environ['TEMP'])))"
    result = Sandbox().run(job_for(code, "python"), Limits(time_s=60))
    assert result.stdout == ".stdin made main.py\n"


@pytest.mark.parametrize("language", ["bash", "c", "cpp"])
def test_what_needs_a_shell_or_a_compiler_is_not_run(language: str) -> None:
    with pytest.raises(NotRunnableError) as refused:
        job_for("", language)
    assert refused.value.hint == "On Windows Stillroom runs Python and JavaScript."
