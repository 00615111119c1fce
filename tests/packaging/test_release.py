"""Everything that the workflows need is there, and the programs that they are made of."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from app.update.release_feed import ReleasePlace, newest_release
from tests.support.folder_server import key_pair, serve_folder

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
SIGN = ROOT / ".github" / "actions" / "sign" / "action.yml"
sys.path.append(str(ROOT / "packaging"))


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / "packaging" / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    return read(WORKFLOWS / "release.yml")


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def all_steps() -> list[dict[str, Any]]:
    return [
        *(step for path in sorted(WORKFLOWS.glob("*.yml")) for step in steps(read(path))),
        *read(SIGN)["runs"]["steps"],
    ]


def test_every_action_is_one_commit_and_says_which_version_that_is() -> None:
    used = [
        line.split("uses: ")[1]
        for path in (*WORKFLOWS.glob("*.yml"), SIGN)
        for line in path.read_text("utf-8").splitlines()
        if "uses: " in line and "uses: ./" not in line
    ]
    assert len(used) > 20
    assert [line for line in used if not re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    # One commit of each.
    assert len({line.split("@")[0] for line in used}) == len(set(used))


def test_every_step_does_one_thing() -> None:
    assert [step for step in all_steps() if ("uses" in step) == ("run" in step)] == []
    # PowerShell goes on after a program that failed, so that a step of two programs would hide the first.
    windows = [
        step
        for path in WORKFLOWS.glob("*.yml")
        for job in read(path)["jobs"].values()
        if job["runs-on"].startswith("windows")
        for step in job["steps"]
    ]
    assert [step["run"] for step in windows if len(step.get("run", "").strip().splitlines()) > 1] == []


def test_every_job_runs_after_jobs_that_exist(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    needed = {name for job in jobs.values() for name in job.get("needs", [])}
    assert needed <= jobs.keys()
    # What publish collects, some job hands over.
    handed = {step["with"]["name"] for step in steps(workflow) if "upload-artifact" in step.get("uses", "")}
    assert needed == handed
    # What needs files of others while it builds cannot keep the rest from being published.
    may_fail = {name for name, job in jobs.items() if job.get("continue-on-error")}
    assert may_fail == {"appimage", "flatpak", "linux-arm64"}
    assert "needs.linux.result == 'success'" in jobs["publish"]["if"]


def test_every_script_and_goal_that_it_runs_exists() -> None:
    commands = "\n".join(step.get("run", "") for step in all_steps()).replace("\\", "/")
    named = set(re.findall(r"(?:packaging|tests)/[\w/.]+\.(?:py|ps1)", commands))
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert len(named) >= 12
    goals = set(re.findall(r"make ([a-z-]+)", commands))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert goals <= made
    assert {"check", "workflows", "test-env"} <= goals


def test_no_job_has_more_rights_than_it_needs() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        loaded = read(path)
        assert loaded["permissions"] == {}
        writing = {name for name, job in loaded["jobs"].items() if "write" in job["permissions"].values()}
        assert writing == ({"publish"} if path.name == "release.yml" else set())
        for step in steps(loaded):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_everything_for_windows_is_signed_before_its_checksum_is_taken(workflow: dict[Any, Any]) -> None:
    names = [step.get("name", "") for step in workflow["jobs"]["windows"]["steps"]]
    order = [
        *("CUDA back end by itself", "Sign the CUDA back end", "CUDA back end to download", "Bundle"),
        *("Sign the programs and libraries", "List of parts, of the files as they are now", "Uninstaller"),
        *("Sign the uninstaller", "Installer", "Sign the installer", "Archive, list of parts"),
        "Install, answer, remove",
    ]
    assert [name for name in names if name in order] == order


def test_only_what_a_tag_names_is_signed(workflow: dict[Any, Any]) -> None:
    signing = [step for step in steps(workflow) if step.get("uses") == "./.github/actions/sign"]
    assert len(signing) == 4
    tag = "startsWith(github.ref, 'refs/tags/v')"
    assert {step["if"] for step in signing} == {f"{tag} && vars.SIGNING_ACCOUNT != ''"}


def test_advisories_are_asked_for_each_week_and_for_a_release(workflow: dict[Any, Any]) -> None:
    weekly = read(WORKFLOWS / "advisories.yml")
    # YAML reads a bare `on` as true.
    assert weekly[True]["schedule"]
    asked = [
        [step["run"] for step in steps(jobs) if "make advisories" in step.get("run", "")]
        for jobs in (workflow, weekly)
    ]
    assert asked[0] == asked[1] != []


def test_the_notes_are_the_versions_section() -> None:
    changelog = (
        "# Changelog\n\n## Unreleased\n\n- New\n\n## 0.2.0 - 2026-12-01\n\n- Old\n\n## 0.1.0\n\n- First\n"
    )
    notes = script("release/release_notes.py")
    assert notes.section(changelog, "0.2.0") == "- Old"
    assert notes.section(changelog, "0.3.0") == "- New"
    assert notes.section(changelog, "0.1.0") == "- First"


def test_the_list_of_parts_names_each_with_its_licence(tmp_path: Path) -> None:
    inside = tmp_path / "bundle" / "_internal"
    for name, metadata in (
        ("numpy-2.4.6", "Name: numpy\nVersion: 2.4.6\nLicense-Expression: BSD-3-Clause\n"),
        ("old_one-1.0", "Name: Old.One\nVersion: 1.0\nClassifier: License :: OSI Approved :: MIT License\n"),
        ("stillroom-0.1.0", "Name: stillroom\nVersion: 0.1.0\n"),
    ):
        (inside / f"{name}.dist-info").mkdir(parents=True)
        (inside / f"{name}.dist-info" / "METADATA").write_text(metadata + "\nText.\n")
    (inside / "licences" / "libssl3_3.0.15-1").mkdir(parents=True)
    (inside / "licences" / "libssl3_3.0.15-1" / "copyright").write_text("Apache-2.0\n")
    path = script("parts_list.py").write_parts_list(tmp_path / "bundle", tmp_path, "0.1.0")
    document = json.loads(path.read_text("utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert [(part["purl"], part["licenses"]) for part in document["components"]] == [
        ("pkg:pypi/numpy@2.4.6", [{"expression": "BSD-3-Clause"}]),
        ("pkg:pypi/old-one@1.0", [{"license": {"name": "MIT License"}}]),
        (
            "pkg:deb/debian/libssl3@3.0.15-1",
            [{"license": {"name": "see licences/libssl3_3.0.15-1/copyright"}}],
        ),
    ]


def artefacts(folder: Path) -> Path:
    """Make what the builds hand over, with a word in each."""
    for name in (
        *(
            f"linux/stillroom_{VERSION}_amd64.deb",
            f"linux/stillroom-{VERSION}-x86_64.run",
            f"linux/stillroom-{VERSION}.cdx.json",
        ),
        *(f"linux/stillroom-{VERSION}-linux-x86_64.tar.xz", f"windows/stillroom-{VERSION}-setup.exe"),
        *(
            f"windows/stillroom-{VERSION}-windows-x86_64.zip",
            f"windows/stillroom-{VERSION}-windows.cdx.json",
            f"linux/wheels/stillroom-{VERSION}-py3-none-any.whl",
        ),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"stand-in for {name}")
    return folder


@pytest.fixture(scope="module")
def publishing() -> ModuleType:
    return script("release/publish.py")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a release is signed by openssl")
def test_what_is_published_is_what_the_program_believes(tmp_path: Path, publishing: ModuleType) -> None:
    secret, public = key_pair()
    out = tmp_path / "release"
    publishing.publish(f"v{VERSION}", artefacts(tmp_path / "artefacts"), out, secret, public)
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.iterdir()
        if not path.name.startswith("SHA256SUMS") and not path.name.endswith(".sig")
    }
    with serve_folder(out) as address:
        found = newest_release(ReleasePlace(address, bytes.fromhex(public)))
    assert found.version == VERSION
    assert {item.kind for item in found.files} == {"linux-deb", "linux-run", "windows-setup"}


def test_what_is_for_arm_is_offered_to_arm_alone(tmp_path: Path, publishing: ModuleType) -> None:
    made = artefacts(tmp_path / "artefacts")
    (made / "linux-arm64").mkdir()
    for name in (f"stillroom_{VERSION}_arm64.deb", f"stillroom-{VERSION}-aarch64.run"):
        (made / "linux-arm64" / name).write_text("a stand-in")
    (made / "linux-arm64" / f"stillroom-{VERSION}-aarch64-linux.cdx.json").write_text("a stand-in")
    publishing.publish(f"v{VERSION}", made, tmp_path / "release")
    files = json.loads((tmp_path / "release" / "release.json").read_text())["files"]
    assert {file["kind"]: file["name"] for file in files} == {
        "linux-deb": f"stillroom_{VERSION}_amd64.deb",
        "linux-run": f"stillroom-{VERSION}-x86_64.run",
        "linux-aarch64-deb": f"stillroom_{VERSION}_arm64.deb",
        "linux-aarch64-run": f"stillroom-{VERSION}-aarch64.run",
        "windows-setup": f"stillroom-{VERSION}-setup.exe",
    }
    # What is for ARM stands in for nothing else.
    for path in (made / "linux").glob("*[0-9].cdx.json"):
        path.unlink()
    with pytest.raises(SystemExit, match="Nothing is published without"):
        publishing.publish(f"v{VERSION}", made, tmp_path / "lacking")


def test_each_processor_has_its_names_and_its_debian() -> None:
    architecture = script("linux/architecture.py").architecture
    intel, arm = architecture("x86_64"), architecture("aarch64")
    assert (intel.debian, intel.release, intel.parts_list) == ("amd64", "bookworm", "")
    # publish.py takes a list whose name ends with a digit for that of x86-64.
    assert (arm.debian, arm.release, arm.parts_list) == ("arm64", "trixie", "-aarch64-linux")
    with pytest.raises(SystemExit, match="this is riscv64"):
        architecture("riscv64")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a release is signed by openssl")
def test_a_key_that_no_bundle_believes_stops_it(tmp_path: Path, publishing: ModuleType) -> None:
    (secret, _), (_, other) = key_pair(), key_pair()
    for public, says in ((other, "not the public half"), ("", "has to be the public half")):
        with pytest.raises(SystemExit, match=says):
            publishing.publish(
                f"v{VERSION}", artefacts(tmp_path / "a"), tmp_path / f"out{says[:3]}", secret, public
            )
    assert list(tmp_path.rglob("*.sig")) == []


def test_a_release_that_lacks_an_installer_or_has_a_name_twice_is_refused(
    tmp_path: Path, publishing: ModuleType
) -> None:
    made = artefacts(tmp_path / "artefacts")
    (made / f"linux/stillroom-{VERSION}-x86_64.run").unlink()
    with pytest.raises(SystemExit, match=r"without \*-x86_64\.run"):
        publishing.publish(f"v{VERSION}", made, tmp_path / "one")
    for system, pattern in (("", r"\*\[0-9\]\.cdx\.json"), ("-windows", r"\*-windows\.cdx\.json")):
        lacks = artefacts(tmp_path / f"lacks{system}")
        next(lacks.rglob(f"stillroom-{VERSION}{system}.cdx.json")).unlink()
        with pytest.raises(SystemExit, match=f"without {pattern}"):
            publishing.publish(f"v{VERSION}", lacks, tmp_path / f"without{system}")
    shutil.copyfile(
        made / f"windows/stillroom-{VERSION}-setup.exe", made / f"linux/stillroom-{VERSION}-setup.exe"
    )
    with pytest.raises(SystemExit, match=f"Two builds made a file of the name stillroom-{VERSION}-setup"):
        publishing.publish(f"v{VERSION}", made, tmp_path / "two")
    with pytest.raises(SystemExit, match=r"The tag says 99\.9\.9"):
        publishing.publish("v99.9.9", made, tmp_path / "three")


def test_a_download_is_the_pinned_file_or_nothing(tmp_path: Path) -> None:
    download = script("release/pinned_download.py")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "tool").write_bytes(b"a tool")
    right = hashlib.sha256(b"a tool").hexdigest()
    with serve_folder(tmp_path / "site") as address:
        target = tmp_path / "tool"
        assert download.fetch(f"{address}/tool", right, target).read_bytes() == b"a tool"
        (tmp_path / "site" / "tool").write_bytes(b"another tool")
        assert download.fetch(f"{address}/tool", right, target).read_bytes() == b"a tool"
        with pytest.raises(SystemExit, match=f"not {right}: nothing of it is used"):
            download.fetch(f"{address}/tool", right, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "tool"]


def test_the_same_bundle_makes_the_same_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    archiving = script("release/archive_bundle.py")
    made = []
    for number in range(2):
        bundle = tmp_path / str(number) / "stillroom"
        (bundle / "_internal").mkdir(parents=True)
        for name in ("b", "a") if number else ("a", "b"):
            (bundle / "_internal" / name).write_text(name)
            os.utime(bundle / "_internal" / name, (number, number))
        made.append([archiving.make_zip(bundle).read_bytes()])
        if sys.platform.startswith("linux"):
            made[-1].append(archiving.make_tar(bundle).read_bytes())
    assert made[0] == made[1]


@pytest.mark.skipif(shutil.which("x86_64-w64-mingw32-gcc") is None, reason="mingw-w64 is not installed")
def test_what_nobody_has_signed_is_listed(tmp_path: Path) -> None:
    listing = script("release/unsigned.py")
    source = tmp_path / "one.c"
    source.write_text(
        "__declspec(dllexport) int one(void) { return 1; }\n__declspec(dllexport) int two = 2;\n"
    )
    library = tmp_path / "bundle" / "_internal" / "one.dll"
    library.parent.mkdir(parents=True)
    subprocess.run(["x86_64-w64-mingw32-gcc", "-shared", "-o", library, source], check=True)
    data = library.read_bytes()
    assert script("windows/portable_executable.py").exported_names(data) == ["one", "two"]
    signed = bytearray(data)
    header = int.from_bytes(data[60:64], "little")
    table = header + 24 + 112 + 8 * 4
    signed[table : table + 8] = len(data).to_bytes(4, "little") + (8).to_bytes(4, "little")
    (library.parent / "theirs.pyd").write_bytes(bytes(signed) + b"signatur")
    (library.parent / "readme.dll").write_text("no program")
    assert listing.unsigned(tmp_path / "bundle") == [library]
    listing.write_catalogue([library], tmp_path / "build" / "unsigned.txt")
    assert (tmp_path / "build" / "unsigned.txt").read_text() == f"../bundle/_internal/{library.name}\n"


class StandInFolder:
    """A Debian folder in which the compiler is a stand-in that makes one wheel, or fails."""

    def __init__(self, folder: Path, status: int) -> None:
        self.folder = folder
        self.script = ""
        self._status = status

    def command(self, script: str, *, environment: list[str]) -> list[str]:
        self.script = script
        assert [pair for pair in environment if pair.startswith("SOURCE_DATE_EPOCH=")]
        make = f"mkdir -p build/cuda/7.5 && touch build/cuda/7.5/one.whl && exit {self._status}"
        return ["sh", "-c", f"cd {self.folder}/src && {make}"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a Debian folder")
@pytest.mark.parametrize("status", [0, 3])
def test_the_cuda_back_end_is_handed_over_where_its_compilers_were_content(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = script("release/cuda_linux.py")
    folder = StandInFolder(tmp_path / "debian", status)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    monkeypatch.setattr(sys, "argv", ["cuda_linux.py", "--release"])
    monkeypatch.setattr(making, "ROOT", tmp_path / "checkout")
    monkeypatch.setattr(making, "releases_debian", lambda: folder)
    monkeypatch.setattr(making, "create", lambda _: None)
    monkeypatch.setattr(making, "copy_sources", lambda target: target.mkdir(parents=True))
    assert making.main() == status
    assert folder.script.endswith("packaging/engine/build_cuda.py --release")
    handed = [path.name for path in (tmp_path / "checkout").rglob("*.whl")]
    assert handed == ([] if status else ["one.whl"])
