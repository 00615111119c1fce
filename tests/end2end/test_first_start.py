"""The first start where something is missing that most computers have: a network, a home that can be written
to, a display, a large screen, a name in ASCII."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.display import WAIT_S, RealWindow, virtual_display
from tests.support.full_disk import read_only_disk, small_disk
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's namespaces and X"),
]

NO_NETWORK = ("unshare", "--user", "--map-root-user", "--net")
QUESTION = ("chat", "starter", "Say hello.", "--temperature", "0", "--max-tokens", "8")
CASES = ["no network", "read-only home", "a name of spaces and Chinese"]


@contextmanager
def circumstances(case: str, folder: Path) -> Iterator[tuple[Path, tuple[str, ...], dict[str, str]]]:
    """Make a home, what the program is started by, and what its environment has besides."""
    if case == "no network":
        if subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no network cannot be taken away here")
        yield folder, NO_NETWORK, {}
    elif case == "read-only home":
        with small_disk(folder / "home", 1 << 20) as home:
            read_only_disk(home)
            yield home, (), {}
    else:
        home = folder / "with  spaces and 模型 é"
        yield home, (), {"LC_ALL": "C", "HOME": str(home)}


@pytest.mark.parametrize("case", CASES)
def test_a_question_is_answered(case: str, tmp_path: Path) -> None:
    with circumstances(case, tmp_path) as (home, started_by, environment):
        cli = Cli(home)
        done = subprocess.run(
            [*started_by, *cli.command(*QUESTION)],
            env=cli.environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=WAIT_S * 2,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.window
@pytest.mark.parametrize("case", CASES)
def test_the_window_opens_on_a_small_screen_and_closes(case: str, tmp_path: Path) -> None:
    with (
        virtual_display("1024x600x24") as display,
        circumstances(case, tmp_path) as (home, started_by, environment),
    ):
        command = (*started_by, sys.executable, "-m", "app")
        window = RealWindow(display, home, command, **environment)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        for number in ("4", "1"):
            window.key(f"ctrl+{number}")
            wait_until(lambda: window.colours() > 50, f"tab {number}")
        assert window.close() == 0


def started_without_window(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "DISPLAY" not in name and name[:3] != "QT_"}
    return subprocess.run(
        [sys.executable, "-m", "app"],
        env=kept | {"STILLROOM_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    done = started_without_window(tmp_path)
    assert done.returncode == 1
    assert "There is no display here, so the window cannot open." in done.stderr


def test_a_display_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = started_without_window(tmp_path, DISPLAY=":4711")
    assert done.returncode == 1
    assert "The window cannot open.\n" in done.stderr
    assert "could not connect to display :4711" in done.stderr
