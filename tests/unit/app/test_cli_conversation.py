"""A conversation of `stillroom chat` on a pseudo-terminal."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli

pytest.importorskip("pty", reason="pseudo-terminals are POSIX's", exc_type=ImportError)

import pty

from tests.support.terminal import Terminal

QUESTION = "Name three colours."
TYPING_WHILE_ANOTHER_THREAD_HAS_THE_SIGNALS = """
import readline, signal, sys, threading
from app.commands.terminal.interrupt import TalkInterrupts, cancel_on_interrupt

with cancel_on_interrupt(), TalkInterrupts() as interrupts:
    # The kernel gives them to a thread that does not block them, and the main thread's wait is not ended.
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.Signals[sys.argv[1]]})
    try:
        interrupts.read_line("> ")
    except (EOFError, KeyboardInterrupt) as error:
        sys.stderr.write(type(error).__name__)
        sys.stderr.flush()
        signal.pause()
"""
SHORT = ("--temperature", "0", "--max-tokens", "24", "--threads", "1", "--context", "2048")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


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
    long_talk.interrupt()
    long_talk.read_until("(stopped)\r\n> ")
    long_talk.type("half a line")
    long_talk.read_until("half a line")
    long_talk.interrupt()
    long_talk.read_until("\n> ")
    long_talk.type("\x04")
    long_talk.read_to_the_end()
    assert long_talk.program.wait(timeout=30) == 0


def test_a_polite_kill_ends_a_conversation(talk: Terminal) -> None:
    talk.read_until("> ")
    talk.type("half a line")
    talk.read_until("half a line")
    talk.program.send_signal(signal.SIGTERM)
    talk.read_to_the_end()
    assert talk.program.wait(timeout=30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_in_the_moment_before_the_wait_for_a_line_is_seen(number: signal.Signals) -> None:
    master, slave = pty.openpty()
    command = (sys.executable, "-c", TYPING_WHILE_ANOTHER_THREAD_HAS_THE_SIGNALS, number.name)
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        seen = ""
        while "> " not in seen:
            seen += os.read(master, 4096).decode()
        program.send_signal(number)
        ready, _, _ = select.select([program.stderr], [], [], 60)
        program.kill()
        assert ready, "it waits for the next key"
        assert program.stderr.read() == ("EOFError" if number == signal.SIGTERM else "KeyboardInterrupt")
    os.close(master)
    os.close(slave)
