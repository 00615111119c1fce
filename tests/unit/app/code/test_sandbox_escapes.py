"""Programs that try to get out of the sandbox, in each of its back ends."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.code.sandbox.control_group import control_group
from app.code.sandbox.limits import MIB, BackEnd, Job, Limits, RunResult
from app.code.sandbox.run import Sandbox, SandboxUnavailableError

if sys.platform != "linux":
    pytest.skip("the back ends of Linux", allow_module_level=True)

from tests.support.outside_world import SECRET, as_user, outside_world, processes_with, user_of_sandbox
from tests.support.waiting import wait_until

ESCAPES = Path(__file__).parents[3] / "data" / "code" / "escapes.py"
PYTHON = "/usr/bin/python3"
BACK_ENDS: tuple[BackEnd, ...] = ("bubblewrap", "namespaces", "landlock")
AN_ORDINARY_USER = 1000


@pytest.fixture(scope="module")
def world() -> Iterator[dict[str, object]]:
    with outside_world(user_of_sandbox()) as made:
        yield made


def sandbox(back_end: BackEnd) -> Sandbox:
    made = Sandbox(back_ends=[back_end])
    try:
        made.back_end()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    return made


def run(back_end: BackEnd, code: str, limits: Limits | None = None, stdin: str = "") -> RunResult:
    job = Job((PYTHON, "main.py"), {"main.py": code}, stdin=stdin)
    return sandbox(back_end).run(job, limits or Limits(time_s=20))


def told(output: str) -> dict[str, str]:
    answer: dict[str, str] = json.loads(output)
    return answer


def test_the_attempts_are_real(world: dict[str, object]) -> None:
    """Without a sandbox most of them succeed, so that the tests below mean something."""
    with outside_world(user_of_sandbox()) as own_world:
        done = subprocess.run(
            [*as_user(user_of_sandbox()), PYTHON, "-c", ESCAPES.read_text()],
            input=json.dumps(own_world).encode(),
            stdout=subprocess.PIPE,
            cwd="/tmp",
            env={"TOKEN": SECRET},
            check=True,
        )
    outcomes = told(done.stdout.decode())
    escaped = [name for name, outcome in outcomes.items() if outcome.startswith("ESCAPED")]
    assert len(outcomes) >= 50
    assert len(escaped) >= 30, outcomes


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_no_attempt_gets_out(back_end: BackEnd, world: dict[str, object], monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    result = run(back_end, ESCAPES.read_text(), stdin=json.dumps(world))

    outcomes = told(result.stdout)
    assert [f"{name}: {outcome}" for name, outcome in outcomes.items() if outcome.startswith("ESC")] == []
    assert len(outcomes) >= 50
    home = Path(str(world["home"]))
    assert (home / "writable.txt").read_text() == SECRET
    assert sorted(path.name for path in (home / "public").iterdir()) == ["deletable.txt"]


@pytest.mark.faults
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_no_attempt_of_an_ordinary_user_gets_out(back_end: BackEnd) -> None:
    if os.geteuid() != 0:
        pytest.skip("the tests above ran as an ordinary user already")
    with outside_world(AN_ORDINARY_USER) as world:
        # The Python of the tests may lie where only root looks.
        command = [*as_user(AN_ORDINARY_USER), PYTHON, "-m", "app.code.sandbox.worker"]
        locked = Sandbox(command, back_ends=[back_end])
        job = Job((PYTHON, "main.py"), {"main.py": ESCAPES.read_text()}, stdin=json.dumps(world))
        outcomes = told(locked.run(job, Limits(time_s=20)).stdout)
    assert [f"{name}: {outcome}" for name, outcome in outcomes.items() if outcome.startswith("ESC")] == []


# What takes too much, and what tries to stay

GREEDY = {
    "fork_bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
        {"time"},
    ),
    "thread_bomb": (
        "import threading, time\n"
        "while True:\n"
        "    try:\n        threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    except RuntimeError:\n        pass\n",
        {"time"},
    ),
    "memory": ("kept = []\nwhile True:\n    kept.append(bytearray(1 << 24))\n", {"exit", "memory"}),
    "shared_memory": (
        "import mmap\nkept = []\nwhile True:\n"
        "    kept.append(mmap.mmap(-1, 1 << 24))\n    kept[-1].write(b'x' * (1 << 24))\n",
        {"exit", "memory"},
    ),
    "memory_of_many": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        break\n"
        "kept = []\nwhile len(kept) < 60:\n    kept.append(os.urandom(1 << 20))\ntime.sleep(60)\n",
        {"memory"},
    ),
    "disk": (
        "number = 0\nwhile True:\n    number += 1\n"
        "    with open(f'file{number}', 'wb') as file:\n        file.write(bytes(1 << 22))\n",
        {"exit", "disk"},
    ),
    "deleted_files": (
        "import os\nkept = []\nwhile True:\n    file = open('file', 'wb')\n    os.unlink('file')\n"
        "    file.write(bytes(1 << 22))\n    file.flush()\n    kept.append(file)\n",
        {"exit", "disk", "memory"},
    ),
    "many_files": (
        "number = 0\nwhile True:\n    number += 1\n    open(f'file{number}', 'wb').close()\n",
        {"exit", "files"},
    ),
    "output": ("while True:\n    print('x' * 1000)\n", {"output"}),
    "busy": ("while True:\n    pass\n", {"time"}),
    "deaf": (
        "import signal, time\nfor number in range(1, 65):\n    try:\n"
        "        signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError):\n        pass\n"
        "while True:\n    time.sleep(60)\n",
        {"time"},
    ),
    "silent": ("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)\n", {"time"}),
    "stopped": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", {"time", "exit"}),
}
TIGHT = Limits(
    time_s=1.5, memory_bytes=200 * MIB, output_bytes=1 * MIB, disk_bytes=32 * MIB, files=1000, processes=32
)


DELETED_FILE = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
def deleted_file():
    file = os.open("file", os.O_RDWR | os.O_CREAT)
    os.unlink("file")
    for _ in range(4):
        os.write(file, bytes(1 << 22))
    return file
def take_all():
    for _ in range(4):
        deleted_file()
    time.sleep(30)
"""
HELD_FILES = {
    name: (DELETED_FILE + code, {"disk", "memory"})
    for name, code in {
        "mapped_files": (
            "for _ in range(4):\n    file = deleted_file()\n"
            "    assert libc.mmap(None, 4096, 1, 1, file, 0) < 1 << 60\n    os.close(file)\ntime.sleep(30)\n"
        ),
        "files_of_a_program_that_hides": "assert libc.prctl(4, 0, 0, 0, 0) == 0\ntake_all()\n",
        "files_of_a_second_thread": (
            "def work():\n    time.sleep(0.3)\n    take_all()\n"
            "threading.Thread(target=work).start()\nlibc.pthread_exit(None)\n"
        ),
        "files_of_a_thread_alone": (
            "def work():\n    libc.syscall(436, 200, 200, 2)\n    take_all()\n"
            "threading.Thread(target=work).start()\n"
        ),
        "files_deep_down": (
            "for _ in range(20):\n    os.mkdir('d' * 250)\n    os.chdir('d' * 250)\n"
            "for number in range(4):\n    open(str(number), 'wb').write(bytes(1 << 24))\ntime.sleep(30)\n"
        ),
        "files_in_a_folder_that_hides": (
            "os.umask(0)\nos.mkdir('d', 0o300)\n"
            "for number in range(4):\n    open(f'd/{number}', 'wb').write(bytes(1 << 24))\ntime.sleep(30)\n"
        ),
        "files_handed_on": (
            "if os.fork():\n    time.sleep(30)\nkept = [deleted_file() for _ in range(4)]\n"
            "while True:\n    if os.fork():\n        os._exit(0)\n"
        ),
    }.items()
}


@pytest.mark.parametrize("name", HELD_FILES)
def test_files_count_however_they_are_held(name: str) -> None:
    """In the other back ends a folder in memory has its size from the start."""
    check_greedy("landlock", name)


MANY_LONG_NAMES = (
    DELETED_FILE
    + """
for _ in range(100):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
file = os.open("file", os.O_RDWR | os.O_CREAT)
os.write(file, bytes(8192))
for number in range(60_000):
    libc.mmap(None, 4096, 1, 1 + number % 2, file, 0)
time.sleep(30)
"""
)


def test_the_list_of_mappings_is_not_read_without_end() -> None:
    """It would have 1.5 GB."""
    before_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = run("landlock", MANY_LONG_NAMES, replace(TIGHT, time_s=30))
    assert result.ending == "disk", result
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before_kib, TIGHT.memory_bytes >> 10)


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("name", ["memory_of_many", "disk"])
def test_the_greedy_are_ended(back_end: BackEnd, name: str) -> None:
    check_greedy(back_end, name)


@pytest.mark.faults
@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("name", GREEDY)
def test_all_the_greedy_are_ended(back_end: BackEnd, name: str) -> None:
    result, limits = check_greedy(back_end, name)
    print(f"{name} in {back_end}: {result.seconds:.2f} s of {limits.time_s:.0f}")
    assert result.seconds <= limits.time_s + 1


def check_greedy(back_end: BackEnd, name: str) -> tuple[RunResult, Limits]:
    code, endings = (GREEDY | HELD_FILES)[name]
    mark = f"greedy-{name}-{time.monotonic_ns()}"
    job = Job((PYTHON, "main.py", mark), {"main.py": code})
    # What is ended by another limit gets the time that it needs on a busy machine.
    limits = TIGHT if "time" in endings else replace(TIGHT, time_s=30)
    result = sandbox(back_end).run(job, limits)

    assert result.ending in endings, result
    assert not (result.ok and name != "stopped")
    assert processes_with(mark) == []
    assert result.peak_memory_bytes <= TIGHT.memory_bytes * 1.5
    assert len(result.output) <= TIGHT.output_bytes
    return result, limits


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(120)
    os._exit(0)
time.sleep(0.2)
print("left one behind")
"""


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_daemon_does_not_outlive_its_program(back_end: BackEnd) -> None:
    mark = f"daemon-{time.monotonic_ns()}"
    result = sandbox(back_end).run(Job((PYTHON, "main.py", mark), {"main.py": DAEMON}), Limits())
    assert result.ok
    assert "left one behind" in result.output
    assert processes_with(mark) == []


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_nothing_outlives_stillroom_itself(back_end: BackEnd) -> None:
    mark = f"orphan-{time.monotonic_ns()}"
    before = folders()
    code = "print(1)\nimport time\ntime.sleep(60)"
    program = (
        "from app.code.sandbox.limits import Job, Limits\n"
        "from app.code.sandbox.run import Sandbox\n"
        f"job = Job(({PYTHON!r}, 'main.py', {mark!r}), {{'main.py': {code!r}}})\n"
        f"sandbox = Sandbox(back_ends=[{back_end!r}])\n"
        "sandbox.run(job, Limits(time_s=60), lambda *_: print('runs', flush=True))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(lambda: not processes_with(mark) and not folders() - before, "the end of what runs")


def test_nothing_is_left_where_the_sandbox_process_hangs() -> None:
    mark = f"hang-{time.monotonic_ns()}"
    before = folders()
    code = "import os, time\nif os.fork():\n    os.fork()\nprint(1, flush=True)\ntime.sleep(60)"
    made = sandbox("landlock")
    stopped: list[int] = []

    def stop_the_sandbox_process(_stream: str, _text: str) -> None:
        own = os.getpid()
        for thread in Path(f"/proc/{own}/task").iterdir() if not stopped else ():
            for child in map(int, (thread / "children").read_text().split()):
                if b"sandbox" in Path(f"/proc/{child}/cmdline").read_bytes():
                    stopped.append(child)
                    os.kill(child, signal.SIGSTOP)

    job = Job((PYTHON, "main.py", mark), {"main.py": code})
    result = made.run(job, Limits(time_s=1), stop_the_sandbox_process)
    assert stopped
    assert result.ending == "time"
    assert not folders() - before
    with control_group(64 * MIB) as group:
        # Without a group only the first process ends with the one that hangs.
        assert not group or processes_with(mark) == []


def folders() -> set[Path]:
    """The folders of programs that run without namespaces."""
    return set(Path(tempfile.gettempdir()).glob("stillroom-run-*"))
