"""A rehearsal of a release goes on where it was ended, and its log has all of its steps.

What the steps make is a word here, and nothing updates itself; the rest is the rehearsal's own.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from release import rehearse  # type: ignore[import-not-found]  # noqa: E402 - scripts
from release.build_linux import build_steps  # type: ignore[import-not-found]  # noqa: E402 - scripts
from release.rehearsal_log import RehearsalLog  # type: ignore[import-not-found]  # noqa: E402 - scripts


def fail() -> None:
    raise SystemExit("No room.")


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    done: list[str] = []
    log = RehearsalLog(tmp_path, "Rehearsal of 1.2.3")
    assert log.noted("port", lambda: "8123") == "8123"
    log.step("bundle", lambda: done.append("bundle"))
    with pytest.raises(SystemExit):
        log.step("wheels", fail)
    again = RehearsalLog(tmp_path, "Rehearsal of 1.2.3")
    assert again.noted("port", lambda: "9999") == "8123"
    again.step("bundle", lambda: done.append("bundle, again"))
    again.step("wheels", lambda: done.append("wheels"))
    assert done == ["bundle", "wheels"]


def test_the_page_has_steps_files_and_remarks(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "stillroom.run").write_bytes(bytes(1_500_000))
    log = RehearsalLog(tmp_path, "Rehearsal of 1.2.3")
    log.step("bundle", lambda: None)
    log.files(made)
    log.remark("All of it is the same the second time.")
    assert (tmp_path / "log.md").read_text("utf-8").splitlines() == [
        *("# Rehearsal of 1.2.3", "", "| step | s | s of processors |", "|---|---|---|"),
        *("| bundle | 0 | 0 |", ""),
        *("| file | MB |", "|---|---|", "| stillroom.run | 1.500 |", ""),
        "All of it is the same the second time.",
    ]


def test_what_a_step_took_of_processors_is_on_the_page_with_its_childrens(tmp_path: Path) -> None:
    log = RehearsalLog(tmp_path, "Rehearsal of 1.2.3")
    busy = "import time\nwhile time.process_time() < 1.6: pass"
    log.step("waiting", lambda: None)
    log.step("computing", lambda: subprocess.run([sys.executable, "-c", busy], check=True))
    page = (tmp_path / "log.md").read_text("utf-8")
    took_s = dict(re.findall(r"^\| (\w+) \| \d+ \| (\d+) \|$", page, re.M))
    assert took_s["waiting"] == "0"
    assert int(took_s["computing"]) >= 2


def test_a_bundle_that_is_there_is_packed_and_not_made() -> None:
    steps = list(build_steps(quick=False, bundle_as_is=False))
    assert steps[0] == "bundle"
    assert list(build_steps(quick=True, bundle_as_is=True)) == steps[1:]


class Makers:
    """Stand-ins for what makes a release's files: how often each ran, and the first that is to fail."""

    def __init__(self, dist: Path) -> None:
        self.dist = dist
        self.ran: list[str] = []
        self.fails = ""
        self.word = "one"

    def make(self, title: str, *names: str) -> None:
        """Write the files of a step."""
        if title == self.fails:
            raise SystemExit(1)
        self.ran.append(title)
        for name in names:
            path = self.dist / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.word if name.endswith(".whl") else "the same")


@pytest.fixture
def makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Makers:
    made = Makers(tmp_path / "dist")
    version = rehearse.version()
    files = (f"stillroom_{version}_amd64.deb", f"stillroom-{version}-x86_64.run")
    steps = {
        "bundle": lambda: made.make("bundle"),
        "installers": lambda: made.make("installers", *files, f"stillroom-{version}.cdx.json"),
        "archive": lambda: made.make("archive", f"stillroom-{version}-linux-x86_64.tar.xz"),
        "wheels": lambda: made.make("wheels", "wheels/stillroom.whl", f"stillroom-{version}.vsix"),
    }
    monkeypatch.setattr(rehearse, "FOLDER", tmp_path / "rehearsal")
    monkeypatch.setattr(rehearse, "DIST", made.dist)
    monkeypatch.setattr(rehearse, "build_steps", lambda **_: steps)
    for name in ("copy", "package"):
        monkeypatch.setattr(rehearse, f"update_an_older_{name}", lambda *_, name=name: made.make(name))
    for name in ("SOURCE_DATE_EPOCH", "PYTHONHASHSEED", "STILLROOM_RELEASES", "STILLROOM_RELEASE_KEY"):
        monkeypatch.setenv(name, "")
    return made


def rehearsed(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rehearse.py", *options])
    return int(rehearse.main())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_rehearsal_that_failed_goes_on_with_its_key_its_address_and_its_time(
    makers: Makers, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers.fails = "archive"
    with pytest.raises(SystemExit):
        rehearsed(monkeypatch)
    notes = json.loads((rehearse.FOLDER / "state.json").read_text("utf-8"))["notes"]
    key = (rehearse.FOLDER / "key.pem").read_text()
    makers.fails = ""
    assert rehearsed(monkeypatch, "--go-on") == 0
    assert makers.ran == ["bundle", "installers", "archive", "wheels", "copy", "package"]
    assert json.loads((rehearse.FOLDER / "state.json").read_text("utf-8"))["notes"] == notes
    assert (rehearse.FOLDER / "key.pem").read_text() == key
    published = {path.name for path in (rehearse.FOLDER / "releases" / "latest").iterdir()}
    assert {"release.json", "release.json.sig", "SHA256SUMS", "SHA256SUMS.sig"} <= published
    assert "release.json.sig | 0.000" in (rehearse.FOLDER / "log.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_differs_the_second_time_is_named_in_the_log(
    makers: Makers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rehearsed(monkeypatch) == 0
    assert rehearsed(monkeypatch, "--go-on", "--twice") == 0
    assert makers.ran[-4:] == ["bundle", "installers", "archive", "wheels"]
    assert "All of it is the same the second time." in (rehearse.FOLDER / "log.md").read_text("utf-8")
    assert rehearsed(monkeypatch) == 0
    makers.word = "two"
    assert rehearsed(monkeypatch, "--go-on", "--twice") == 1
    assert "stillroom.whl: 3 of 3 bytes, the first at 0" in (rehearse.FOLDER / "log.md").read_text("utf-8")
