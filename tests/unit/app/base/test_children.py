import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.base.children import CHILD_MODULES, ChildName, child_command, child_name, leave_bundle_environment
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[4]


def test_a_bundle_starts_itself_as_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert child_command("engine") == [sys.executable, "--child", "engine"]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_child_is_known_by_its_command_line(frozen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    assert child_name(child_command("measure")) == "measure"
    assert child_name([sys.executable, "-m", "pytest"]) is None


@pytest.mark.skipif(sys.platform != "linux", reason="LD_LIBRARY_PATH is Linux's")
@pytest.mark.parametrize("before", [None, "/opt/lib"])
def test_programs_started_from_a_bundle_find_the_systems_libraries(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("PYINSTALLER_RESET_ENVIRONMENT", "")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle/_internal")
    if before is None:
        monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    else:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before)
    leave_bundle_environment()
    assert os.environ.get("LD_LIBRARY_PATH") == before
    assert os.environ["PYINSTALLER_RESET_ENVIRONMENT"] == "1"


def test_the_environment_stays_as_it_is_when_run_from_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/the/users/own")
    leave_bundle_environment()
    assert os.environ["LD_LIBRARY_PATH"] == "/the/users/own"


@pytest.mark.skipif(sys.platform == "win32", reason="the shell closes the streams")
def test_closed_streams_are_opened_before_another_file_takes_their_place() -> None:
    program = (
        "from app.base.children import fill_standard_streams as fill; fill();"
        "import os, sys; file = open('/dev/zero');"
        "assert file.fileno() > 2, file.fileno();"
        "print('out'); print('err', file=sys.stderr); os.write(2, b'native');"
        "assert sys.stdin.read() == ''; os._exit(7)"
    )
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, program], cwd=ROOT, check=False
    )
    assert done.returncode == 7


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the end of stdin has to do")
@pytest.mark.parametrize("name", [name for name in CHILD_MODULES if name != "sandbox"])
def test_a_child_whose_parent_died_while_it_was_loaded_does_nothing(name: ChildName) -> None:
    """Its stdin is open: it may have the whole request. The sandbox ends with its stdin, whatever it runs."""
    reader, writer = os.pipe()
    os.close(reader)
    child = subprocess.Popen(child_command(name), cwd=ROOT, stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    try:
        wait_until(lambda: child.poll() is not None)
        assert child.returncode == 0
    finally:
        child.kill()
        child.communicate()
