"""The .deb and the .run in fresh Debian folders without Python and compiler: `make installers-test`, as root.

The display and the model's file are this computer's; everything else is what a person's computer has.
"""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from models.catalogue.starter import starter_file
from tests.support.display import virtual_display
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.architecture import architecture  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts
from linux.debian import Debian  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts
from linux.payload import version  # type: ignore[import-not-found]  # noqa: E402

pytestmark = [pytest.mark.installers, pytest.mark.timeout(900)]

DEB = ROOT / "dist" / f"stillroom_{version()}_{architecture().debian}.deb"
RUN = ROOT / "dist" / f"stillroom-{version()}-{architecture().machine}.run"
LARGEST_DEB_BYTES = 75e6
LONG_ANSWER = 500
MOST_TOKENS = 40
MODEL = "/home/user/SmolLM2 starter.gguf"
DATA = (
    *(".local/share/stillroom", ".config/stillroom", ".cache/stillroom", ".local/state/stillroom"),
    *(".cache/fontconfig", ".cache/mesa"),  # the system's own libraries, for every program
)
# What apt and dpkg write for themselves, and caches that their triggers renew.
UNRELATED = re.compile(
    r"/(proc|sys|dev|tmp|run|home|root|var/(lib/(dpkg|apt|systemd)|log|cache)|etc/ld\.so\.cache)(/|$)"
)

if os.geteuid() != 0 or shutil.which("debootstrap") is None or shutil.which("Xvfb") is None:
    pytest.skip("needs root, debootstrap and Xvfb", allow_module_level=True)


@pytest.fixture(
    scope="module", params=["trixie", "bookworm"] if architecture().release == "bookworm" else ["trixie"]
)
def debian(request: pytest.FixtureRequest) -> Iterator[Debian]:
    """A system nobody used before; the unpacked base is kept between runs."""
    base = Debian(request.param, ROOT / "build" / "fresh" / request.param)
    base.create(["xz-utils"])  # every desktop has it, and the .run unpacks with it
    used = Debian(request.param, ROOT / "build" / "tried" / request.param)
    shutil.rmtree(used.folder, ignore_errors=True)
    used.folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(base.folder), str(used.folder)], check=True)
    starter = starter_file()
    assert starter is not None
    shutil.copyfile(starter, used.folder / MODEL.lstrip("/"))
    assert used.run("command -v python3 gcc cc", check=False).stdout == ""
    yield used
    shutil.rmtree(used.folder)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    # Reached through its abstract socket, which a changed root does not hide.
    with virtual_display() as number:
        yield number


def files(debian: Debian) -> set[str]:
    listing = subprocess.run(
        ["find", str(debian.folder), "-xdev", "-not", "-type", "d", "-printf", "/%P\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name for name in listing.splitlines() if not UNRELATED.match(name)}


def home_files(debian: Debian) -> set[str]:
    return {str(path.relative_to(home(debian))) for path in home(debian).rglob("*") if not path.is_dir()}


def result(debian: Debian, command: str, **environment: str) -> Any:
    """The JSON of one of the program's commands, run by the ordinary user."""
    given = [f"{name}={value}" for name, value in environment.items()]
    done = debian.run(f"{command} --json", user=True, environment=given)
    return json.loads(done.stdout)


def use_it(debian: Debian, program: str, display: str) -> None:
    """Do what a person does with it: ask what is there, chat, measure, open the window with a file."""
    model = shlex.quote(MODEL)
    found = result(debian, f"{program} doctor")
    assert "CPU" in {device["backend"] for device in found["backends"]}
    vulkan = next(library for library in found["libraries"] if library["name"] == "Vulkan")
    assert vulkan["loaded"] or vulkan["reason"]  # no loader, or no driver
    question = f"{program} chat {model} 'Why is the sky blue?' --temperature 0 --max-tokens {MOST_TOKENS}"
    # Which words it finds differs from one processor to another, as they add in another order.
    assert len(result(debian, question)["answer"].split()) > MOST_TOKENS / 4
    report = result(debian, f"{program} bench {model} --suite quick")
    assert report["measures"]
    ask_in_window(debian, f"{program} {model}", display)


def ask_in_window(debian: Debian, command: str, display: str) -> None:
    """Open the window with the model's file, ask by the keyboard, wait for the kept answer, and close it."""
    on_screen = os.environ | {"DISPLAY": display}

    def xdotool(*arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=on_screen, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    window = debian.command(f"exec {command}", user=True, environment=[f"DISPLAY={display}"])
    with subprocess.Popen(window) as running:
        shown = xdotool("search", "--sync", "--onlyvisible", "--name", "^Stillroom$").split()[0]
        listed = home(debian) / ".local/share/stillroom/models"

        def wait_while_open(
            condition: Callable[[], object], what: str, act: Callable[[], object] | None = None
        ) -> None:
            def holds() -> object:
                assert running.poll() is None, f"the window ended before {what} was there"
                return condition()

            wait_until(holds, what, act=act)

        wait_while_open(lambda: any(listed.rglob("manifest.json")), "the file's record")
        xdotool("windowfocus", "--sync", shown, "key", "ctrl+1")
        xdotool("type", "--delay", "20", "Name a colour.")
        # While the model is being loaded, the question stays in its field.
        wait_while_open(
            lambda: kept_messages(debian, "role = 'user'"), "the question", lambda: xdotool("key", "Return")
        )

        def stop_if_long() -> None:
            # The starter model sometimes goes round in circles until the context is full.
            if any(len(begun) > LONG_ANSWER for begun in kept_messages(debian, "outcome = 'running'")):
                xdotool("key", "Escape")

        wait_while_open(lambda: kept_answers(debian), "the answer", stop_if_long)
        xdotool("key", "ctrl+q")
        assert running.wait(timeout=120) == 0
    assert all(kept_answers(debian))
    (log,) = home(debian).rglob("stillroom.log")
    lines = log.read_text("utf-8").splitlines()
    assert [line for line in lines if " ERROR " in line or " CRITICAL " in line] == []


def kept_answers(debian: Debian) -> list[str]:
    """The finished or stopped replies in the user's chats."""
    return kept_messages(debian, "role = 'assistant' AND outcome IN ('stop', 'cancelled')")


def kept_messages(debian: Debian, which: str) -> list[str]:
    chats = home(debian) / ".local/share/stillroom/chats.sqlite3"
    if not chats.exists():
        return []
    with closing(sqlite3.connect(f"file:{chats}?mode=ro", uri=True)) as database:
        found = database.execute(f"SELECT content FROM messages WHERE {which}").fetchall()
    return [content for (content,) in found]


def home(debian: Debian) -> Path:
    return Path(debian.folder, "home", "user")


def test_the_package_is_small() -> None:
    assert DEB.stat().st_size <= LARGEST_DEB_BYTES


@pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("appstreamcli", "desktop-file-validate")),
    reason="appstream or desktop-file-utils is not installed",
)
def test_the_description_and_the_menu_entry_are_valid(tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(DEB), str(tmp_path)], check=True)
    share = tmp_path / "usr" / "share"
    # There is no home page yet, which is all that it may find missing.
    metainfo = share / "metainfo" / "stillroom.metainfo.xml"
    overridden = "--override=url-homepage-missing=info"
    subprocess.run(["appstreamcli", "validate", "--no-net", overridden, str(metainfo)], check=True)
    subprocess.run(["desktop-file-validate", str(share / "applications" / "stillroom.desktop")], check=True)


def test_the_package_installs_works_and_leaves_only_the_users_data(debian: Debian, display: str) -> None:
    shutil.copyfile(DEB, debian.folder / "tmp" / "stillroom.deb")
    # What it depends on comes first, so that only its own files are compared.
    debian.run("apt-get install -y --no-install-recommends /tmp/stillroom.deb && dpkg --remove stillroom")
    before = files(debian)
    debian.run("dpkg --install /tmp/stillroom.deb")
    opens = debian.run("grep -rh x-gguf /usr/share/applications/mimeinfo.cache || true").stdout
    assert "stillroom.desktop" in opens or not (debian.folder / "usr/bin/update-desktop-database").exists()
    use_it(debian, "stillroom", display)
    assert kept_answers(debian)
    told = debian.run("sh /usr/lib/stillroom/remove_data.sh --delete models", user=True).stdout
    assert "Deleted: your models" in told
    assert "Kept: your chats and their backups" in told
    debian.run("apt-get purge -y stillroom")
    assert files(debian) - before == set()
    left = home_files(debian) - {MODEL.removeprefix("/home/user/")}
    assert left
    assert [name for name in left if not name.startswith((*DATA, ".bash", ".profile"))] == []


def test_the_run_file_installs_for_one_user(debian: Debian, display: str) -> None:
    shutil.copyfile(RUN, debian.folder / "tmp" / "stillroom.run")
    before = home_files(debian)
    everywhere = files(debian)
    # What only root's shell lists is there all the same.
    debian.run("apt-get install -y --no-install-recommends libegl1 libgl1 libfontconfig1")
    everywhere |= files(debian)
    assert "not found" not in debian.run("sh /tmp/stillroom.run --nox11", user=True).stdout
    use_it(debian, "/home/user/.local/bin/stillroom", display)
    # Once more over it, as an upgrade does.
    debian.run("sh /tmp/stillroom.run --nox11", user=True)
    assert result(debian, "/home/user/.local/bin/stillroom list") is not None
    left = debian.run("sh /home/user/.local/lib/stillroom/install.sh --uninstall", user=True).stdout
    assert "Kept: your chats and their backups" in left
    assert kept_answers(debian)
    assert [name for name in home_files(debian) - before if not name.startswith(DATA)] == []
    assert files(debian) == everywhere
