"""Programs that take memory which no process tells, and ordinary ones, which go on as ever."""

import contextlib
import mmap
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from app.code.sandbox.limits import MIB, BackEnd, Job, Limits, RunResult
from app.code.sandbox.run import Sandbox, SandboxUnavailableError

if sys.platform != "linux":
    pytest.skip("the back ends of Linux", allow_module_level=True)

from app.code.sandbox import processes
from app.code.sandbox.control_group import control_group
from app.code.sandbox.linux_run import CLOSE_NICE
from app.code.sandbox.memory_use import MemoryUse
from app.code.sandbox.spawn import COUNTED_NICE
from tests.support.waiting import wait_until

PYTHON = "/usr/bin/python3"
TIGHT = Limits(time_s=30, memory_bytes=96 * MIB, disk_bytes=32 * MIB, files=300)

PAGE_TABLES = """
import ctypes, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
place = libc.mmap(None, ctypes.c_size_t(30_000 << 21), 1, 0x4022, -1, ctypes.c_long(0))
assert place not in (None, 2**64 - 1), "no address space"
for number in range(30_000):
    ctypes.c_char.from_address(place + (number << 21)).value
time.sleep(60)
"""
BEHIND_A_DEAD_LEADER = """
import ctypes, os, threading, time
def take():
    time.sleep(0.05)
    kept = []
    while len(kept) < 80:
        kept.append(b"x" * (1 << 20))
    time.sleep(60)
for _ in range(3):
    if os.fork() == 0:
        break
threading.Thread(target=take).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""
HIDDEN = """
import ctypes, os, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
for _ in range(20):
    if os.fork() == 0:
        break
pipes = [os.pipe() for _ in range(100)]
for _, end in pipes:
    os.write(end, b"x" * 65536)
time.sleep(60)
"""
NOT_MAPPED = """
import mmap
kept = []
while len(kept) < 40:
    kept.append(mmap.mmap(-1, 1 << 23))
    kept[-1].write(b"x" * (1 << 23))
    kept[-1].madvise(mmap.MADV_DONTNEED)
import time
time.sleep(60)
"""
MANY_FILES = """
import errno, os
for folder in ("/dev/shm", "/tmp"):
    count = 0
    try:
        while count < 20_000:
            os.symlink("x" * 100, f"{folder}/{count}")
            count += 1
    except OSError as error:
        print(folder, count, errno.errorcode[error.errno])
"""
ORDINARY = """
import mmap, os, queue, shutil, socket, sqlite3, subprocess, sys, tempfile, threading
words = queue.Queue()
threads = [threading.Thread(target=words.put, args=(number,)) for number in range(20)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert sum(words.get() for _ in threads) == 190
large = mmap.mmap(-1, 256 << 20, flags=mmap.MAP_PRIVATE)
large[200 << 20] = 1
shared = mmap.mmap(-1, 1 << 20)
if os.fork() == 0:
    shared[0] = 7
    os._exit(0)
os.wait()
assert shared[0] == 7
one, other = socket.socketpair()
one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
one.sendall(b"word"); assert other.recv(10) == b"word"
base = sqlite3.connect("base.sqlite3")
base.execute("create table one (two)"); base.executemany("insert into one values (?)", [(1,)] * 100)
base.commit(); assert base.execute("select sum(two) from one").fetchone() == (100,)
with tempfile.NamedTemporaryFile() as file:
    file.write(bytes(1 << 20)); file.flush()
    shutil.copyfile(file.name, "copy"); assert os.path.getsize("copy") == 1 << 20
piped = subprocess.run(["sh", "-c", "cat | sort | head -1"], input=b"b\\na\\n" * 5000, stdout=subprocess.PIPE)
assert piped.stdout == b"a\\n"
if sys.argv[1] != "landlock":
    import multiprocessing
    with multiprocessing.Pool(3) as pool:
        assert pool.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
    with multiprocessing.Manager() as manager:
        assert manager.list([1, 2])[1] == 2
print("all well")
"""
CLOSE_TO_ITS_LIMIT = """
import os, select, signal, subprocess, time
still = os.fork()
if still == 0:
    while True:
        time.sleep(0.01)
os.kill(still, signal.SIGSTOP)
assert os.WIFSTOPPED(os.waitpid(still, os.WUNTRACED)[1])
held = bytearray(b"x") * (50 << 20)
ended = []
signal.signal(signal.SIGCHLD, lambda *_: ended.append(1))
echo = ["sh", "-c", "read word; sleep 0.3; echo $word"]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
children = [subprocess.Popen(echo, **pipes) for _ in range(4)]
for number, child in enumerate(children):
    child.stdin.write(b"%d\\n" % number)
    child.stdin.close()
poll = select.epoll()
poll.register(children[0].stdout, select.EPOLLIN)
assert poll.poll(20)
assert [child.stdout.read() for child in children] == [b"0\\n", b"1\\n", b"2\\n", b"3\\n"]
assert [child.wait() for child in children] == [0] * 4 and ended
assert open(f"/proc/{still}/stat").read().rpartition(")")[2].split()[0] == "T"
os.kill(still, signal.SIGKILL)
assert os.waitpid(still, 0)[1] == signal.SIGKILL
print("all well")
"""

HOW_NICE = """
import os, time
print(os.getpriority(os.PRIO_PROCESS, 0))
held = bytearray(b"x") * (70 << 20)
time.sleep(0.5)
print(os.getpriority(os.PRIO_PROCESS, 0))
try:
    print(open("/proc/self/autogroup").read().strip())
except OSError:
    print()
"""


@cache
def sandbox(back_end: BackEnd, in_groups: bool) -> Sandbox:
    return Sandbox(back_ends=[back_end], in_groups=in_groups)


def run(back_end: BackEnd, code: str, limits: Limits, *, in_groups: bool) -> RunResult:
    try:
        return sandbox(back_end, in_groups).run(Job((PYTHON, "main.py", back_end), {"main.py": code}), limits)
    except SandboxUnavailableError as error:
        pytest.skip(str(error))


def has_groups() -> bool:
    with control_group(64 * MIB) as folder:
        return bool(folder)


@pytest.mark.parametrize(
    ("back_end", "code"),
    [
        ("bubblewrap", PAGE_TABLES),
        ("namespaces", NOT_MAPPED),
        ("landlock", BEHIND_A_DEAD_LEADER),
        ("landlock", HIDDEN),
    ],
    ids=["page_tables", "not_mapped", "behind_a_dead_leader", "hidden"],
)
def test_memory_that_no_process_tells_is_counted(back_end: BackEnd, code: str) -> None:
    result = run(back_end, code, TIGHT, in_groups=False)
    assert result.ending == "memory", result


@pytest.mark.parametrize("back_end", ["namespaces", "landlock"])
def test_the_kernel_holds_a_run_to_its_memory(back_end: BackEnd) -> None:
    if not has_groups():
        pytest.skip("this user may not make control groups")
    result = run(back_end, PAGE_TABLES, TIGHT, in_groups=True)
    assert result.ending == "memory", result
    assert 0 < result.peak_memory_bytes <= TIGHT.memory_bytes


@pytest.mark.parametrize("back_end", ["bubblewrap", "namespaces"])
def test_the_number_of_files_in_memory_is_limited_everywhere(back_end: BackEnd) -> None:
    result = run(back_end, MANY_FILES, TIGHT, in_groups=False)
    told = [line.split() for line in result.output.splitlines()]
    assert [(folder, why) for folder, _, why in told] == [("/dev/shm", "ENOSPC"), ("/tmp", "ENOSPC")], result
    assert all(int(count) <= TIGHT.files for _, count, _ in told)


@pytest.mark.parametrize(
    ("back_end", "in_groups"),
    [("bubblewrap", True), ("namespaces", False), ("landlock", True)],
    ids=["bubblewrap", "namespaces_counted", "landlock"],
)
def test_ordinary_programs_go_on_as_ever(back_end: BackEnd, in_groups: bool) -> None:
    result = run(back_end, ORDINARY, Limits(time_s=60), in_groups=in_groups)
    assert result.output == "all well\n", result


@pytest.mark.parametrize("back_end", ["bubblewrap", "namespaces"])
def test_a_program_that_is_counted_close_to_its_limit_goes_on_as_ever(back_end: BackEnd) -> None:
    """It stands still while it is counted, and does not notice; what it stopped itself stays so."""
    # On a busy machine it waits for others.
    limits = replace(TIGHT, time_s=300)
    result = run(back_end, CLOSE_TO_ITS_LIMIT, limits, in_groups=False)
    assert result.output == "all well\n", result


def test_what_comes_close_to_its_limit_gives_way_to_whoever_counts() -> None:
    """Sessions share the processors first, then what is in them."""
    told = run("bubblewrap", HOW_NICE, TIGHT, in_groups=False).output.splitlines()
    assert int(told[0]) < CLOSE_NICE, told
    assert int(told[1]) == CLOSE_NICE, told
    assert not told[2] or told[2].endswith(f"nice {CLOSE_NICE}"), told


STARTS = """
import os
from app.code.sandbox.spawn import fork

def tell(why):
    try:
        session = open("/proc/self/autogroup").read().split()[-1]
    except OSError:
        session = "5"
    print(os.getpriority(os.PRIO_PROCESS, 0), session, *os.sched_getaffinity(0), flush=True)
    os._exit(0)

started = fork(tell, "", None)
print(*os.sched_getaffinity(0))
print(os.read(started.stdout, 100).decode())
"""


def test_what_is_counted_gives_way_from_its_start_to_whoever_counts() -> None:
    """Before the first look: the watcher has to come to the program's processor, and get it."""
    told = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, check=True).stdout.split()
    [watcher, nice, session, program] = map(int, told)
    assert watcher == program
    assert nice == COUNTED_NICE
    # Another user than root may change ten sessions in a second, of which others may have had theirs.
    assert session == COUNTED_NICE or os.geteuid() != 0


def test_no_more_threads_go_on_than_there_is_room_for_but_one_process_always() -> None:
    own = os.getpid()
    threads = len(list(Path(f"/proc/{own}/task").iterdir()))
    assert processes.first_threads([own] * 3, 2 * threads) == ([own] * 2, [own])
    assert processes.first_threads([own] * 2, 0) == ([own], [own])
    assert processes.first_threads([own], 0) == ([own], [])
    assert processes.first_threads([], 5) == ([], [])


def test_memory_that_a_child_has_with_its_parent_is_counted_once(tmp_path: Path) -> None:
    """posix_spawn leaves a child in its parent's memory until it runs its own program."""
    way = tmp_path / "way"
    os.mkfifo(way)
    holding = (
        "import os, sys; held = bytearray(b'x') * (60 << 20); print('held', flush=True); "
        "wait = (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], 0, 0); "
        "os.posix_spawn('/bin/true', ['true'], {}, file_actions=[wait])"
    )
    counted = MemoryUse(96 * MIB, own_network=False)
    with subprocess.Popen([PYTHON, "-c", holding, way], stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline()
            wait_until(lambda: len(processes.descendants(parent.pid)) == 1, "the child")
            taken = counted.bytes_of([parent.pid, *processes.descendants(parent.pid)], 0)
        finally:
            for pid in (parent.pid, *processes.descendants(parent.pid)):
                os.kill(pid, signal.SIGKILL)
    assert 60 * MIB < taken < 96 * MIB


def take_shared_memory(stack: contextlib.ExitStack) -> None:
    place = stack.enter_context(mmap.mmap(-1, 128 * MIB))
    place.write(bytes(128 * MIB))


def take_memory_of_the_kernel(stack: contextlib.ExitStack) -> None:
    events = [os.eventfd(0) for _ in range(200)]
    stack.callback(lambda: [os.close(event) for event in events])
    for _ in range(500):
        poll = stack.enter_context(select.epoll())
        for event in events:
            poll.register(event)


@pytest.mark.parametrize("take", [take_shared_memory, take_memory_of_the_kernel])
def test_memory_that_others_take_is_not_the_runs(take: Callable[[contextlib.ExitStack], None]) -> None:
    waiting = "import sys; print('waits', flush=True); sys.stdin.read()"
    counted = MemoryUse(96 * MIB, own_network=False)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with contextlib.ExitStack() as stack, subprocess.Popen([PYTHON, "-c", waiting], **pipes) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        before = counted.bytes_of([program.pid], 0)
        take(stack)
        taken = counted.bytes_of([program.pid], 0) - before
        program.kill()
    assert taken < 8 * MIB


def test_a_group_is_gone_with_its_run() -> None:
    with control_group(64 * MIB) as folder:
        if not folder:
            pytest.skip("this user may not make control groups")
        assert Path(folder).is_dir()
    assert not Path(folder).exists()


def test_the_group_of_a_stillroom_that_was_killed_is_removed_later() -> None:
    with control_group(64 * MIB) as folder:
        if not folder:
            pytest.skip("this user may not make control groups")
        place = Path(folder).parent
    # No process has this number: it is above the most that Linux gives out.
    left = place / "stillroom-run-99999999-0"
    left.mkdir()
    try:
        with control_group(64 * MIB):
            assert not left.exists()
    finally:
        if left.exists():
            left.rmdir()
