"""The .run installs and removes, with a stand-in for the program that says it is one."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.payload import write_shared_files  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a shell script for Linux")

LINUX = ROOT / "packaging" / "linux"
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
    shutil.copyfile(LINUX / "remove_data.sh", folder / "remove_data.sh")
    ask_for_glibc(folder, "2.17")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def ask_for_glibc(folder: Path, version: str) -> None:
    text = (LINUX / "install.sh").read_text("utf-8")
    (folder / "install.sh").write_text(text.replace("@GLIBC@", version), "utf-8")


def install(folder: Path, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it as an ordinary user of Debian does, whose login shell looks into no sbin."""
    return subprocess.run(
        ["sh", str(folder / "install.sh"), *options],
        env={"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/games"},
        stdin=subprocess.DEVNULL,
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
    assert not (home / ".local/share/icons").exists()


def test_an_upgrade_replaces_every_file_of_the_program(unpacked: Path, home: Path) -> None:
    install(unpacked, home)
    (unpacked / "stillroom" / "_internal" / "part").rename(unpacked / "stillroom" / "_internal" / "new part")
    done = install(unpacked, home)
    assert done.returncode == 0, done.stderr
    assert files(home / ".local/lib") == {
        "stillroom.b/stillroom",
        "stillroom.b/_internal/new part",
        "stillroom.b/install.sh",
        "stillroom.b/remove_data.sh",
    }
    assert (home / ".local/lib/stillroom").readlink() == Path("stillroom.b")
    # A folder of this name that was copied there is replaced, too.
    (home / ".local/lib/stillroom").unlink()
    (home / ".local/lib/stillroom.b").rename(home / ".local/lib/stillroom")
    assert install(unpacked, home).returncode == 0
    assert {name.partition("/")[0] for name in files(home / ".local/lib")} == {"stillroom.a"}


@pytest.mark.parametrize("name", ["with  spaces", "模型 é", "100% \"of\" $HOME & `all` \\ 'x' | #"])
def test_a_home_of_any_name_is_one_to_install_in(unpacked: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    done = install(unpacked, home)
    assert (done.returncode, done.stderr) == (0, "")
    entry = (home / ".local/share/applications/stillroom.desktop").read_text("utf-8")
    (line,) = (line for line in entry.splitlines() if line.startswith("Exec="))
    # Two layers: escapes of every value of the file, then those of a shell, and %% of this one.
    value = line.removeprefix("Exec=").replace("\\\\", "\\")
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {value}"], capture_output=True, text=True, check=True
    )
    program, field = words.stdout.splitlines()
    assert (program.replace("%%", "%"), field) == (f"{home}/.local/lib/stillroom/stillroom", "%f")
    assert "TryExec" not in entry
    said = subprocess.run([home / ".local/bin/stillroom"], capture_output=True, text=True, check=True)
    assert said.stdout == "stand-in for stillroom\n"
    assert install(home / ".local/lib/stillroom", home, "--uninstall").returncode == 0
    assert files(home) == set()


def test_a_home_that_cannot_be_written_to_is_named(unpacked: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.touch()
    done = install(unpacked, home)
    assert done.returncode == 1
    assert f"cannot be installed in {home}/.local, where nothing can be written." in done.stderr


def test_what_cannot_be_copied_whole_leaves_the_version_before(unpacked: Path, home: Path) -> None:
    install(unpacked, home)
    before = files(home)
    (unpacked / "remove_data.sh").unlink()
    done = install(unpacked, home)
    assert done.returncode == 1
    assert "What was there before is as it was." in done.stderr
    assert files(home) == before


def test_libraries_that_are_there_are_not_said_to_be_missing(unpacked: Path, home: Path) -> None:
    told = install(unpacked, home).stdout
    for library in ("libEGL.so.1", "libGL.so.1", "libfontconfig.so.1"):
        ctypes.CDLL(library)
        assert library not in told
    script = unpacked / "install.sh"
    script.write_text(script.read_text("utf-8").replace("libGL.so.1", "libNobodyHasThis.so.1"), "utf-8")
    assert "which were not found: libNobodyHasThis.so.1\n" in install(unpacked, home).stdout


@pytest.mark.parametrize(("machine", "is_missing"), [("x86_64", False), ("aarch64", True)])
def test_libraries_that_only_arm_needs_are_looked_for_there(
    unpacked: Path, home: Path, machine: str, is_missing: bool
) -> None:
    script = unpacked / "install.sh"
    words = script.read_text("utf-8")
    assert "$(uname -m)" in words
    words = words.replace("$(uname -m)", machine).replace("libSM.so.6", "libNobodyHasThis.so.6")
    script.write_text(words, "utf-8")
    assert ("libNobodyHasThis.so.6" in install(unpacked, home).stdout) == is_missing


@pytest.fixture
def data(home: Path) -> Path:
    """Make what a user has: CUDA, models, chats, the audit log."""
    folder = home / ".local/share/stillroom"
    for name in ("cuda/runtime/lib", "models/r1/m.gguf", "checkpoints/r1/w", "chats-backups/1", "audit/1"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.urandom(2_000_000))
    for name in ("chats.sqlite3", "chats.sqlite3-wal"):
        (folder / name).write_text("chats")
    return folder


def test_what_the_user_has_is_kept_unless_it_is_named(unpacked: Path, home: Path, data: Path) -> None:
    install(unpacked, home)
    before = files(data)
    removed = install(home / ".local/lib/stillroom", home, "--uninstall")
    assert files(data) == before
    assert f"Kept: NVIDIA's CUDA libraries (2 MB) in {data}.\n" in removed.stdout
    install(unpacked, home)
    removed = install(home / ".local/lib/stillroom", home, "--uninstall", "--delete", "cuda,chats")
    assert removed.returncode == 0, removed.stderr
    assert files(data) == {"models/r1/m.gguf", "checkpoints/r1/w", "audit/1"}
    install(unpacked, home)
    refused = install(home / ".local/lib/stillroom", home, "--uninstall", "--delete", "everything")
    assert refused.returncode == 2
    assert (home / ".local/bin/stillroom").exists()


def test_on_a_terminal_each_is_asked_for_and_no_is_the_default(
    unpacked: Path, home: Path, data: Path
) -> None:
    install(unpacked, home)
    ours, theirs = os.openpty()
    os.write(ours, b"y\n\nno\n")
    asked = subprocess.run(
        ["sh", str(home / ".local/lib/stillroom/install.sh"), "--uninstall"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        stdin=theirs,
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(ours)
    os.close(theirs)
    assert "Delete NVIDIA's CUDA libraries (2 MB)? [y/N] Deleted:" in asked.stdout
    assert "Delete your models and what was downloaded for them (4 MB)? [y/N] Kept:" in asked.stdout
    assert "Delete your chats and their backups (2 MB)? [y/N] Kept:" in asked.stdout
    assert not (data / "cuda").exists()
    assert (data / "models/r1/m.gguf").exists()
    assert (data / "chats.sqlite3").exists()


@pytest.mark.parametrize("indent", [None, 2])
def test_models_that_were_moved_stay_and_their_folder_is_named(
    unpacked: Path, home: Path, indent: int | None
) -> None:
    moved = home / 'a "fast" disk\\模型'
    (moved / "r1").mkdir(parents=True)
    (home / ".local/share/stillroom").mkdir(parents=True)
    settings = home / ".config/stillroom/settings.json"
    settings.parent.mkdir(parents=True)
    values = {"zoom_percent": 100, "models_folder": str(moved), "models_move": ""}
    settings.write_text(json.dumps(values, indent=indent, ensure_ascii=False), "utf-8")
    install(unpacked, home)
    removed = install(unpacked, home, "--uninstall", "--delete", "models")
    assert removed.returncode == 0, removed.stderr
    assert f"Kept: your models in {moved}, where you moved them.\n" in removed.stdout
    assert "Deleted" not in removed.stdout
    assert (moved / "r1").is_dir()


def test_nothing_is_deleted_under_an_open_window(unpacked: Path, home: Path, data: Path) -> None:
    install(unpacked, home)
    program = home / ".local/lib/stillroom/stillroom"
    shutil.copyfile("/usr/bin/sleep", program)
    before = files(data)
    script = ["sh", str(program.with_name("remove_data.sh")), "--delete", "chats"]
    with subprocess.Popen([program, "1000"]) as running:
        done = subprocess.run(script, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, capture_output=True)
        running.kill()
    assert done.returncode == 1
    assert b"Stillroom is running. Close its window" in done.stderr
    assert files(data) == before


def test_a_running_program_is_not_replaced(unpacked: Path, home: Path, tmp_path: Path) -> None:
    install(unpacked, home)
    # Reached through a link, as where homes lie on another disk.
    home.rename(tmp_path / "disk")
    home.symlink_to("disk")
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
