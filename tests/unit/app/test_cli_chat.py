"""`stillroom chat` with the real program, the real engine and the starter model."""

import codecs
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.commands.console import Console
from app.commands.reply import ReplyPrinter
from models.starter import starter_file
from tests.support.cli import Cli

QUESTION = "Name three colours."
GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "24", "--threads", "1", "--context", "2048")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_a_greedy_reply_is_the_same_twice_and_alone_on_stdout(cli: Cli) -> None:
    first, second = (cli("chat", "starter", QUESTION, *GREEDY) for _ in range(2))
    assert first.code == 0, first.err
    assert first.out == second.out
    assert len(first.out.split()) > 3
    assert first.out.endswith("\n")
    assert first.err == ""


def test_json_holds_the_reply_and_its_figures(cli: Cli) -> None:
    ran = cli("chat", "starter", QUESTION, *GREEDY, "--json")
    document = ran.json()
    assert document["answer"].strip() == cli("chat", "starter", QUESTION, *GREEDY).out.strip()
    assert document["thinking"] == ""
    assert document["finish_reason"] in ("stop", "length")
    assert document["prompt_tokens"] > 0
    assert 0 < document["completion_tokens"] <= 24
    for rate in ("ttft_ms", "prompt_tok_per_s", "decode_tok_per_s"):
        assert document[rate] > 0


def test_a_seed_repeats_a_sampled_reply(cli: Cli) -> None:
    sampled = ("--temperature", "1.5", "--max-tokens", "24", "--threads", "1", "--context", "2048", "--json")
    one, same, other = (
        cli("chat", "starter", QUESTION, *sampled, "--seed", seed).json()["answer"]
        for seed in ("7", "7", "8")
    )
    assert one == same != other


def test_the_prompt_is_read_from_a_pipe_in_any_language(cli: Cli) -> None:
    piped = cli("chat", "starter", *GREEDY, "--json", stdin="你好，世界 – héllo\n")
    given = cli("chat", "starter", "你好，世界 – héllo", *GREEDY, "--json")
    assert piped.code == 0
    assert piped.json()["answer"] == given.json()["answer"]


def test_a_gguf_file_can_be_named_by_its_path(cli: Cli) -> None:
    file = starter_file()
    assert file is not None
    assert cli("chat", str(file), QUESTION, *GREEDY).out == cli("chat", "starter", QUESTION, *GREEDY).out


def test_the_system_prompt_is_part_of_the_prompt(cli: Cli) -> None:
    plain = cli("chat", "starter", QUESTION, *GREEDY, "--json").json()
    guided = cli("chat", "starter", QUESTION, "--system", "Answer in verse. " * 20, *GREEDY, "--json").json()
    assert guided["prompt_tokens"] > plain["prompt_tokens"] + 40


@pytest.mark.parametrize(
    ("model", "message", "hint"),
    [
        ("r1-qwen-7b", "r1-qwen-7b is not on this computer", "stillroom build r1-qwen-7b --type Q4_K_M"),
        ("someone/something", "someone/something is not on this", "stillroom build someone/something"),
        ("r1-qwen-7", "no model called r1-qwen-7", "Did you mean r1-qwen-7b"),
        ("no/such/file.gguf", "no/such/file.gguf does not exist", ""),
        ("starter/Q8_0", "", "stillroom"),
    ],
)
def test_a_model_that_is_not_here_is_explained(cli: Cli, model: str, message: str, hint: str) -> None:
    ran = cli("chat", model, QUESTION)
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    assert hint in ran.err
    assert "Traceback" not in ran.err


def test_a_damaged_file_fails_with_a_sentence_and_a_json_error(cli: Cli, tmp_path: Path) -> None:
    file = starter_file()
    assert file is not None
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(file.read_bytes()[:200_000])
    ran = cli("chat", str(damaged), QUESTION, "--json")
    assert ran.code == 1
    assert ran.json()["error"]["message"] in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_wrong_use(cli: Cli, prompt: str) -> None:
    assert cli("chat", "starter", stdin=prompt).code == 2
    assert cli("chat", "starter", prompt).code == 2


def test_a_prompt_beyond_the_context_is_refused_with_its_size(cli: Cli) -> None:
    ran = cli("chat", "starter", "word " * 3000, "--context", "1024")
    assert ran.code == 1
    assert "too many for a context of 1024" in ran.err


def test_ctrl_c_stops_the_reply_and_leaves_no_process(cli: Cli) -> None:
    with cli.start("chat", "starter", "Count to one thousand.", "--temperature", "0") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.read(8)
        children = psutil.Process(program.pid).children()
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(timeout=30) == 130
        assert program.stderr.read() == b""
    assert children
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)


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
    terminal = Terminal(cli, "chat", "starter", *GREEDY)
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


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(console: Console) -> None:
    printer = ReplyPrinter(console)
    printer.add("thinking", "Hm, ")
    printer.add("thinking", "seven.")
    printer.add("answer", "It is ")
    printer.add("answer", "7.")
    printer.end()
    assert (printer.text("thinking"), printer.text("answer")) == ("Hm, seven.", "It is 7.")


def test_thinking_is_dim_beside_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out, err = io.StringIO(), Screen()
    printed(Console(out, err))
    assert out.getvalue() == "It is 7.\n"
    assert err.getvalue() == "\x1b[2mHm, seven.\n\x1b[0m\n"


def test_thinking_is_marked_where_colours_are_unwanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = io.StringIO(), Screen()
    printed(Console(out, err))
    assert out.getvalue() == "It is 7.\n"
    assert err.getvalue() == "[thinking]\nHm, seven.\n[answer]\n"


def test_without_a_terminal_only_the_answer_is_written() -> None:
    out, err = io.StringIO(), io.StringIO()
    printed(Console(out, err))
    assert (out.getvalue(), err.getvalue()) == ("It is 7.\n", "")
    quiet = io.StringIO()
    printed(Console(quiet, Screen(), as_json=True))
    assert quiet.getvalue() == ""


def test_the_log_never_holds_what_was_said(cli: Cli) -> None:
    answer = cli("chat", "starter", "Is a zebrafish purple?", *GREEDY, "--json").json()["answer"]
    text = "".join(file.read_text() for file in (cli.home / "logs").iterdir())
    assert "zebrafish" not in text
    assert answer.strip()[:20] not in text
    assert json.dumps(answer)[:20] not in text
