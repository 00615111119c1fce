"""A conversation of `stillroom chat` on a pseudo-terminal."""

import codecs
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's", exc_type=ImportError)

QUESTION = "Name three colours."
SHORT = ("--temperature", "0", "--max-tokens", "24", "--threads", "1", "--context", "2048")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


class Terminal:
    """A conversation on a pseudo-terminal: what a person sees is read until the wanted words come."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.program: subprocess.Popen[bytes] = cli.start(*arguments, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def read_until(self, words: str) -> str:
        """Everything up to and with `words`; what follows is kept for the next call."""
        while words not in self._seen:
            piece = self._read()
            assert piece, f"the program ended before it said {words!r}: {self._seen}"
            self._seen += piece
        text, _, self._seen = self._seen.partition(words)
        return text + words

    def read_to_the_end(self) -> str:
        while piece := self._read():
            self._seen += piece
        return self._seen

    def _read(self) -> str:
        ready, _, _ = select.select([self._master], [], [], 60)
        assert ready, f"nothing more came after: {self._seen}"
        try:
            return self._decoder.decode(os.read(self._master, 4096))
        except OSError:  # Linux says so when the other side is closed
            return ""

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self._master)


@pytest.fixture
def talk(cli: Cli) -> Iterator[Terminal]:
    terminal = Terminal(cli, "chat", "starter", *SHORT)
    yield terminal
    terminal.close()


@pytest.fixture
def long_talk(cli: Cli) -> Iterator[Terminal]:
    terminal = Terminal(cli, "chat", "starter", "--temperature", "0")
    yield terminal
    terminal.close()


def context_tokens(talk: Terminal, question: str) -> int:
    talk.type(f"{question}\n")
    talk.read_until(f"{question}\r\n")
    talk.read_until("\n> ")
    talk.type("/stats\n")
    found = re.search(r"context (\d+) tokens", talk.read_until("\n> "))
    assert found
    return int(found[1])


def test_a_conversation_goes_on_starts_anew_and_ends(talk: Terminal) -> None:
    talk.read_until("> ")
    first = context_tokens(talk, QUESTION)
    assert context_tokens(talk, "And one more?") > first
    talk.type("/new\n")
    talk.read_until("new conversation.\r\n> ")
    assert context_tokens(talk, QUESTION) == first
    talk.type("/system Answer in verse.\n")
    talk.read_until("\n> ")
    assert context_tokens(talk, QUESTION) != first
    talk.type("/help\n")
    talk.read_until("/quit ends")
    talk.type("/quit\n")
    talk.read_to_the_end()
    assert talk.program.wait(timeout=30) == 0


def test_ctrl_c_in_a_conversation_stops_the_reply_only(long_talk: Terminal) -> None:
    long_talk.read_until("> ")
    long_talk.type("Write a long story about a dragon.\n")
    long_talk.read_until("dragon.\r\n")
    long_talk.read_until(" ")
    os.killpg(long_talk.program.pid, signal.SIGINT)
    long_talk.read_until("(stopped)\r\n> ")
    long_talk.type("half a line")
    long_talk.read_until("half a line")
    os.killpg(long_talk.program.pid, signal.SIGINT)
    long_talk.read_until("\n> ")
    long_talk.type("\x04")
    long_talk.read_to_the_end()
    assert long_talk.program.wait(timeout=30) == 0
