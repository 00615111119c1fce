"""`stillroom chat` with a running `stillroom serve`: real programs, real pipes, the starter model."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.base.errors import StillroomError
from app.base.paths import AppPaths
from app.chat.prompting.prompt import ChatMessage
from app.commands.terminal.console import Console
from app.commands.terminal.running_server import ServedModel, running_server
from app.commands.terminal.server_speaker import ServerSpeaker
from app.commands.terminal.terminal_reply import ReplyWishes
from app.server.access.discovery import Discovery
from models.catalogue.starter import starter_file
from tests.support.cli import Cli

QUESTION = "Name three colours."
GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "12")
SETTINGS = ("--threads", "1", "--context", "1024")
"""Of both: flash attention, and with it the last bits of every number, follows from the context."""
LOADED_HERE = ("--local", *SETTINGS)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command line of a home in which a server runs."""
    cli = Cli(tmp_path_factory.mktemp("home"))
    options = ("--port", "0", *SETTINGS, "--json")
    with cli.start("serve", "starter", *options, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["url"]
        yield cli
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


def app_paths_of(cli: Cli) -> AppPaths:
    return AppPaths(*(cli.home / name for name in ("data", "config", "cache", "logs")))


def answered(ran: Any) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    document: dict[str, Any] = ran.json()
    return document


def by_server(document: dict[str, Any]) -> bool:
    """Nothing was loaded for this reply."""
    return bool(document["load_s"] == 0)


def test_the_server_answers_with_the_same_words_and_fields(cli: Cli) -> None:
    through = answered(cli("chat", "starter", QUESTION, *GREEDY, "--json"))
    here = answered(cli("chat", "starter", QUESTION, *GREEDY, *LOADED_HERE, "--json"))
    assert by_server(through)
    assert not by_server(here)
    assert through.keys() == here.keys()
    for same in ("model", "backend", "answer", "thinking", "finish_reason", "completion_tokens", "seed"):
        assert through[same] == here[same], same
    for measured in ("prompt_tokens", "ttft_ms", "prompt_tok_per_s", "decode_tok_per_s"):
        assert through[measured] > 0


def test_the_reply_is_alone_on_stdout(cli: Cli) -> None:
    ran = cli("chat", QUESTION, *GREEDY)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.strip() == answered(cli("chat", QUESTION, *GREEDY, "--json"))["answer"].strip()


def test_a_pipe_goes_along_as_a_document_and_no_model_need_be_named(cli: Cli) -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", "print('+ added line\\n' * 30)"], stdout=subprocess.PIPE
        ) as before,
        cli.start("chat", "Review this.", *GREEDY, "--json", stdin=before.stdout) as program,
    ):
        out, err = program.communicate(timeout=120)
    document = json.loads(out)
    assert (program.returncode, err) == (0, b"")
    assert by_server(document)
    assert document["prompt_tokens"] > 30 * 3


def test_stop_system_and_schema_reach_the_server(cli: Cli, tmp_path: Path) -> None:
    plain = answered(cli("chat", QUESTION, *GREEDY, "--json"))
    system = answered(cli("chat", QUESTION, *GREEDY, "--system", "Answer in verse. " * 20, "--json"))
    assert system["prompt_tokens"] > plain["prompt_tokens"] + 40
    word = plain["answer"].split()[2]
    assert word not in answered(cli("chat", QUESTION, *GREEDY, "--stop", word, "--json"))["answer"]
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}')
    bound = answered(cli("chat", QUESTION, *GREEDY[:4], "--json-schema", str(schema), "--json"))
    assert by_server(bound)
    assert isinstance(json.loads(bound["answer"])["a"], int)


def test_options_of_loading_and_other_models_are_served_here(cli: Cli, tmp_path: Path) -> None:
    assert not by_server(answered(cli("chat", "starter", QUESTION, *GREEDY, "--gpu-layers", "0", "--json")))
    file = starter_file()
    assert file is not None
    shutil.copyfile(file, tmp_path / "another.gguf")
    assert not by_server(answered(cli("chat", str(tmp_path / "another.gguf"), QUESTION, *GREEDY, "--json")))


def test_what_the_server_refuses_is_said_in_its_words(cli: Cli) -> None:
    ran = cli("chat", "word " * 3000)
    assert ran.code == 1
    assert "1,024" in ran.err
    assert "Traceback" not in ran.err


def test_a_model_that_is_not_here_is_explained_as_ever(cli: Cli) -> None:
    ran = cli("chat", "r1-qwen-7", QUESTION)
    assert ran.code == 1
    assert "Did you mean r1-qwen-7b" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_a_conversation_goes_through_the_server(cli: Cli) -> None:
    from tests.support.terminal import Terminal

    terminal = Terminal(cli, "chat", *GREEDY)
    try:
        assert "SmolLM2-135M-Instruct/Q4_1, 1,024 tokens of context" in terminal.read_until("> ")
        counts = []
        for question in (QUESTION, "And one more?"):
            terminal.type(f"{question}\n")
            terminal.read_until("\n> ")
            terminal.type("/stats\n")
            found = re.search(r"prompt (\d+) tokens", terminal.read_until("\n> "))
            assert found
            counts.append(int(found[1]))
        assert counts[1] > counts[0]
        terminal.type("/quit\n")
        terminal.read_to_the_end()
        assert terminal.program.wait(timeout=30) == 0
    finally:
        terminal.close()


def test_a_conversation_that_no_longer_fits_loses_its_oldest_messages(cli: Cli) -> None:
    running = running_server(app_paths_of(cli))
    assert running is not None
    found, models = running
    err = io.StringIO()
    speaker = ServerSpeaker(
        found,
        models[0],
        Console(io.StringIO(), err),
        sampling={"temperature": 0},
        max_tokens=8,
        wishes=ReplyWishes(),
    )
    long = "word " * 350
    messages = [
        ChatMessage("system", "Be brief."),
        *[ChatMessage(role, long) for role in ("user", "assistant", "user", "assistant")],
        ChatMessage("user", QUESTION),
    ]
    reply = speaker.reply(messages, threading.Event())
    assert "its first 2 messages are left out" in err.getvalue()
    assert 350 * 2 < reply.end.stats.prompt_tokens < 1024


@pytest.mark.skipif(sys.platform == "win32", reason="signals go to process groups of POSIX here")
def test_ctrl_c_stops_the_reply_and_frees_the_server(cli: Cli) -> None:
    with cli.start("chat", "Count to one thousand.", "--temperature", "0") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.read(8)
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(timeout=30) == 130
        assert program.stderr.read() == b""
    assert by_server(answered(cli("chat", QUESTION, *GREEDY, "--json")))


def test_a_server_that_does_not_answer_counts_for_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    file = tmp_path / "data" / "server.json"
    file.parent.mkdir()
    found = {"url": "http://127.0.0.1:9", "key": "k" * 32, "pid": os.getpid(), "version": "1"}
    file.write_text(json.dumps(found | {"started": "2126-01-01T00:00:00+00:00"}))
    document = answered(cli("chat", "starter", QUESTION, *GREEDY, "--threads", "1", "--json"))
    assert not by_server(document)


class CutOff(BaseHTTPRequestHandler):
    """A stand-in for a server that dies in the middle of a reply."""

    ends_cleanly = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(b'data: {"choices": [{"delta": {"content": "Four"}}]}\n\n')

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (0 if self.ends_cleanly else 9)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("ends_cleanly", [True, False])
def test_a_reply_without_an_end_is_no_whole_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends_cleanly: bool
) -> None:
    monkeypatch.setattr(CutOff, "ends_cleanly", ends_cleanly)
    with HTTPServer(("127.0.0.1", 0), CutOff) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = Discovery(
            url=f"http://127.0.0.1:{server.server_port}", key="k", pid=1, started="", version="1"
        )
        out = io.StringIO()
        model = ServedModel("SmolLM2-135M-Instruct/Q4_1", 64)
        speaker = ServerSpeaker(
            found, model, Console(out, io.StringIO()), sampling={}, max_tokens=0, wishes=ReplyWishes()
        )
        with pytest.raises(StillroomError, match="connection to the running Stillroom broke"):
            speaker.reply([ChatMessage("user", QUESTION)], threading.Event())
        server.shutdown()
    assert out.getvalue().startswith("Four")


def test_without_a_model_and_a_server_the_last_one_answers_else_the_starter(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    document = answered(cli("chat", QUESTION, *GREEDY, "--threads", "1", "--json"))
    assert document["model"] == "SmolLM2-135M-Instruct/Q4_1"
    settings = tmp_path / "config" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('{"version": 1, "last_model": "someone/gone/Q8_0"}')
    ran = cli("chat", QUESTION)
    assert ran.code == 1
    assert "No model was named" in ran.err
