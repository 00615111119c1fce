"""The usual acts of docs/usual-acts.md on a real display, by keyboard and mouse."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.display import virtual_display
from tests.support.usual_acts import CHAT, CODE

pytestmark = pytest.mark.window

ROOT = Path(__file__).parents[2]
ENDS_S = 900
LOOKS = [
    (size, theme, language)
    for size in ("1440x900", "1000x700")
    for theme in ("light", "dark")
    for language in ("en", "zh_CN")
]


def do_all(tmp_path: Path, size: str, theme: str, language: str) -> None:
    """Pictures stay in `STILLROOM_PICTURES`, where that is set."""
    kept = os.environ.get("STILLROOM_PICTURES")
    pictures = (Path(kept) if kept else tmp_path / "pictures") / f"{size}-{theme}-{language}"
    width, height = size.split("x")
    with virtual_display(f"{width}x{height}x24") as display:
        environment = os.environ | {"DISPLAY": display, "STILLROOM_HOME": str(tmp_path / "home")}
        environment.pop("QT_QPA_PLATFORM", None)
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.usual_acts", str(pictures), size, theme, language],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            timeout=ENDS_S,
        )
    assert done.stdout.splitlines() == [name for name, _ in (*CHAT, *CODE)]
    assert done.returncode == 0
    assert len(list(pictures.glob("*.png"))) > len(CHAT) + len(CODE)


@pytest.mark.timeout(ENDS_S)
def test_the_usual_acts_in_a_small_chinese_window(tmp_path: Path) -> None:
    do_all(tmp_path, "1000x700", "dark", "zh_CN")


@pytest.mark.faults
@pytest.mark.timeout(ENDS_S)
@pytest.mark.parametrize(("size", "theme", "language"), LOOKS)
def test_the_usual_acts_in_each_look(tmp_path: Path, size: str, theme: str, language: str) -> None:
    do_all(tmp_path, size, theme, language)


def test_the_page_tells_of_the_acts_that_are_done() -> None:
    page = (ROOT / "docs" / "usual-acts.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d+\. \*\*(.+?)\.\*\*", page, re.MULTILINE) == [name for name, _ in (*CHAT, *CODE)]
