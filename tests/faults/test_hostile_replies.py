"""Replies that want to fetch, open or run something only show their text."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile_markdown import ADDRESSES, hostile_replies
from tests.support.show_hostile import BEGIN, END

EVERYDAY, ALL = 12, 300
QUIET_CALLS = "openat,open,openat2,connect,sendto,execve,socket"


def shown_under_a_tracer(tmp_path: Path, count: int) -> list[str]:
    """The calls of all threads while `count` hostile replies are shown."""
    trace = tmp_path / "trace"
    done = subprocess.run(
        [
            *("strace", "-f", "-o", str(trace), "-e", f"trace={QUIET_CALLS},stat,newfstatat,statx,access"),
            *(sys.executable, "-m", "tests.support.show_hostile", str(count)),
        ],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "STILLROOM_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(done.stdout)["shown"] == count
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    [begin] = [number for number, line in enumerate(lines) if BEGIN in line]
    [end] = [number for number, line in enumerate(lines) if END in line]
    return lines[begin + 1 : end]


def misdeeds(calls: list[str]) -> list[str]:
    """Connections, programs, and files that are not the program's own reading of itself."""
    own = re.compile(
        r'"(/usr|/proc|/sys|/dev|/etc/(fonts|ld)|[^"]*/(site-packages|lib|resources|app|tests)/)'
    )
    found = []
    for call in calls:
        name = re.sub(r"^\d+\s+", "", call)
        if (
            name.startswith(("connect(", "sendto(", "execve(", "socket("))
            or (name.startswith("open") and not own.search(name))
            or any(
                address.strip("/") in call for address in ("etc/passwd", "etc/hostname", "hostile.invalid")
            )
        ):
            found.append(call)
    return found


def test_the_replies_are_hostile_and_the_same_each_time() -> None:
    replies = hostile_replies(ALL)
    assert replies == hostile_replies(ALL)
    assert len(set(replies)) == ALL
    assert all(any(address in reply for reply in replies) for address in ADDRESSES)


def test_a_misdeed_is_seen() -> None:
    calls = [
        '12 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3',
        '12 openat(AT_FDCWD, "/home/user/notes.txt", O_RDONLY) = -1 ENOENT',
        "12 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4",
        '12 newfstatat(AT_FDCWD, "/etc/hostname", 0x7ffd, 0) = 0',
        '12 execve("/bin/sh", ["sh"], 0x7ffd) = 0',
    ]
    assert misdeeds(calls) == calls
    assert misdeeds(['12 openat(AT_FDCWD, "/x/site-packages/pygments/lexers/html.py", O_RDONLY) = 3']) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.timeout(300)
def test_hostile_replies_open_and_connect_nothing(tmp_path: Path) -> None:
    assert misdeeds(shown_under_a_tracer(tmp_path, EVERYDAY)) == []


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.timeout(1800)
def test_three_hundred_hostile_replies_open_and_connect_nothing(tmp_path: Path) -> None:
    assert misdeeds(shown_under_a_tracer(tmp_path, ALL)) == []
