from pathlib import Path

import pytest

from app.engine.devices.huge_pages import has_large_pages
from models.system.child_process import computing_environment

GLIBC = ("glibc", "2.41")


@pytest.mark.parametrize(
    ("chosen", "asks", "libc", "expected"),
    [
        ("always [madvise] never", True, GLIBC, True),
        ("always [madvise] never", False, GLIBC, False),
        ("always [madvise] never", True, ("glibc", "2.31"), False),
        ("always [madvise] never", True, ("", ""), False),
        ("[always] madvise never", False, ("", ""), True),
        ("always madvise [never]", True, GLIBC, False),
    ],
)
def test_large_pages_are_had_by_everybody_or_by_who_asks(
    tmp_path: Path, chosen: str, asks: bool, libc: tuple[str, str], expected: bool
) -> None:
    switch = tmp_path / "enabled"
    switch.write_text(f"{chosen}\n")
    environment = computing_environment({}) if asks else {}
    assert has_large_pages(environment, switch, libc) is expected


def test_a_system_without_the_switch_has_none(tmp_path: Path) -> None:
    assert not has_large_pages(computing_environment({}), tmp_path / "enabled", GLIBC)
