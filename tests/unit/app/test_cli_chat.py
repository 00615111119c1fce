"""`stillroom chat` with the real program, the real engine and the starter model."""

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.commands.terminal.console import Console
from app.commands.terminal.terminal_reply import ReplyPrinter
from app.engine.protocol import LoadSettings
from app.load_choices import LoadChoices
from app.settings import LoadChoice, SettingsFile
from models.catalogue.starter import starter_file
from tests.support.cli import Cli, Ran
from tests.support.starter_variants import write_templated_model

QUESTION = "Name three colours."
GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "24", "--threads", "1", "--context", "2048")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A greedy reply to the question, for what others are held against."""
    return Cli(tmp_path_factory.mktemp("plain"))("chat", "starter", QUESTION, *GREEDY)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same as JSON."""
    return Cli(tmp_path_factory.mktemp("json"))("chat", "starter", QUESTION, *GREEDY, "--json").json()


def test_a_greedy_reply_is_the_same_twice_and_alone_on_stdout(cli: Cli, plain: Ran) -> None:
    first, second = plain, cli("chat", "starter", QUESTION, *GREEDY)
    assert first.code == 0, first.err
    assert first.out == second.out
    assert len(first.out.split()) > 3
    assert first.out.endswith("\n")
    assert first.err == ""


def test_json_holds_the_reply_and_its_figures(document: Any, plain: Ran) -> None:
    assert document["answer"].strip() == plain.out.strip()
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


def test_a_gguf_file_can_be_named_by_its_path(cli: Cli, plain: Ran) -> None:
    file = starter_file()
    assert file is not None
    assert cli("chat", str(file), QUESTION, *GREEDY).out == plain.out


def test_the_system_prompt_is_part_of_the_prompt(cli: Cli, document: Any) -> None:
    guided = cli("chat", "starter", QUESTION, "--system", "Answer in verse. " * 20, *GREEDY, "--json").json()
    assert guided["prompt_tokens"] > document["prompt_tokens"] + 40


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


def test_a_model_is_loaded_as_was_chosen_for_it(cli: Cli) -> None:
    starter = starter_file()
    assert starter is not None
    settings = SettingsFile(cli.home / "config" / "settings.json")
    LoadChoices(settings).choose(starter, LoadChoice(load=LoadSettings(context_tokens=1024)))
    ran = cli("chat", "starter", "word " * 3000)
    assert "too many for a context of 1,024" in ran.err


def test_a_prompt_beyond_the_context_is_refused_with_its_size(cli: Cli) -> None:
    ran = cli("chat", "starter", "word " * 3000, "--context", "1024")
    assert ran.code == 1
    assert "too many for a context of 1,024" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals go to process groups of POSIX here")
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


def test_an_answer_is_bound_to_a_schema(cli: Cli, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema))
    document = cli("chat", "starter", QUESTION, *GREEDY, "--json", "--json-schema", str(path)).json()
    assert json.loads(document["answer"])["colour"] in ("red", "blue")


def test_an_answer_is_bound_to_a_grammar_and_ends_before_a_stop_text(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "grammar.gbnf"
    path.write_text('root ::= "one two three"')
    ran = cli(
        "chat", "starter", QUESTION, *GREEDY, "--grammar", str(path), "--stop", " three", "--no-thinking"
    )
    assert ran.out == "one two\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--thinking-budget", "many"],
        ["--thinking-budget", "0"],
        ["--thinking-budget", "10", "--no-thinking"],
        ["--json-schema", "/nowhere"],
    ],
)
def test_wrong_wishes_are_wrong_use(cli: Cli, wrong: list[str]) -> None:
    assert cli("chat", "starter", QUESTION, *wrong).code == 2


def test_a_template_that_loops_for_ever_is_named_and_the_model_answers(cli: Cli, tmp_path: Path) -> None:
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    model = write_templated_model(tmp_path / "hostile.gguf", loops)
    ran = cli("chat", str(model), QUESTION, *GREEDY)
    assert ran.code == 0, ran.err
    assert ran.out.strip()
    assert "takes too long. Stillroom uses its own for ChatML instead." in ran.err
    assert len(ran.err.splitlines()) == 1
