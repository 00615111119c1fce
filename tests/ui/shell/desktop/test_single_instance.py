"""A second start hands its files to the first, or takes over from a process that has no window."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from pytestqt.qtbot import QtBot

from app.ui.shell.desktop.single_instance import LONGEST_MESSAGE, SingleInstance


# In one thread the first cannot answer before the second has given up waiting.
def test_a_second_start_hands_over_its_files(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    assert first.claim()
    with qtbot.waitSignal(first.open_asked) as asked:
        assert not SingleInstance(tmp_path, answer_ms=1).claim([tmp_path / "a 模型.gguf"])
    assert asked.args == [[tmp_path / "a 模型.gguf"]]


def test_a_second_start_without_files_raises_the_window(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    assert first.claim()
    with qtbot.waitSignal(first.open_asked) as asked:
        assert not SingleInstance(tmp_path, answer_ms=1).claim()
    assert asked.args == [[]]


def test_another_data_folder_has_a_window_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    assert SingleInstance(tmp_path / "one").claim()
    assert SingleInstance(tmp_path / "other").claim()


_FIRST = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication, QTimer
from app.ui.shell.desktop.single_instance import SingleInstance
application = QCoreApplication([])
instance = SingleInstance(Path(sys.argv[1]))
assert instance.claim()
if "shown" not in sys.argv:
    instance.leave()
if "ends" in sys.argv:
    QTimer.singleShot(500, application.quit)
print("ready", flush=True)
application.exec()
"""


@contextmanager
def first_process(folder: Path, *how: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has the name."""
    command = [sys.executable, "-c", _FIRST, str(folder), *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_a_start_waits_for_one_that_closes(qtbot: QtBot, tmp_path: Path) -> None:
    with first_process(tmp_path, "ends") as first:
        assert SingleInstance(tmp_path).claim()
        assert first.wait(10) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="signals of POSIX")
def test_a_start_takes_over_from_a_process_that_has_no_window(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ui.shell.desktop.single_instance.LEAVING_S", 0.2)
    with first_process(tmp_path) as first:
        assert SingleInstance(tmp_path).claim()
        assert not psutil.pid_exists(first.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="signals of POSIX")
@pytest.mark.parametrize("agrees", [True, False])
def test_a_window_that_hangs_is_ended_only_if_the_user_wants_it(
    qtbot: QtBot, tmp_path: Path, agrees: bool
) -> None:
    with first_process(tmp_path, "shown") as first:
        first.send_signal(signal.SIGSTOP)
        second = SingleInstance(tmp_path, may_end=lambda: agrees, answer_ms=100)
        assert second.claim() == agrees
        assert psutil.pid_exists(first.pid) != agrees


def test_a_name_that_cannot_be_had_keeps_nobody_from_starting(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the sockets are.
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    assert SingleInstance(tmp_path).claim()


@pytest.mark.skipif(sys.platform != "linux", reason="the system says who listens")
def test_another_user_who_has_the_name_keeps_nobody_from_starting(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with first_process(tmp_path, "shown") as first:
        # Stands in for a second user: a test has one.
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert SingleInstance(tmp_path).claim()
        assert first.poll() is None


@pytest.mark.parametrize("garbage", [b"[" * 100_000 + b"\n", b"[1]\n", b"\xff\n", b"x" * 3_000_000])
def test_garbage_raises_the_window_at_most(qtbot: QtBot, tmp_path: Path, garbage: bytes) -> None:
    first = SingleInstance(tmp_path)
    assert first.claim()
    asked: list[list[Path]] = []
    first.open_asked.connect(asked.append)
    other = QLocalSocket()
    [server] = first.findChildren(QLocalServer)
    other.connectToServer(server.fullServerName())
    other.write(garbage)
    if garbage.endswith(b"\n"):
        qtbot.waitUntil(lambda: asked == [[]])
    else:
        qtbot.waitUntil(lambda: server.findChildren(QLocalSocket) != [])
        [connection] = server.findChildren(QLocalSocket)
        qtbot.waitUntil(lambda: connection.bytesAvailable() >= LONGEST_MESSAGE)
        assert connection.bytesAvailable() == LONGEST_MESSAGE
    with qtbot.waitSignal(first.open_asked) as signal:
        assert not SingleInstance(tmp_path, answer_ms=1).claim([tmp_path / "a.gguf"])
    assert signal.args == [[tmp_path / "a.gguf"]]
