"""The real machine through psutil."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from app.telemetry.host import CpuClock, HostReader, peak_ram_bytes, reset_peak_ram

HOLD = """
import sys
from types import SimpleNamespace
block = bytearray(64 << 20)
print('up', flush=True)
del block
print('down', flush=True)
sys.stdin.read()
"""


def test_counts_this_process_and_its_named_children() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        alone = HostReader().read()
        both = HostReader(lambda: [child.pid]).read()
        child.stdin.close()
    assert 0 < alone.own_ram_bytes < both.own_ram_bytes
    assert both.own_ram_bytes < both.ram_total_bytes
    assert 0 < both.ram_used_bytes <= both.ram_total_bytes


def test_a_child_that_has_ended_counts_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert HostReader(lambda: [child.pid]).read().own_ram_bytes > 0


def test_own_pids_follow_the_children() -> None:
    children = [5]
    reader = HostReader(lambda: children)
    children.append(6)
    assert reader.own_pids() == {os.getpid(), 5, 6}


def test_cpu_percent_is_of_all_cores() -> None:
    cores = psutil.cpu_count() or 1
    busy, own = CpuClock(12.0, 105.0, 51.0).percent_since(CpuClock(10.0, 103.0, 50.0))
    assert busy == pytest.approx(100 / cores)
    assert own == pytest.approx(50 / cores)


def test_cpu_percent_without_time_between_is_nothing() -> None:
    now = CpuClock(10.0, 100.0, 50.0)
    assert now.percent_since(now) == (0.0, 0.0)


def test_own_work_shows_as_own_cpu_time() -> None:
    reader = HostReader()
    before = reader.cpu_clock()
    while reader.cpu_clock().own_s - before.own_s < 0.05:
        sum(range(10_000))
    after = reader.cpu_clock()
    assert after.busy_s > before.busy_s


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux can start the peak anew")
def test_the_peak_is_kept_and_can_start_anew() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        child.stdout.readline()
        peak = peak_ram_bytes(child.pid)
        reset_peak_ram(child.pid)
        after = peak_ram_bytes(child.pid)
        child.stdin.close()
    assert peak > 64 << 20
    assert after < peak - (48 << 20)


def test_the_peak_of_a_process_that_is_gone_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        peak_ram_bytes(child.pid)


def test_sum_is_the_same_to_the_last_bit_when_children_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    children = [1, 2, 3, 4, 5, 6]
    spent_s = {os.getpid(): 0.7, 1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: 0.6, 6: 1.1}

    def process(pid: int) -> SimpleNamespace:
        times = SimpleNamespace(user=spent_s[pid], system=0.0)
        return SimpleNamespace(cpu_times=lambda: times, is_running=lambda: False)

    monkeypatch.setattr(psutil, "Process", process)
    reader = HostReader(lambda: children, part_of=str)
    sums = {reader.cpu_clock().own_s}
    while children:
        children.pop()
        sums.add(reader.cpu_clock().own_s)
    assert sums == {3.4}
