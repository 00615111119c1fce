"""The rehearsal for ARM relies on a Python that acts for another processor, and looks at what it made.

The rehearsal itself is a program of its own (packaging/release/rehearse_arm.py): it takes half an hour.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from release import rehearse_arm  # type: ignore[import-not-found]  # noqa: E402 - scripts

NATIVE_PYTHON = ROOT / "packaging" / "release" / "native_python.py"
PROGRAM = """
import importlib.util, json, os, platform, sys, sysconfig
found = importlib.util.find_spec("module_for_arm")
json.dump({
    "machine": [os.uname().machine, platform.machine()],
    "module": found and found.origin,
    "own": importlib.util.find_spec("module_for_here") is not None,
    "pure": importlib.util.find_spec("pure").origin,
    "python": sys.executable,
    "configuration": sysconfig._get_sysconfigdata_name(),
    "arguments": sys.argv[1:],
}, sys.stdout)
"""


def told(folder: Path, *command: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(NATIVE_PYTHON), "aarch64", *command],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_program_or_module_finds_the_other_processors_modules(tmp_path: Path) -> None:
    tag = sys.implementation.cache_tag
    for_arm = tmp_path / f"module_for_arm.{tag}-aarch64-linux-gnu.so"
    for_arm.touch()
    (tmp_path / f"module_for_here.{tag}-x86_64-linux-gnu.so").touch()
    for name in ("program.py", "pure.py"):
        (tmp_path / name).write_text(PROGRAM)
    for command in ([str(tmp_path / "program.py")], ["-m", "program"]):
        answer = told(tmp_path, *command, "--flag", "word")
        assert answer["machine"] == ["aarch64", "aarch64"]
        assert answer["module"] == str(for_arm)
        assert answer["own"] is False
        assert answer["pure"] == str(tmp_path / "pure.py")
        assert answer["python"] == str(Path(sys.executable).with_name("python"))
        assert str(answer["configuration"]).endswith("_aarch64-linux-gnu")
        assert answer["arguments"] == ["--flag", "word"]


def test_a_program_or_library_for_another_processor_is_found(tmp_path: Path) -> None:
    inside = tmp_path / "_internal"
    inside.mkdir()
    for name, machine in (("libarm.so", 183), ("libintel.so", 62)):
        (inside / name).write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little"))
    (inside / "linked.so").symlink_to("libintel.so")
    (inside / "short").write_bytes(b"\x7fE")
    (inside / "text").write_text("nothing to run" * 9)
    assert rehearse_arm.other_processors_files(tmp_path) == [inside / "libintel.so"]


def test_the_program_is_told_to_wait_longer_for_an_emulated_engine(tmp_path: Path) -> None:
    for name in rehearse_arm.STUCK_AFTER:
        shutil.copy(ROOT / "app" / "engine" / "supervision" / name, tmp_path)
    rehearse_arm.wait_longer(tmp_path)
    assert "\nSILENCE_S = 300.0\n" in (tmp_path / "silence_watch.py").read_text()
    stalled = (tmp_path / "stalled_step.py").read_text()
    assert "\nHANG_S = 300.0\n" in stalled
    assert "\nLOAD_HANG_S = 60.0\n" in stalled
