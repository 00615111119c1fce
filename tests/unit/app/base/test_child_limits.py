"""A child process that limits itself, and then takes too much."""

import subprocess
import sys

import pytest

from models.system.child_process import NO_WINDOW

LIMITED = "from app.base.child_limits import limit_resources\nlimit_resources({memory}, {cpu_s})\n"


def run(program: str, *, memory: int = 1 << 30, cpu_s: int = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED.format(memory=memory, cpu_s=cpu_s) + program]
    return subprocess.run(command, capture_output=True, text=True, creationflags=NO_WINDOW)


def test_an_allocation_beyond_the_memory_fails() -> None:
    done = run("try: bytearray(2 << 30)\nexcept MemoryError: print('refused')\n")
    assert done.stdout.split() == ["refused"], done.stderr


@pytest.mark.parametrize("within", [0, 1 << 20])
def test_what_is_within_the_limits_is_done(within: int) -> None:
    done = run(f"print(len(bytearray({within})))\n")
    assert done.stdout.split() == [str(within)], done.stderr


def test_a_loop_without_an_end_is_ended() -> None:
    done = run("while True: pass\n", cpu_s=1)
    assert done.returncode != 0
