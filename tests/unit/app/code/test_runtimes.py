import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.code import runtimes
from app.code.runtimes import NotRunnableError, job_for
from app.code.sandbox.limits import BackEnd, Limits
from app.code.sandbox.run import Sandbox, SandboxUnavailableError

if sys.platform != "linux":
    pytest.skip("the back ends of Linux", allow_module_level=True)

PROGRAMS = {
    "python": "print(input()[::-1])",
    "javascript": "console.log([...require('fs').readFileSync(0, 'utf8').trim()].reverse().join(''))",
    "bash": "rev",
    "c": (
        '#include <stdio.h>\n#include <string.h>\nint main(void) {\n  char text[9];\n  scanf("%8s", text);\n'
        "  for (int i = strlen(text); i--;) putchar(text[i]);\n  return 0;\n}\n"
    ),
    "cpp": (
        "#include <iostream>\n#include <string>\nint main() {\n  std::string text;\n  std::cin >> text;\n"
        "  std::cout << std::string(text.rbegin(), text.rend());\n}\n"
    ),
}
NEEDED = {"javascript": "node", "c": "gcc", "cpp": "g++", "bash": "rev"}


def check(language: str, sandbox: Sandbox) -> None:
    if NEEDED.get(language) and shutil.which(NEEDED[language], path="/usr/bin:/bin") is None:
        pytest.skip(f"{NEEDED[language]} is not installed")
    job = job_for(PROGRAMS[language], language, stdin="abc\n")
    result = sandbox.run(job, Limits(time_s=30))
    assert result.ok, result
    assert result.stdout.strip() == "cba"


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_reads_and_writes(language: str) -> None:
    check(language, Sandbox())


@pytest.mark.faults
@pytest.mark.parametrize("language", PROGRAMS)
@pytest.mark.parametrize("back_end", ["bubblewrap", "namespaces", "landlock"])
def test_a_program_reads_and_writes_in_every_back_end(language: str, back_end: BackEnd) -> None:
    sandbox = Sandbox(back_ends=[back_end])
    try:
        sandbox.back_end()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    check(language, sandbox)


def test_a_language_that_is_not_run_is_named() -> None:
    with pytest.raises(NotRunnableError, match="Rust is not run here") as raised:
        job_for("fn main() {}", "rust")
    assert "Python, JavaScript" in raised.value.hint_text()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a secret, that every user may read."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    (made / "secret.txt").write_text("secret")
    monkeypatch.setenv("HOME", str(made))
    runtimes._runtime.cache_clear()
    yield made
    runtimes._runtime.cache_clear()
    shutil.rmtree(made)


def test_of_a_home_only_the_interpreters_own_folder_is_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home / "project" / ".venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(own)], check=True)
    monkeypatch.setenv("PATH", f"{own}/bin:/usr/bin:/bin")
    # Landlock alone hides what a file holds, not that it is there.
    code = (
        f"import sys\ntry:\n    read = bool(open({str(home / 'secret.txt')!r}).read())\n"
        "except OSError:\n    read = False\nprint(sys.prefix, read)"
    )
    job = job_for(code, "python")
    assert Sandbox().run(job, Limits()).stdout.split() == [str(own), "False"]


def test_an_interpreter_that_would_show_the_home_is_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "bin").mkdir()
    own = home / "bin" / "python3"
    own.write_text(f"#!/bin/sh\nprintf '%s\\n' {own} {home} {home}\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}/bin:/usr/bin:/bin")
    assert job_for("", "python").command[0] == "/usr/bin/python3"


def test_without_any_back_end_nothing_is_run() -> None:
    sandbox = Sandbox(back_ends=[])
    with pytest.raises(SandboxUnavailableError, match="Nothing is run"):
        sandbox.run(job_for("print(1)", "python"))


def test_a_back_end_that_does_not_work_is_refused() -> None:
    sandbox = Sandbox(command=["/bin/false"], back_ends=["bubblewrap"])
    with pytest.raises(SandboxUnavailableError, match="bubblewrap: failed"):
        sandbox.back_end()
