"""An update that is killed leaves the version before or the new one, whole, and the next one goes through.

The script is the real one; the program is a stand-in that says it is one, and says which version it is only
where all its parts are of that version.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.payload import write_shared_files  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a shell script for Linux")

PARTS = 40
PROGRAM = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for part in $(seq {parts}); do [ "$(cat "$here/_internal/$part")" = {version} ] || exit 1; done
echo {version}
"""
# Stands before each program that the script calls, and at the call of that number kills the script's whole
# group, in the middle of it: of a copy half is there, of a deletion half is gone.
BEFORE_EACH = """#!/bin/sh
name=${0##*/}
echo "$name" >> "$COUNT"
if [ "$(wc -l < "$COUNT")" = "$KILLED_AT" ]; then
  for last; do :; done
  case "$name $*" in
    "cp -a "*) mkdir -p "$last/_internal"; echo half > "$last/_internal/1" ;;
    "cp "*) [ -d "$last" ] || echo half > "$last" ;;
    "rm "*) find "$last" -type f 2> /dev/null | head -n 20 | xargs -d '\\n' -r "$REAL/unlink" ;;
  esac
  kill -9 0
fi
# The disk of the tests' folder has other users.
[ "$name" = sync ] || exec "$REAL/$name" "$@"
"""
CALLED = ("mkdir", "rm", "cp", "sync", "mv", "ln", "awk")
# They only make the desktop's caches.
LEFT_OUT = ("update-desktop-database", "update-mime-database", "gtk-update-icon-cache")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what makeself leaves of two versions, and what stands before the programs."""
    root = tmp_path_factory.mktemp("update")
    for version in ("old", "new"):
        folder = root / version
        (folder / "stillroom" / "_internal").mkdir(parents=True)
        for part in range(1, PARTS + 1):
            (folder / "stillroom" / "_internal" / str(part)).write_text(version)
        program = folder / "stillroom" / "stillroom"
        program.write_text(PROGRAM.format(version=version, parts=PARTS))
        program.chmod(0o755)
        write_shared_files(folder)
        metainfo = folder / "share/metainfo/stillroom.metainfo.xml"
        metainfo.write_text(metainfo.read_text("utf-8") + f"<!-- {version} -->\n", "utf-8")
        shutil.copyfile(ROOT / "packaging/linux/remove_data.sh", folder / "remove_data.sh")
        script = (ROOT / "packaging/linux/install.sh").read_text("utf-8").replace("@GLIBC@", "2.17")
        (folder / "install.sh").write_text(script, "utf-8")
    (root / "before each").mkdir()
    for name in CALLED:
        path = root / "before each" / name
        path.write_text(BEFORE_EACH)
        path.chmod(0o755)
    for name in LEFT_OUT:
        (root / "before each" / name).write_text("#!/bin/sh\n")
        (root / "before each" / name).chmod(0o755)
    return root


def command(place: Path, version: str) -> list[str]:
    return ["sh", str(place / version / "install.sh")]


def update(place: Path, home: Path, version: str, killed_at: int = 0) -> int:
    """Install that version, and count the programs that were called; 0 of one that was not killed."""
    count = home / "count"
    count.unlink(missing_ok=True)
    done = subprocess.run(
        command(place, version),
        env={
            "HOME": str(home),
            "PATH": f"{place / 'before each'}:/usr/bin:/bin",
            "REAL": "/usr/bin",
            "COUNT": str(count),
            "KILLED_AT": str(killed_at),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    calls = len(count.read_text().splitlines())
    count.unlink()
    assert done.returncode == (-signal.SIGKILL if killed_at else 0)
    return calls


def says(home: Path) -> str:
    """Name the version that starts; a mixed one ends with an error."""
    program = home / ".local/bin/stillroom"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


def shared(place: Path, home: Path) -> dict[str, str]:
    """Name the version of each file for the desktop; what is neither has its content."""
    found = {}
    for file in sorted((place / "old/share").rglob("*.*")):
        name = str(file.relative_to(place / "old/share"))
        installed = (home / ".local/share" / name).read_bytes()
        sources = {version: (place / version / "share" / name).read_bytes() for version in ("old", "new")}
        found[name] = next((v for v, content in sources.items() if content == installed), repr(installed))
    return found


def leftovers(home: Path) -> set[str]:
    """Name what there is of it, and of unfinished steps, with one name for both places of a version."""
    paths = {str(path.relative_to(home)) for path in (home / ".local").rglob("*stillroom*")}
    return {path.replace("stillroom.b", "stillroom.a") for path in paths}


def look(place: Path, home: Path) -> str:
    """Compare everything with the two versions; returns the one that starts."""
    found = shared(place, home)
    entry = found.pop("applications/stillroom.desktop")
    assert f'Exec=\\"{home}/.local/lib/stillroom/stillroom\\" %f'.replace('\\"', '"') in entry
    assert entry.endswith("\\n'")
    assert set(found.values()) <= {"old", "new"}
    return says(home)


@pytest.mark.parametrize("every", [15, pytest.param(1, marks=pytest.mark.faults)])
def test_an_update_that_is_killed_at_any_moment(place: Path, tmp_path: Path, every: int) -> None:
    first = tmp_path / "first"
    first.mkdir()
    update(place, first, "old")
    before = leftovers(first)
    calls = update(place, first, "new")
    assert look(place, first) == "new"
    assert leftovers(first) == before
    ended = []
    # What the desktop reads comes at the end: eleven files, of which one is like the other.
    for number in (*range(1, 14), *range(14, calls + 1, every)):
        home = tmp_path / str(number)
        shutil.copytree(first, home, symlinks=True)
        relink(home, first)
        # To the script the older one is as good as a newer one.
        update(place, home, "old", number)
        ended.append(look(place, home))
        update(place, home, "old")
        assert look(place, home) == "old"
        assert leftovers(home) == before
        shutil.rmtree(home)
    # The version before until a moment, and the other one from then on.
    assert ended == sorted(ended)
    assert set(ended) == {"new", "old"}


def relink(home: Path, copied: Path) -> None:
    """Make an installation what it would be had it been made in `home`."""
    link = home / ".local/bin/stillroom"
    link.unlink()
    link.symlink_to(home / ".local/lib/stillroom/stillroom")
    entry = home / ".local/share/applications/stillroom.desktop"
    entry.write_text(entry.read_text("utf-8").replace(str(copied), str(home)), "utf-8")


def test_a_first_installation_that_is_killed_goes_through_the_next_time(place: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    calls = update(place, tmp_path / "whole", "new")
    for number in (*range(1, 14, 4), calls - 1):
        home = tmp_path / str(number)
        home.mkdir()
        update(place, home, "new", number)
        program = home / ".local/bin/stillroom"
        assert not program.exists() or says(home) == "new"
        update(place, home, "new")
        assert look(place, home) == "new"
        assert leftovers(home) == leftovers(tmp_path / "whole")


@pytest.mark.faults
def test_an_update_is_killed_at_twenty_times(place: Path, tmp_path: Path) -> None:
    """Kill in passing, wherever the script and what it calls are then."""
    home = tmp_path / "home"
    home.mkdir()
    update(place, home, "old")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    killed, version = 0, "new"
    for turn in range(1000):
        process = subprocess.Popen(
            command(place, version), env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=(turn % 40) * 0.004)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        assert look(place, home) in ("old", "new")
        if killed >= 20:
            break
        version = "old" if look(place, home) == "new" else "new"
    assert killed >= 20
    update(place, home, "new")
    assert look(place, home) == "new"
