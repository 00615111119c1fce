"""SIGKILL in the middle of a chat: what was kept stays, and of a stream the last second at most is lost."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.chat.store.recorder import INTERVAL_S
from app.chat.store.store import ChatStore

TIMES = int(os.environ.get("STILLROOM_CHAT_KILLS", "500"))
LONGEST_S = 4.0
SLACK_S = 1.0
"""A busy disk may take so much beside the recorder's own time."""


@dataclass
class Told:
    """All that the child has said before it died."""

    kept: dict[int, str] = field(default_factory=dict)
    shown: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    complete: dict[int, int] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        fact = json.loads(line)
        if "message" in fact:
            self.kept[fact["message"]] = fact["content"]
        elif "kept" in fact:
            self.complete[fact["kept"]] = fact["length"]
        else:
            self.shown.setdefault(fact["reply"], []).append((fact["at_s"], fact["length"]))


def kill_once(path: Path, after_s: float, replies: int = 0) -> tuple[Told, float]:
    """Let a child chat for so long after its first message, and until so many replies have begun to be shown;
    kill it, and say when."""
    told = Told()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.chat_child", str(path)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout as lines:
        told.take(lines.readline())
        end_s = time.monotonic() + after_s
        while time.monotonic() < end_s or len(told.shown) < replies:
            # The child says something with every token.
            line = lines.readline()
            assert line, "the child ended by itself"
            told.take(line)
        os.kill(child.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        for line in lines.read().splitlines():
            if line.endswith(b"}"):
                told.take(line)
    child.wait()
    return told, killed_s


def check(path: Path, told: Told, killed_s: float) -> float:
    """Check what must hold in the file; returns the seconds of the stream that were lost."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    lost_s = 0.0
    with closing(ChatStore(path)) as store:
        assert store.recovery is None
        for message_id, content in told.kept.items():
            message = store.message(message_id)
            assert message.content == content or message.role == "assistant"
        for reply_id, length in told.complete.items():
            reply = store.message(reply_id)
            assert len(reply.content) == length
            assert reply.outcome not in ("running", "interrupted")
        for reply_id, shown in told.shown.items():
            reply = store.message(reply_id)
            missing = [at_s for at_s, length in shown if length > len(reply.content)]
            if missing:
                assert reply.outcome == "interrupted"
                lost_s = max(lost_s, killed_s - missing[0])
    return lost_s


def kill_many(path: Path, times: int) -> list[float]:
    """Kill it so often; the seconds of the stream that were lost each time."""
    draw = random.Random(5)
    lost: list[float] = []
    messages = 0
    for _ in range(times):
        told, killed_s = kill_once(path, draw.uniform(0.0, LONGEST_S))
        lost.append(check(path, told, killed_s))
        messages += len(told.kept)
    print(
        f"{times} kills, {messages} messages kept, none lost; of the streams at most {max(lost):.2f} s,"
        f" {sorted(lost)[times // 2]:.2f} s in the middle"
    )
    return lost


@pytest.mark.timeout(300)
def test_a_killed_chat_keeps_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    for _ in range(2):
        told, killed_s = kill_once(path, 0.0, replies=2)
        check(path, told, killed_s)
        # The first reply was whole, and the second one under way.
        assert len(told.complete) == 1
        assert len(told.kept) == 4


@pytest.mark.faults
@pytest.mark.timeout(3 * 3600)
def test_many_killed_chats_keep_their_messages(tmp_path: Path) -> None:
    assert max(kill_many(tmp_path / "chats.sqlite3", TIMES)) <= INTERVAL_S + SLACK_S
