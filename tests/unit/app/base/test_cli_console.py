"""Commands write results to one stream and the rest to the other."""

import io
import json

import pytest

from app.base.errors import EngineError, StillroomError
from app.commands.terminal.console import Console, progress_line, time_text
from models.system.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.9, "1 h 00 min"),
        (4200, "1 h 10 min"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_progress_tells_bytes_rate_and_time_left() -> None:
    line = progress_line(Progress("download", 1_200_000_000, 4_000_000_000, "model.safetensors", 25e6, 112.0))
    assert line == "Downloading   30%  1.2 GB of 4.0 GB  25.0 MB/s  1 min 52 s left  model.safetensors"


def test_progress_without_a_total_tells_what_is_done() -> None:
    assert progress_line(Progress("convert", 5_000_000, 0)) == "Converting  5.0 MB"


def test_a_terminal_gets_one_line_redrawn() -> None:
    out, err = io.StringIO(), Terminal()
    console = Console(out, err)
    for done in (1, 2, 3):
        console.progress(Progress("download", done * 1000, 3000))
    console.say("ready")
    assert err.getvalue().count("\n") == 0
    assert err.getvalue().startswith("\rDownloading   33%")
    assert err.getvalue().endswith(" \r")
    assert out.getvalue() == "ready\n"


def test_a_file_gets_the_start_and_the_end_of_a_stage_only() -> None:
    err = io.StringIO()
    console = Console(io.StringIO(), err)
    for done in range(100):
        console.progress(Progress("download", done * 1000, 99000))
    console.progress(Progress("verify", 99000, 99000))
    console.end_progress()
    lines = err.getvalue().splitlines()
    assert lines[0] == "Downloading 99 kB"
    assert lines[1].startswith("Downloading: 99 kB in ")
    assert lines[2] == "Verifying 99 kB"
    assert len(lines) == 4
    assert "\x1b" not in err.getvalue()


def test_with_json_only_the_document_is_on_stdout() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, as_json=True)
    console.say("not this")
    console.note("but here")
    console.document({"answer": "é 你好"})
    assert json.loads(out.getvalue()) == {"answer": "é 你好"}
    assert err.getvalue() == "but here\n"


def test_an_error_says_what_happened_and_what_to_do() -> None:
    out, err = io.StringIO(), io.StringIO()
    Console(out, err, as_json=True).error(StillroomError("No {thing}.", "Get a {thing}.", thing="disk"))
    assert err.getvalue() == "stillroom: No disk.\nGet a disk.\n"
    assert json.loads(out.getvalue()) == {
        "error": {"message": "No disk.", "hint": "Get a disk.", "native": ""}
    }


def test_an_error_tells_llama_cpps_last_words() -> None:
    err = io.StringIO()
    Console(io.StringIO(), err).error(
        EngineError("It stopped.", "Again.", native="noise\nGGML_ASSERT(x) failed\n")
    )
    assert err.getvalue() == "stillroom: It stopped.\nGGML_ASSERT(x) failed\nAgain.\n"
