"""The rehearsal for ARM makes a program that waits longer; all of it takes an hour, and root."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from release import rehearse_arm  # type: ignore[import-not-found]  # noqa: E402 - scripts


def test_the_program_is_told_to_wait_longer_for_an_emulated_engine(tmp_path: Path) -> None:
    for name in rehearse_arm.STUCK_AFTER:
        shutil.copy(ROOT / "app" / "engine" / "supervision" / name, tmp_path)
    rehearse_arm.wait_longer(tmp_path)
    assert "\nSILENCE_S = 300.0\n" in (tmp_path / "silence_watch.py").read_text()
    stalled = (tmp_path / "stalled_step.py").read_text()
    assert "\nHANG_S = 300.0\n" in stalled
    assert "\nLOAD_HANG_S = 60.0\n" in stalled
