"""Runs as pictures, drawn by the real child process."""

import struct
import sys
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.bench.export.picture import card_png
from app.bench.export.save import comparison_forms, save, speed_forms
from app.bench.quality.figures import quality_report
from app.bench.report.speed_comparison import speed_comparison, speed_side_by_side
from app.bench.results.run_difference import compare_all
from tests.support.bench_reports import make_report
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def size(picture: bytes) -> tuple[int, int]:
    """Width and height, which a PNG begins with (https://www.w3.org/TR/png-3/#11IHDR)."""
    assert picture.startswith(SIGNATURE)
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_a_quality_run_is_drawn_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    report = quality_report(RUN, [*part(3.0), *maths("rrwr")], finished=True)
    assert size(card_png(report)) == (1200, 630)


def test_a_speed_run_is_saved_by_the_ending(tmp_path: Path) -> None:
    save(speed_forms(make_report()), tmp_path / "card.png")
    assert size((tmp_path / "card.png").read_bytes()) == (1200, 630)


def test_runs_side_by_side_have_no_picture(tmp_path: Path) -> None:
    pairs = compare_all([make_report(), make_report("run-2")])
    forms = comparison_forms(speed_side_by_side(pairs), speed_comparison(pairs))
    with pytest.raises(StillroomError, match=r"saved as side\.png"):
        save(forms, tmp_path / "side.png")


def test_a_child_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.bench.export.picture.child_command", lambda _: [sys.executable, "-c", "raise SystemExit(3)"]
    )
    with pytest.raises(StillroomError, match="could not be drawn"):
        card_png(make_report())
