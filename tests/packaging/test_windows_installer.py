"""The installer for Windows under wine: `make installers-test`. It installs a stand-in that says so."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.installers

ROOT = Path(__file__).parents[2]
COMPILER = "x86_64-w64-mingw32-gcc"
UNINSTALL_KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Stillroom"
CLASSES = r"HKCU\Software\Classes"
WINDOWS_KEY = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion"

# The first versions had no folder of their own.
CONTENTS = {"0.1.0": ("_internal", "old.txt"), "0.2.0": ("_internal-0.2.0", "new.txt")}
STEPS = [
    "unpacked",
    "contents",
    "copy of stillroomw.exe",
    "stillroomw.exe",
    "copy of stillroom.exe",
    "stillroom.exe",
    "copy of uninstall.exe",
    "uninstall.exe",
]
"""Of stillroom.nsi, in their order."""

if shutil.which("wine") is None or shutil.which("makensis") is None or shutil.which(COMPILER) is None:
    pytest.skip("wine, nsis or mingw-w64 is not installed", allow_module_level=True)


class Wine:
    """A Windows of its own, with an ordinary user's folders."""

    def __init__(self, folder: Path, display: str) -> None:
        self.environment = os.environ | {
            "WINEPREFIX": str(folder),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
            "DISPLAY": display,
        }
        self.run("wineboot", "--init")
        local = self.run("cmd", "/c", "echo %LOCALAPPDATA%").stdout.strip()
        unix = subprocess.run(
            ["winepath", "-u", local], env=self.environment, capture_output=True, text=True, check=True
        )
        self.local = Path(unix.stdout.strip())
        self.program = self.local / "Programs" / "Stillroom"
        self.start_menu = self.local.parent / "Roaming/Microsoft/Windows/Start Menu/Programs"

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["wine", *command],
            env=self.environment | more,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=250,
            check=False,
        )

    def wait_for_all(self) -> None:
        subprocess.run(["wineserver", "--wait"], env=self.environment, check=True, timeout=120)

    def value(self, key: str, name: str = "") -> str | None:
        """A value of the registry; None where it is not there."""
        which = ["/v", name] if name else ["/ve"]
        done = self.run("reg", "query", key, *which)
        if done.returncode:
            return None
        line = next(line for line in done.stdout.splitlines() if "REG_" in line)
        return line.split("REG_", 1)[1].partition("    ")[2].strip()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.program)) for path in self.program.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
        server.terminate()


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory, display: str) -> Iterator[Wine]:
    windows = Wine(tmp_path_factory.mktemp("wine"), display)
    yield windows
    subprocess.run(["wineserver", "--kill"], env=windows.environment, check=False)


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The installers of two versions, each around a stand-in."""
    folder = tmp_path_factory.mktemp("setups")
    made = {}
    for version, (contents, data) in CONTENTS.items():
        payload = folder / version
        (payload / contents).mkdir(parents=True)
        (payload / contents / data).write_text("A stand-in for Stillroom's files.\n")
        (payload / contents / "version").write_text(version)
        source = Path(__file__).with_name("windows_stand_in.c")
        defines = [f'-DVERSION="{version}"', f'-DCONTENTS="{contents}"']
        compile_ = [COMPILER, "-Wall", "-Werror", *defines, str(source)]
        for name in ("stillroom", "stillroomw"):
            subprocess.run([*compile_, "-o", str(payload / f"{name}.exe")], check=True)
        made[version] = make_setup(payload, folder / f"stillroom-{version}.exe", version)
    return made


def make_setup(payload: Path, setup: Path, version: str, *options: str) -> Path:
    script = ROOT / "packaging" / "windows" / "installer.py"
    arguments = ["--payload", payload, "--output", setup, "--version", version, *options]
    subprocess.run([sys.executable, script, *map(str, arguments)], check=True)
    return setup


def installed(version: str) -> set[str]:
    contents, data = CONTENTS[version]
    programs = {"stillroom.exe", "stillroomw.exe", "uninstall.exe"}
    return programs | {f"{contents}/{data}", f"{contents}/version"}


def test_a_windows_that_is_too_old_is_refused(wine: Wine, setups: dict[str, Path]) -> None:
    build = wine.value(WINDOWS_KEY, "CurrentBuildNumber")
    assert build is not None
    set_build = ("reg", "add", WINDOWS_KEY, "/f", "/v", "CurrentBuildNumber", "/d")
    assert wine.run(*set_build, "9600").returncode == 0
    try:
        assert wine.run(str(setups["0.1.0"]), "/S").returncode == 2
    finally:
        wine.run(*set_build, build)
    assert not wine.program.exists()


def test_install_run_upgrade_and_uninstall(wine: Wine, setups: dict[str, Path]) -> None:
    chats = wine.local / "stillroom" / "chats.sqlite3"
    chats.parent.mkdir()
    chats.write_text("the user's")

    assert wine.run(str(setups["0.1.0"]), "/S").returncode == 0
    assert wine.files() == installed("0.1.0")
    assert wine.value(UNINSTALL_KEY, "DisplayVersion") == "0.1.0"
    assert (wine.start_menu / "Stillroom.lnk").is_file()
    assert wine.value(rf"{CLASSES}\.gguf") == "Stillroom.gguf"
    opens = wine.value(rf"{CLASSES}\Stillroom.gguf\shell\open\command")
    assert opens is not None
    assert opens.endswith(r'\Programs\Stillroom\stillroomw.exe" "%1"')
    said = wine.run(str(wine.program / "stillroom.exe"), "--version")
    assert (said.returncode, said.stdout.strip()) == (0, "stand-in for stillroom 0.1.0")

    notes = wine.program / "my notes.txt"
    notes.write_text("the user's")
    assert wine.run(str(setups["0.2.0"]), "/S").returncode == 0
    assert wine.files() == installed("0.2.0") | {notes.name}
    assert wine.value(UNINSTALL_KEY, "DisplayVersion") == "0.2.0"

    assert wine.run(str(wine.program / "uninstall.exe"), "/S").returncode == 0
    wine.wait_for_all()  # it goes on in a copy of itself, so that it can delete itself
    assert wine.files() == {notes.name}
    assert chats.read_text() == "the user's"
    assert wine.value(UNINSTALL_KEY, "DisplayVersion") is None
    assert wine.value(rf"{CLASSES}\.gguf") is None
    assert wine.value(rf"{CLASSES}\Stillroom.gguf") is None
    assert not (wine.start_menu / "Stillroom.lnk").exists()
    notes.unlink()


def test_what_the_user_has_is_deleted_only_where_it_is_named(wine: Wine, setups: dict[str, Path]) -> None:
    data = wine.local / "stillroom"
    shutil.rmtree(data, ignore_errors=True)
    for name in ("cuda/runtime/a.dll", "models/r1/m.gguf", "jobs/1.json", "chats-backups/1", "chats.sqlite3"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(bytes(3_000_000))

    def kept() -> set[str]:
        return {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}

    everything = kept()
    wine.run(str(setups["0.1.0"]), "/S")
    assert wine.run(str(wine.program / "uninstall.exe"), "/S").returncode == 0
    wine.wait_for_all()
    assert kept() == everything
    wine.run(str(setups["0.1.0"]), "/S")
    wine.run(str(wine.program / "uninstall.exe"), "/S", "/DELETE=cuda,chats")
    wine.wait_for_all()
    assert kept() == {"models/r1/m.gguf", "jobs/1.json"}
    assert wine.files() == set()
    shutil.rmtree(data)


def test_the_uninstaller_inside_is_the_one_that_was_signed(
    wine: Wine, setups: dict[str, Path], tmp_path: Path
) -> None:
    payload = setups["0.1.0"].parent / "0.1.0"
    uninstaller = tmp_path / "signing" / "uninstall.exe"
    script = ROOT / "packaging" / "windows" / "installer.py"
    command = [sys.executable, script, "--payload", payload, "--output", tmp_path / "stillroom-setup.exe"]
    subprocess.run([*command, "--keep-uninstaller", uninstaller], check=True)
    assert uninstaller.read_bytes()[:2] == b"MZ"
    signed = uninstaller.read_bytes() + b"a stand-in for a signature"
    uninstaller.write_bytes(signed)
    subprocess.run([*command, "--uninstaller", uninstaller], check=True)
    assert wine.run(str(tmp_path / "stillroom-setup.exe"), "/S").returncode == 0
    assert (wine.program / "uninstall.exe").read_bytes() == signed
    assert wine.run(str(wine.program / "uninstall.exe"), "/S").returncode == 0
    wine.wait_for_all()
    assert wine.files() == set()


def test_without_the_association_gguf_files_are_left_alone(wine: Wine, setups: dict[str, Path]) -> None:
    assert wine.run(str(setups["0.1.0"]), "/S", "/NOASSOCIATION", "/DESKTOP").returncode == 0
    assert wine.value(rf"{CLASSES}\.gguf") is None
    assert list(wine.local.parents[1].rglob("Desktop/Stillroom.lnk"))


def test_an_upgrade_that_is_cut_off_leaves_the_version_before(
    wine: Wine, setups: dict[str, Path], tmp_path: Path
) -> None:
    payload = tmp_path / "payload"
    shutil.copytree(setups["0.2.0"].parent / "0.2.0", payload)
    for number in range(3000):
        (payload / "_internal-0.2.0" / f"{number}.txt").write_text("A stand-in for one of many files.\n")
    setup = make_setup(payload, tmp_path / "stillroom-0.2.0.exe", "0.2.0")
    wine.run(str(setups["0.1.0"]), "/S")
    before = wine.files()
    for share in (0.1, 0.5, 0.9):
        cut_off(wine, setup, int(share * 3000))
        assert {name for name in wine.files() if not name.startswith("stillroom-new/")} == before
        said = wine.run(str(wine.program / "stillroom.exe"), "--version")
        assert said.stdout.strip() == "stand-in for stillroom 0.1.0"
    assert wine.run(str(setup), "/S").returncode == 0
    said = wine.run(str(wine.program / "stillroom.exe"), "--version")
    assert said.stdout.strip() == "stand-in for stillroom 0.2.0"
    assert len(wine.files()) == 3000 + len(installed("0.2.0"))
    assert wine.run(str(wine.program / "uninstall.exe"), "/S").returncode == 0
    wine.wait_for_all()
    assert wine.files() == set()


@pytest.mark.parametrize("step", STEPS)
def test_each_program_finds_its_files_wherever_an_upgrade_ends(
    step: str, wine: Wine, setups: dict[str, Path], tmp_path: Path
) -> None:
    assert wine.run(str(setups["0.1.0"]), "/S").returncode == 0
    payload = setups["0.2.0"].parent / "0.2.0"
    ending = make_setup(payload, tmp_path / "ending.exe", "0.2.0", "--stop-after", step)
    assert wine.run(str(ending), "/S").returncode == 9
    for name, replaced_in in (("stillroomw", "stillroomw.exe"), ("stillroom", "stillroom.exe")):
        said = wine.run(str(wine.program / f"{name}.exe"), "--version")
        is_new = STEPS.index(step) >= STEPS.index(replaced_in)
        assert said.stdout.strip() == f"stand-in for stillroom {'0.2.0' if is_new else '0.1.0'}"
    assert wine.run(str(setups["0.2.0"]), "/S").returncode == 0
    assert wine.files() == installed("0.2.0")
    assert wine.run(str(wine.program / "uninstall.exe"), "/S").returncode == 0
    wine.wait_for_all()
    assert wine.files() == set()


def test_a_program_that_cannot_be_replaced_brings_the_version_before_back(
    wine: Wine, setups: dict[str, Path], tmp_path: Path
) -> None:
    """A folder stands in for a program that another one holds open."""
    assert wine.run(str(setups["0.1.0"]), "/S").returncode == 0
    (wine.program / "uninstall.exe").unlink()
    (wine.program / "uninstall.exe" / "held").mkdir(parents=True)
    assert wine.run(str(setups["0.2.0"]), "/S").returncode not in (0, 9)
    shutil.rmtree(wine.program / "uninstall.exe")
    assert wine.files() == installed("0.1.0") - {"uninstall.exe"}
    for name in ("stillroomw", "stillroom"):
        said = wine.run(str(wine.program / f"{name}.exe"), "--version")
        assert said.stdout.strip() == "stand-in for stillroom 0.1.0"
    assert wine.run(str(setups["0.2.0"]), "/S").returncode == 0
    assert wine.files() == installed("0.2.0")


def cut_off(wine: Wine, setup: Path, files: int) -> None:
    """Kill an installation once so many files of the new version are there."""
    unpacked = wine.program / "stillroom-new" / "_internal-0.2.0"
    with subprocess.Popen(["wine", str(setup), "/S"], env=wine.environment) as process:
        wait_until(lambda: unpacked.exists() and len(list(unpacked.iterdir())) > files, "a part of it")
        process.kill()
    subprocess.run(["wineserver", "--kill", "--wait"], env=wine.environment, check=False)


def test_a_running_window_is_closed_politely(wine: Wine, setups: dict[str, Path]) -> None:
    wine.run(str(setups["0.1.0"]), "/S")
    with open_window(wine) as window:
        assert wine.run(str(setups["0.2.0"]), "/S").returncode == 0
        assert window.stdout is not None
        assert window.stdout.read().split() == ["closed", "politely"]
    assert wine.value(UNINSTALL_KEY, "DisplayVersion") == "0.2.0"


def test_a_window_that_stays_open_is_never_killed(wine: Wine, setups: dict[str, Path]) -> None:
    wine.run(str(setups["0.1.0"]), "/S")
    with open_window(wine, STAND_IN_STAYS="1") as window:
        assert wine.run(str(setups["0.2.0"]), "/S").returncode == 3
        assert window.poll() is None
        wine.run("taskkill", "/F", "/IM", "stillroomw.exe")
    assert wine.value(UNINSTALL_KEY, "DisplayVersion") == "0.1.0"
    assert wine.files() == installed("0.1.0")


def open_window(wine: Wine, **more: str) -> subprocess.Popen[str]:
    """The installed stand-in, once its window is there."""
    window = subprocess.Popen(
        ["wine", str(wine.program / "stillroomw.exe")],
        env=wine.environment | more,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert window.stdout is not None
    assert window.stdout.readline().strip() == "open"
    return window
