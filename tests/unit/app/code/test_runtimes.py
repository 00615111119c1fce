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
    "rust": (
        "use std::io;\n\nfn main() {\n    let mut text = String::new();\n"
        "    io::stdin().read_line(&mut text).unwrap();\n"
        '    println!("{}", text.trim().chars().rev().collect::<String>());\n}\n'
    ),
    "go": """package main

import (
\t"fmt"
\t"strings"
)

func main() {
\tvar text string
\tfmt.Scan(&text)
\tvar out strings.Builder
\tfor i := len(text) - 1; i >= 0; i-- {
\t\tout.WriteByte(text[i])
\t}
\tfmt.Println(out.String())
}
""",
    "cpp": (
        "#include <iostream>\n#include <string>\nint main() {\n  std::string text;\n  std::cin >> text;\n"
        "  std::cout << std::string(text.rbegin(), text.rend());\n}\n"
    ),
}
NEEDED = {"javascript": "node", "c": "gcc", "cpp": "g++", "bash": "rev"}
MAYBE_THERE = ("rust", "go")


def check(language: str, sandbox: Sandbox) -> None:
    if NEEDED.get(language) and shutil.which(NEEDED[language], path="/usr/bin:/bin") is None:
        pytest.skip(f"{NEEDED[language]} is not installed")
    try:
        job = job_for(PROGRAMS[language], language, stdin="abc\n")
    except NotRunnableError as error:
        assert language in MAYBE_THERE
        pytest.skip(str(error))
    result = sandbox.run(job, Limits(time_s=60))
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
    with pytest.raises(NotRunnableError, match="Haskell is not run here") as raised:
        job_for("main = return ()", "haskell")
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


@pytest.mark.parametrize(("language", "name"), [("rust", "Rust"), ("go", "Go")])
def test_a_toolchain_that_is_not_there_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, language: str, name: str
) -> None:
    monkeypatch.setattr(runtimes, "_on_path", lambda names: ["/usr/bin/gcc"] if "gcc" in names else [])
    monkeypatch.setattr(runtimes, "_ask", lambda *_: [])
    with pytest.raises(NotRunnableError, match=f"There is no {name} on this computer") as raised:
        job_for("", language)
    assert raised.value.hint_text() == f"Install {name} to run {name} code."


def test_without_any_back_end_nothing_is_run() -> None:
    sandbox = Sandbox(back_ends=[])
    with pytest.raises(SandboxUnavailableError, match="Nothing is run"):
        sandbox.run(job_for("print(1)", "python"))


def test_a_back_end_that_does_not_work_is_refused() -> None:
    sandbox = Sandbox(command=["/bin/false"], back_ends=["bubblewrap"])
    with pytest.raises(SandboxUnavailableError, match="bubblewrap: failed"):
        sandbox.back_end()
