"""Names, keys and templates of a file, a server or a model steer no terminal, no log and no report."""

import io
import json
import logging
from pathlib import Path

import pytest

from app.base.errors import EngineError, StillroomError
from app.base.log import log_file, start_log
from app.bench.report.markdown import plain
from app.commands.terminal.console import Console
from app.commands.terminal.terminal_reply import ReplyPrinter
from models.system.progress import Progress
from tests.support.cli import Cli
from tests.support.tiny_gguf import write_tiny_gguf

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b1A\x7f"
TURNED = "txt\u202egpj.exe\u2066"
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "run")
STEERING = set("\x1b\x07\x9b\x7f\r\u202e\u2066") | set(TAGS)
HOSTILE = ESCAPES + TURNED + TAGS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.gguf"
    texts = {
        "general.name": HOSTILE,
        "key": "y" * 10_000,
        "tokenizer.chat_template": "{{ '\x1b]52;c;b3duZWQ=\x07' }}\r<img src='file:///etc/hostname'>",
        "general.license": "line\nstillroom: forged",
    }
    write_tiny_gguf(path, texts=texts)
    return path


def test_inspect_is_clean_in_words_and_exact_as_json(file: Path, tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    said = cli("inspect", str(file))
    assert said.code == 0, said.err
    assert not STEERING & set(said.out + said.err)
    assert "⟨U+202E⟩" not in said.out  # a name is one line, each character of it one
    assert max(map(len, said.out.splitlines())) < 300
    assert not any(line.startswith("stillroom: forged") for line in said.out.splitlines())
    found = cli("inspect", str(file), "--json")
    assert not STEERING & set(found.out)
    assert found.json()["metadata"]["general.name"] == HOSTILE


@pytest.mark.parametrize(
    ("key", "tensor"), [(f"key{HOSTILE}", "blk"), ("k" * 100_000, "blk"), ("key", f"blk{ESCAPES}")]
)
def test_a_name_that_steers_is_refused_in_one_clean_sentence(tmp_path: Path, key: str, tensor: str) -> None:
    write_tiny_gguf(tmp_path / "hostile.gguf", texts={key: "x"}, tensor=tensor)
    said = Cli(tmp_path / "home")("inspect", str(tmp_path / "hostile.gguf"))
    assert said.code == 1
    assert not STEERING & set(said.out + said.err)
    assert max(map(len, said.err.splitlines())) < 600


def test_a_console_lets_nothing_through() -> None:
    out, err = io.StringIO(), Terminal()
    console = Console(out, err)
    console.say(HOSTILE)
    console.note(HOSTILE)
    console.progress(Progress("download", 1, 2, HOSTILE))
    console.clear()
    console.error(StillroomError("No {name}.", "Ask {name}.", name=HOSTILE + "n" * 10_000))
    console.error(EngineError("It stopped.", native=HOSTILE + "n" * 10_000))
    assert not (STEERING - {"\r"}) & set(out.getvalue() + err.getvalue())
    assert max(map(len, err.getvalue().splitlines())) < 600


def test_json_on_a_terminal_is_exact_and_clean() -> None:
    out = Terminal()
    Console(out, io.StringIO(), as_json=True).document({HOSTILE: [HOSTILE, "é 你好"]})
    assert not STEERING & set(out.getvalue())
    assert "é 你好" in out.getvalue()
    assert json.loads(out.getvalue()) == {HOSTILE: [HOSTILE, "é 你好"]}


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_reply_is_clean_on_a_terminal_and_exact_in_a_pipe(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal() if is_terminal else io.StringIO()
    err = Terminal()
    printer = ReplyPrinter(Console(out, err))
    for character in HOSTILE:
        printer.add("thinking", character)
    for character in f"{HOSTILE}\n\tdone \u200d\n":
        printer.add("answer", character)
    printer.end()
    assert printer.text("answer") == f"{HOSTILE}\n\tdone \u200d\n"
    assert not STEERING & set(err.getvalue())
    if is_terminal:
        assert not STEERING & set(out.getvalue())
        assert "\n\tdone \u200d\n" in out.getvalue()
    else:
        assert out.getvalue() == f"{HOSTILE}\n\tdone \u200d\n"


def test_a_record_of_the_log_is_one_line(tmp_path: Path) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        start_log(tmp_path)
        logger = logging.getLogger("test")
        logger.warning("the server said %s", f"{HOSTILE}\n2030-01-01 00:00:00,000 1 ERROR app: forged")
        logger.warning("a key %s", "k" * 100_000)
        try:
            raise ValueError(f"{HOSTILE}\n2030-01-01 00:00:00,000 1 ERROR app: forged")
        except ValueError:
            logger.exception("it failed")
    finally:
        for handler in [handler for handler in root.handlers if handler not in before]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
    text = log_file(tmp_path).read_text("utf-8")
    assert [character for character in STEERING if character in text] == []
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("2030")] == []
    assert len([line for line in lines if not line.startswith(" ")]) == 3
    assert max(map(len, lines)) < 5000
    assert any("ValueError" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b", r"a \| b"),
        ("![x](http://elsewhere/p.png)", r"!\[x\](http://elsewhere/p.png)"),
        ("<img src=x> 1 < 2", r"\<img src=x> 1 < 2"),
        ("one\n# two", "one # two"),
        (TURNED, "txt·gpj.exe·"),
    ],
)
def test_a_name_makes_no_markup_in_a_report(text: str, written: str) -> None:
    assert plain(text) == written
