"""Disturbances beside a measurement are noticed."""

import os
import subprocess
import sys
from pathlib import Path

from app.bench.run.disturbances import Conditions, marks_of, throttle_count
from app.telemetry.host import HostReader

BURN = "import time\nend = time.process_time() + 60\nwhile time.process_time() < end: pass"


def test_marks_name_each_disturbance() -> None:
    assert marks_of(4.9, False, None) == []
    assert marks_of(5.0, True, 96.0) == ["busy", "battery", "hot"]
    assert marks_of(0.0, False, 70.0) == []
    assert marks_of(0.0, False, None, is_throttled=True) == ["throttled"]


def test_the_processor_s_throttling_is_counted_over_all_cores(tmp_path: Path) -> None:
    assert throttle_count(tmp_path) == 0
    for number, count in enumerate((3, 4)):
        folder = tmp_path / f"cpu{number}" / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n")
    assert throttle_count(tmp_path) == 7


def test_another_program_is_noticed_and_our_own_is_not() -> None:
    children: list[int] = []
    conditions = Conditions(HostReader(lambda: children))
    with subprocess.Popen([sys.executable, "-c", BURN]) as program:
        try:
            host = HostReader(lambda: [program.pid])
            start, clock = conditions.begin(), host.cpu_clock()
            while host.cpu_clock().own_s - clock.own_s < 0.5:
                os.sched_yield()
            as_other = conditions.sample(start, 1.0)
            children.append(program.pid)
            start, clock = conditions.begin(), host.cpu_clock()
            while host.cpu_clock().own_s - clock.own_s < 0.5:
                os.sched_yield()
            as_own = conditions.sample(start, 2.0)
        finally:
            program.kill()
    assert "busy" in as_other.marks
    assert as_own.others_cpu_percent < as_other.others_cpu_percent
    assert (as_other.value, as_own.value) == (1.0, 2.0)
    assert as_other.duration_s > 0
