"""Sandboxed programs that take the kernel's memory: the machine's grows by no more than their limit.

`tests/data/code/kernel_memory.c` takes it in some forty ways. Where root finds a control group of the first
version, that counts what a run really took, with its watching process; else the machine's own figure does.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.children import child_command
from app.code.sandbox.limits import MIB, BackEnd, Job, Limits, RunResult
from app.code.sandbox.run import Sandbox, SandboxUnavailableError

if sys.platform != "linux":
    pytest.skip("the back ends of Linux", allow_module_level=True)

from app.code.sandbox.control_group import control_group
from tests.support.outside_world import processes_with
from tests.support.waiting import wait_until

pytestmark = pytest.mark.faults

SOURCE = Path(__file__).parents[1] / "data" / "code" / "kernel_memory.c"
BACK_ENDS: tuple[BackEnd, ...] = ("bubblewrap", "namespaces", "landlock")
KINDS = (
    *("page_tables", "page_tables_far_apart", "page_tables_of_files", "pipes", "big_pipes", "sockets"),
    *("big_sockets", "packets", "sockets_in_flight", "pipes_in_flight", "backlog", "datagrams"),
    *("huge_pages_in_pipes", "spliced_pages", "sent_pages", "parts_of_huge_pages", "shared_pages"),
    *("zero_device", "plain", "behind_a_dead_leader", "event_polls", "event_polls_read", "mappings"),
    *("mappings_forked", "locks", "files", "files_in_shared_memory", "links_in_shared_memory"),
    *("attributes", "timers", "signals", "watches", "terminals", "rulesets", "futex_table", "threads"),
)
VARIANTS = int(os.environ.get("STILLROOM_MEMORY_VARIANTS", "2"))
"""Of each kind in each back end, held by the kernel and counted from outside."""
LIMITS = Limits(time_s=1.5, memory_bytes=128 * MIB, disk_bytes=32 * MIB, files=1000)
MOST_MIB = 1500
"""All processes of an attack take so much together where nothing stops them."""
GUARD_BYTES = 1500 * MIB
COUNTED_SLACK_BYTES = 64 * MIB
"""So far may a run get that is only counted, between two looks, on a busy machine; a tenth is the aim."""
GONE_S = 10.0


def available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no MemAvailable")


class Meter:
    """Measures what runs take of the machine; ends one that takes far too much of it."""

    def __init__(self, group: Path | None) -> None:
        self.group = group

    @contextlib.contextmanager
    def watched(self) -> Iterator[threading.Event]:
        """While this is open, what is taken is measured; `taken_bytes` tells it afterwards."""
        stop, done = threading.Event(), threading.Event()
        self._least = before = available_bytes()

        def watch() -> None:
            while not done.wait(0.003):
                self._least = min(self._least, available_bytes())
                if before - self._least > GUARD_BYTES:
                    stop.set()

        group_before = 0
        if self.group:
            (self.group / "memory.force_empty").write_text("0")
            (self.group / "memory.max_usage_in_bytes").write_text("0")
            group_before = self._read("memory.usage_in_bytes")
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield stop
        finally:
            done.set()
            watcher.join()
        self.machine_bytes = before - self._least
        self.taken_bytes = self._read("memory.max_usage_in_bytes") - group_before
        if not self.group:
            self.taken_bytes = self.machine_bytes

    def _read(self, name: str) -> int:
        return int((self.group / name).read_text()) if self.group else 0


@pytest.fixture(scope="module")
def meter() -> Iterator[Meter]:
    """Measures in a group of the first version, in which others may lie, where it can have one."""
    with control_group(8 << 30) as folder:
        group = Path(folder)
        if not folder or not (group / "memory.max_usage_in_bytes").exists():
            yield Meter(None)
            return
        (group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield Meter(group)
        finally:
            (group.parent / "cgroup.procs").write_text(str(os.getpid()))


@pytest.fixture(scope="module")
def attack() -> Iterator[str]:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no compiler here")
    # Not below /tmp, which is another one inside.
    folder = Path(tempfile.mkdtemp(prefix="kernel-memory-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        built = folder / "attack"
        subprocess.run([compiler, "-O1", "-std=gnu2x", "-pthread", "-o", built, SOURCE], check=True)
        yield str(built)
    finally:
        shutil.rmtree(folder)


def sandbox(back_end: BackEnd, *, in_groups: bool) -> Sandbox:
    made = Sandbox(back_ends=[back_end], in_groups=in_groups)
    try:
        made.back_end()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    return made


def run(attack: str, kind: str, processes: int, made: Sandbox, meter: Meter) -> tuple[RunResult, float]:
    """One attack, and how long after its end something of it was still there."""
    mark = f"attack-{time.monotonic_ns()}"
    command = (attack, kind, str(MOST_MIB // processes), str(processes), mark)
    with meter.watched() as stop:
        result = made.run(Job(command, shown_folders=(str(Path(attack).parent),)), LIMITS, stop=stop)
    ended_s = time.monotonic()
    wait_until(lambda: not processes_with(mark), "the end of the attack", GONE_S)
    return result, time.monotonic() - ended_s


def check_all(attack: str, back_end: BackEnd, meter: Meter, *, in_groups: bool, most_bytes: int) -> None:
    made = sandbox(back_end, in_groups=in_groups)
    with meter.watched():
        assert made.run(Job(("/bin/true",)), LIMITS).ok
    watcher_bytes = meter.taken_bytes if meter.group else 0
    draw = random.Random(f"{back_end} {in_groups}")
    endings: Counter[str] = Counter()
    worst: list[tuple[int, str]] = []
    latest: list[tuple[float, str]] = []
    gone: list[tuple[float, str]] = []
    too_much = []
    for kind in KINDS:
        for variant in range(VARIANTS):
            processes = draw.randint(1, 4) if variant % 2 == 0 else draw.randint(5, 24)
            result, gone_s = run(attack, kind, processes, made, meter)
            name = f"{kind} by {processes}"
            taken = meter.taken_bytes - watcher_bytes
            endings[result.ending] += 1
            worst.append((taken, name))
            latest.append((result.seconds - LIMITS.time_s, name))
            gone.append((gone_s, name))
            assert result.seconds <= LIMITS.time_s + 1, (name, result)
            assert result.ending != "failed", (name, result)
            if taken > most_bytes:
                too_much.append((name, taken // MIB, result))
    how = "held by the kernel" if in_groups else "counted from outside"
    print(
        f"\n{back_end}, {how}: {len(worst)} programs, {dict(endings)}; the most taken "
        f"{max(worst)[0] / MIB:.0f} MB ({max(worst)[1]}) with a limit of {LIMITS.memory_bytes // MIB} MB; "
        f"the latest end {max(latest)[0]:+.2f} s from the limit of time ({max(latest)[1]}); "
        f"the last process gone {max(gone)[0]:.2f} s after it ({max(gone)[1]})"
    )
    assert too_much == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_the_kernel_holds_every_attack_to_its_limit(attack: str, back_end: BackEnd, meter: Meter) -> None:
    with control_group(64 * MIB) as folder:
        if not folder:
            pytest.skip("this user may not make control groups")
    most_bytes = LIMITS.memory_bytes * 11 // 10
    check_all(attack, back_end, meter, in_groups=True, most_bytes=most_bytes)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_without_a_group_every_attack_is_counted(attack: str, back_end: BackEnd, meter: Meter) -> None:
    most_bytes = LIMITS.memory_bytes + COUNTED_SLACK_BYTES
    check_all(attack, back_end, meter, in_groups=False, most_bytes=most_bytes)


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_the_watcher_lives_on_where_memory_is_short(attack: str, back_end: BackEnd) -> None:
    """The sandbox process and its program share less than the program may take: the program goes first."""
    sandbox(back_end, in_groups=False)
    with control_group(100 * MIB) as folder:
        if not folder:
            pytest.skip("this user may not make control groups")
        whole = Path(folder, "memory.oom.group")
        if whole.exists():
            whole.write_text("0")
        enter = f'echo $$ > {folder}/cgroup.procs && exec "$@"'
        command = ["/bin/sh", "-c", enter, "sh", *child_command("sandbox")]
        made = Sandbox(command, back_ends=[back_end], in_groups=False)
        for kind in ("plain", "page_tables", "shared_pages"):
            job = Job((attack, kind, "300", "2"), shown_folders=(str(Path(attack).parent),))
            result = made.run(job, Limits(time_s=3, memory_bytes=512 * MIB))
            print(f"{back_end}, {kind}: {result.ending} {result.exit_code} after {result.seconds:.2f} s")
            # One of its two processes may be left, and wait.
            assert result.ending in {"exit", "time"}, result
            assert result.ending == "time" or result.exit_code == 137, result
            assert result.seconds <= 3 + 1
            # Its own words, not those of whoever ends it from outside.
            assert result.peak_memory_bytes > 0
