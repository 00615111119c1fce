"""The .run installs and removes, with a stand-in for the program that says it is one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.payload import write_shared_files  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a shell script for Linux")

STAND_IN = "#!/bin/sh\necho stand-in for stillroom\n"


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Make what makeself leaves for the script."""
    folder = tmp_path / "unpacked"
    (folder / "stillroom" / "_internal").mkdir(parents=True)
    (folder / "stillroom" / "_internal" / "part").write_text("stand-in")
    (folder / "stillroom" / "stillroom").write_text(STAND_IN)
    (folder / "stillroom" / "stillroom").chmod(0o755)
    write_shared_files(folder)
    ask_for_glibc(folder, "2.17")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def ask_for_glibc(folder: Path, version: str) -> None:
    text = (ROOT / "packaging" / "linux" / "install.sh").read_text("utf-8")
    (folder / "install.sh").write_text(text.replace("@GLIBC@", version), "utf-8")


def install(folder: Path, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(folder / "install.sh"), *options],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_it_installs_for_one_user_and_removes_all_of_it(unpacked: Path, home: Path) -> None:
    chats = home / ".local/share/stillroom/chats.sqlite3"
    chats.parent.mkdir(parents=True)
    chats.write_text("the user's")
    other = home / ".local/share/applications/other.desktop"
    other.parent.mkdir(parents=True)
    other.write_text("another program's")
    before = files(home)

    done = install(unpacked, home)
    assert done.returncode == 0, done.stderr
    said = subprocess.run([home / ".local/bin/stillroom"], capture_output=True, text=True, check=True)
    assert said.stdout == "stand-in for stillroom\n"
    entry = (home / ".local/share/applications/stillroom.desktop").read_text("utf-8")
    assert f'Exec="{home}/.local/lib/stillroom/stillroom" %f\n' in entry
    assert {
        ".local/share/icons/hicolor/256x256/apps/stillroom.png",
        ".local/share/mime/packages/stillroom.xml",
        ".local/share/metainfo/stillroom.metainfo.xml",
    } <= files(home)

    removed = install(home / ".local/lib/stillroom", home, "--uninstall")
    assert removed.returncode == 0, removed.stderr
    # The cache of the other program's menu entry, where this system has the program that makes it.
    assert files(home) - before <= {".local/share/applications/mimeinfo.cache"}
    assert before <= files(home)


def test_an_upgrade_replaces_every_file_of_the_program(unpacked: Path, home: Path) -> None:
    install(unpacked, home)
    (unpacked / "stillroom" / "_internal" / "part").rename(unpacked / "stillroom" / "_internal" / "new part")
    done = install(unpacked, home)
    assert done.returncode == 0, done.stderr
    assert files(home / ".local/lib") == {
        "stillroom/stillroom",
        "stillroom/_internal/new part",
        "stillroom/install.sh",
    }


def test_a_running_program_is_not_replaced(unpacked: Path, home: Path) -> None:
    install(unpacked, home)
    program = home / ".local/lib/stillroom/stillroom"
    program.unlink()
    shutil.copyfile("/usr/bin/sleep", program)
    program.chmod(0o755)
    with subprocess.Popen([program, "1000"]) as running:
        done = install(unpacked, home)
        assert done.returncode == 1
        assert "Stillroom is running" in done.stderr
        assert install(unpacked, home, "--uninstall").returncode == 1
        running.kill()
    assert program.exists()


def test_a_system_that_is_too_old_is_told_before_anything_is_written(unpacked: Path, home: Path) -> None:
    ask_for_glibc(unpacked, "9.99")
    done = install(unpacked, home)
    assert done.returncode == 1
    assert "Stillroom needs glibc 9.99 or newer" in done.stderr
    assert list(home.iterdir()) == []
