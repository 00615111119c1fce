"""Ten fresh homes on a busy computer recommend what they would on a quiet one, or say "provisional"."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.system.cores import physical_cores
from tests.support.cli import Cli

HOMES = 10
QUIET_WITHIN_S = 600.0

# As much of the processor and of the memory as one thread of a compiler and of a linker together can take.
_BURN = """
import numpy
block = numpy.ones(32 << 20, dtype=numpy.uint8)
while True:
    block = block[::-1].copy()
    sum(range(100_000))
"""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@contextmanager
def busy_computer() -> Iterator[None]:
    """Keep each core busy, and the memory."""
    burning = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(physical_cores())]
    try:
        yield
    finally:
        for one in burning:
            one.kill()
            one.wait()


def advised(home: Path) -> tuple[str, bool]:
    """Return what the doctor recommends in a home, and whether it is provisional."""
    ran = Cli(home)("doctor", "--json")
    document = ran.json()
    return str(document["recommended"]), bool(document["memory_speed_is_provisional"])


def settled(home: Path) -> str:
    """Return what is recommended there once the computer was quiet; fails where it never is."""
    until_s = time.monotonic() + QUIET_WITHIN_S
    while time.monotonic() < until_s:
        recommended, provisional = advised(home)
        if not provisional:
            return recommended
    raise AssertionError("this computer was not quiet for ten minutes")


def test_ten_homes_beside_a_busy_computer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = settled(tmp_path / "quiet")
    with busy_computer():
        first = [advised(tmp_path / str(number)) for number in range(HOMES)]
    later = [settled(tmp_path / str(number)) for number in range(HOMES)]
    with capsys.disabled():
        print(f"\nquiet {quiet}; busy {first}; later {later}")
    assert all(recommended == quiet or provisional for recommended, provisional in first)
    assert later == [quiet] * HOMES
