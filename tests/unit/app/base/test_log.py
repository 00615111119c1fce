"""The log: what happened, never what was said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.base.log import log_file, report, without_secrets
from tests.support.full_disk import fill, small_disk


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token hf_AbCdEf0123456789 used", "hf_AbCdEf0123456789"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("GET https://cdn.example/file?X-Sig=0a1b&Expires=5 200", "0a1b"),
    ],
)
def test_secrets_are_blotted_out(text: str, secret: str) -> None:
    assert secret not in without_secrets(text)
    assert "[hidden]" in without_secrets(text)


def test_plain_sentences_are_left_alone() -> None:
    sentence = "Is n_ctx=4096 enough? a=b was loaded in 0.3 s"
    assert without_secrets(sentence) == sentence


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    prelude = (
        "import pathlib, logging, threading; from app.base.log import start_log\n"
        f"start_log(pathlib.Path({str(folder)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", prelude + code], capture_output=True, text=True, check=False)


def test_uncaught_exceptions_of_all_threads_are_logged(tmp_path: Path) -> None:
    code = "t = threading.Thread(target=lambda: 1 / 0, name='pump'); t.start(); t.join()\n"
    done = run(code + "raise ValueError('boom')", tmp_path)
    text = log_file(tmp_path).read_text()
    assert done.returncode == 1
    assert "thread pump" in text
    assert "ZeroDivisionError" in text
    assert "ValueError: boom" in text
    assert "ValueError: boom" in done.stderr


def test_the_file_rotates(tmp_path: Path) -> None:
    run("for i in range(6000): logging.getLogger('x').info('%s', 'y' * 400)", tmp_path)
    assert len(list(tmp_path.glob("stillroom.log*"))) == 3
    assert max(file.stat().st_size for file in tmp_path.iterdir()) <= 1 << 20


@pytest.mark.parametrize("taken", ["stillroom.log", "."])
def test_it_keeps_the_notice_that_its_place_was_taken(taken: str, tmp_path: Path) -> None:
    """It is told, once, to who listens later, and the log that is begun has it."""
    folder = tmp_path / "logs"
    if taken == ".":
        folder.write_text("mine")
    else:
        (folder / taken).mkdir(parents=True)
    code = (
        "import pathlib, logging\n"
        "from app.base.log import start_log\n"
        "from models.system.notices import NoticeInbox\n"
        "inbox = NoticeInbox()\n"
        f"start_log(pathlib.Path({str(folder)!r}))\n"
        "logging.getLogger('x').info('it goes on')\n"
        "inbox.observe(lambda notice: print(notice))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    [told] = done.stdout.splitlines()
    assert str(folder / taken) in told
    assert "It is kept as" in told
    assert done.stderr == ""
    lines = log_file(folder).read_text().splitlines()
    assert sum(told in line for line in lines) == 1
    assert "it goes on" in lines[-1]


def test_a_folder_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("print('on')", tmp_path / "file" / "logs")
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert "There is no log" in done.stderr


def test_the_report_names_versions_machine_and_the_last_lines(tmp_path: Path) -> None:
    log_file(tmp_path).write_text("".join(f"line {i} hf_0123456789abc\n" for i in range(300)))
    text = report(tmp_path, notes=("Device: CPU",))
    assert "llama-cpp-python" in text
    assert "Python 3" in text
    assert "Device: CPU" in text
    assert "line 299" in text
    assert "line 150 " not in text
    assert "hf_0123" not in text


def test_a_full_disk_loses_lines_in_silence_and_takes_them_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 << 20) as disk:
        filler = fill(disk)
        code = f"""
log = logging.getLogger("x")
for i in range(100): log.warning("lost %s", "y" * 400)
pathlib.Path({str(filler)!r}).unlink()
log.warning("kept")
"""
        done = run(code, disk / "logs")
        assert (done.returncode, done.stderr) == (0, "")
        assert "kept" in log_file(disk / "logs").read_text()


def test_who_logs_waits_for_no_disk_and_the_lines_come_in_their_order(tmp_path: Path) -> None:
    code = """
import threading
from logging.handlers import RotatingFileHandler
from app.base.log import flush_log, log_behind
from tests.support.held_disk import HANGS_S, at_once

held, goes_on, emit = threading.Event(), threading.Event(), RotatingFileHandler.emit

def slowly(handler, record):
    held.set()
    assert goes_on.wait(HANGS_S)
    emit(handler, record)

RotatingFileHandler.emit = slowly
log_behind()
said = ["one"]
logging.getLogger("x").info("%s", said)
held.wait()
said.append("changed")
for number in range(100):
    at_once(lambda: logging.getLogger("x").info("%d", number))
goes_on.set()
flush_log()
"""
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.rpartition(": ")[2] for line in log_file(tmp_path).read_text().splitlines()]
    assert lines == ["['one']", *map(str, range(100))]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes")
def test_a_pipe_in_the_place_of_the_log_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(log_file(tmp_path))
    done = run("logging.getLogger('x').info('on')", tmp_path)
    assert done.returncode == 0
    assert "on" in log_file(tmp_path).read_text()
