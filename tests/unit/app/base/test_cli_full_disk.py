"""Commands on a full disk: one sentence with the bytes, no traceback, and a right exit code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.full_disk import fill, small_disk

FULL = re.compile(
    r"^stillroom: The disk of \S+ is too full: [\d.]+ [MG]B more are needed, and 0 B are free\.$"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "home", 60 << 20) as disk:
        fill(disk)
        yield disk


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("list", 0),
        ("chat starter Hello --max-tokens 3", 0),
        ("bench starter --suite quick", 1),
        ("build r1-qwen-1.5b --type Q4_K_M", 1),
        ("audit on", 1),
    ],
)
def test_a_full_disk_is_told_in_one_sentence(home: Path, command: str, status: int) -> None:
    done = Cli(home)(*command.split())
    assert done.code == status, done.err
    assert "Traceback" not in done.err
    assert "Logging error" not in done.err
    assert len([line for line in done.err.splitlines() if FULL.match(line.split(" Free ")[0])]) == 1
