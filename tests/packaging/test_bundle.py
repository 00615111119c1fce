"""The program in dist/stillroom: `make bundle-test`. Nothing of this Python is on its path."""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.bill_of_materials import read_list
from models.catalogue.starter import starter_file
from tests.support.bundle import BUNDLE, CONTENTS, PROGRAM, answer, run, users_environment
from tests.support.hub import LoopbackHub
from tests.support.tiny_models import make_tiny_model
from tests.support.waiting import wait_until

pytestmark = pytest.mark.bundle

STARTER = str(starter_file())
LEFT_OUT = ("Qml", "Quick", "QtSql", "Qt6Sql", "tkinter", "_tkinter", "qgtk3", "qeglfs", "pytest", "torch")
REPO = "test/tiny"
BACKENDS = {"CPU", "RPC", "Vulkan"}
LARGEST_BYTES = 230e6
"""Links not followed. docs/packaging.md says what it holds and what was aimed at."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return users_environment(tmp_path)


def test_it_holds_each_file_once_and_nothing_that_it_does_not_use() -> None:
    files = [path for path in BUNDLE.rglob("*") if path.is_file() and not path.is_symlink()]
    copies = defaultdict(list)
    for path in files:
        if path.stat().st_size > 100_000:
            copies[hashlib.sha256(path.read_bytes()).hexdigest()].append(path.relative_to(BUNDLE))
    assert [paths for paths in copies.values() if len(paths) > 1] == []
    assert [path for path in files if any(name in path.name for name in LEFT_OUT)] == []


def test_it_is_as_small_as_it_was() -> None:
    assert sum(path.lstat().st_size for path in BUNDLE.rglob("*") if not path.is_dir()) <= LARGEST_BYTES


def test_the_library_of_likely_tokens_lies_beside_llama_cpp_and_finds_it() -> None:
    name = "likely_tokens.dll" if sys.platform == "win32" else "liblikely_tokens.so"
    library = CONTENTS / "llama_cpp" / "lib" / name
    look_up = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).stillroom_likely_tokens_of_row"
    subprocess.run([sys.executable, "-c", look_up, str(library)], check=True)


def test_every_part_brings_its_licence() -> None:
    parts = sorted(CONTENTS.glob("*.dist-info"))
    assert len(parts) > 30
    unnamed = [
        part.name
        for part in parts
        if not re.search(r"^(License|Classifier: License)", (part / "METADATA").read_text("utf-8"), re.M)
        and [file.name for file in part.rglob("*") if file.is_file()] == ["METADATA"]
    ]
    assert unnamed == []


def test_it_names_its_parts_as_its_list_does(environment: dict[str, str]) -> None:
    listed = read_list((CONTENTS / "resources" / "parts.cdx.json").read_bytes())
    told = json.loads(run(environment, "doctor", "--json").stdout)["parts"]
    assert [(part["name"], part["version"], part["sha256"]) for part in told] == [
        (part.name, part.version, part.sha256) for part in sorted(listed, key=lambda part: part.name.lower())
    ]
    present = {file.parent.name.partition("-")[0] for file in CONTENTS.glob("*.dist-info/METADATA")}
    assert len([part for part in listed if part.sha256]) == len(present - {"stillroom"})


def test_it_knows_its_version(environment: dict[str, str]) -> None:
    assert run(environment, "--version").stdout.split() == [
        "stillroom",
        importlib.metadata.version("stillroom"),
    ]


def test_the_starter_answers_the_same_twice(environment: dict[str, str]) -> None:
    question = ("chat", STARTER, "Why is the sky blue?", "--temperature", "0", "--max-tokens", "40")
    first, second = answer(environment, *question), answer(environment, *question)
    assert first["answer"].strip()
    assert first["answer"] == second["answer"]


def test_doctor_finds_the_processor_and_nothing_missing_in_the_bundle(environment: dict[str, str]) -> None:
    done = run(environment, "doctor", "--json")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert "CPU" in {device["backend"] for device in found["backends"]}
    libraries = {library["name"]: library for library in found["libraries"]}
    assert libraries.keys() >= BACKENDS
    assert libraries["CPU"]["loaded"]
    assert libraries["CPU"]["library"].startswith(("libggml-cpu-", "ggml-cpu-"))
    assert [
        library for library in libraries.values() if not library["loaded"] and not library["reason"]
    ] == []


def test_it_downloads_and_builds_a_model(environment: dict[str, str], tmp_path: Path) -> None:
    checkpoint = make_tiny_model("qwen2", tmp_path)
    with LoopbackHub() as hub:
        hub.add(REPO, checkpoint)
        built = answer(
            environment | {"HF_ENDPOINT": hub.endpoint},
            "build",
            REPO,
            *("--type", "bf16", "--type", "Q8_0", "--out", str(tmp_path / "out")),
        )
    for output in built["outputs"]:
        assert hashlib.sha256(Path(output["path"]).read_bytes()).hexdigest() == output["sha256"]
        assert answer(environment, "inspect", output["path"])["tensors"]


def test_it_checks_syntax_in_a_child(environment: dict[str, str]) -> None:
    request = json.dumps({"language": "python", "code": "def broken(:\n", "fragment": False})
    done = run(environment, "--child", "syntax", stdin=request)
    assert json.loads(done.stdout)["verdict"] == "error"


@pytest.mark.skipif(os.name != "posix", reason="the shell closes the streams")
def test_it_works_with_its_streams_closed(environment: dict[str, str], tmp_path: Path) -> None:
    script = 'exec "$0" chat "$1" Hello --max-tokens 4 <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", script, PROGRAM, STARTER], env=environment, timeout=120, check=False)
    assert done.returncode == 0


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of its own; gives its number, such as ":5"."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    command = [server, "-displayfd", str(writing), "-screen", "0", "1280x800x24"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as process:
        os.close(writing)
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
        process.terminate()


@pytest.mark.window
def test_the_window_opens_loads_the_starter_and_closes(environment: dict[str, str], display: str) -> None:
    xdotool = shutil.which("xdotool")
    if xdotool is None:
        pytest.skip("xdotool is not installed")
    on_screen = os.environ | {"DISPLAY": display}
    search = [xdotool, "search", "--sync", "--onlyvisible", "--name", "Stillroom"]
    with subprocess.Popen([PROGRAM, STARTER], env=environment | {"DISPLAY": display}) as window:
        found = subprocess.run(search, env=on_screen, capture_output=True, text=True, timeout=60, check=True)
        engine = wait_for_engine(window.pid)
        close = [xdotool, "windowfocus", "--sync", found.stdout.split()[0], "key", "ctrl+q"]
        subprocess.run(close, env=on_screen, check=True)
        assert window.wait(timeout=60) == 0
        assert not psutil.pid_exists(engine)
    log = next(Path(environment["STILLROOM_HOME"]).rglob("stillroom.log")).read_text("utf-8")
    assert [line for line in log.splitlines() if " ERROR " in line or " CRITICAL " in line] == []


def wait_for_engine(pid: int) -> int:
    """The engine process below `pid`, once llama.cpp is in it."""
    found: list[int] = []

    def look() -> list[int]:
        found.extend(
            child.pid
            for child in psutil.Process(pid).children(recursive=True)
            if any("libllama" in mapped.path for mapped in child.memory_maps())
        )
        return found

    wait_until(look, "the engine")
    return found[0]
