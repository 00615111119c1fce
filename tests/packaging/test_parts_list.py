"""Which version of what is in a bundle: its list, and `stillroom doctor --json`, which tells the same."""

import contextlib
import importlib.metadata
import importlib.util
import json
import shutil
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

from app.base import bill_of_materials as told
from app.base.bill_of_materials import parts, read_list

PACKAGING = Path(__file__).parents[2] / "packaging"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGING))
    spec = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notes of every package that Stillroom needs, where a bundle has them."""
    bundle_parts = script("bundle_parts", monkeypatch)
    inside = tmp_path / "bundle" / "_internal"
    for name in bundle_parts.dependencies("stillroom"):
        for source, place in bundle_parts.metadata_files(name):
            (inside / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, inside / place)
    (inside / "resources").mkdir()
    return tmp_path / "bundle"


def owners_of(bundle: Path, monkeypatch: pytest.MonkeyPatch, sources: dict[str, str] | None = None) -> Any:
    """Whose the files are, where PyInstaller took them from `sources`."""
    file_owners = script("file_owners", monkeypatch)
    return file_owners.Owners(sources or {}, [Path(sysconfig.get_path("purelib"))])


def test_the_list_has_the_locks_versions_and_doctor_tells_the_same(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_list, lock = script("parts_list", monkeypatch), script("lock", monkeypatch)
    pins = {pin.name: pin for pin in lock.read_lock(PACKAGING / "locks" / "bundle.txt")}
    locked = {f"{name}=={pin.version}": [word[-64:] for word in pin.hashes] for name, pin in pins.items()}
    origins = {name: {"file": f"{name}.whl", "sha256": pin.hashes[0][-64:]} for name, pin in pins.items()}
    files = owners_of(bundle, monkeypatch)
    parts_list.put_into(bundle, "1.2.3", origins, locked, files.of)
    listed = (bundle / parts_list.INSIDE).read_bytes()
    beside = parts_list.write_parts_list(bundle, tmp_path, "1.2.3")
    assert beside.read_bytes() == listed
    found = read_list(listed)
    assert len(found) > 60
    for part in found:
        if part.name in ("python", "sqlite"):
            continue
        pin = pins[part.name.lower().replace("_", "-").replace(".", "-")]
        assert (part.version, part.sha256) == (pin.version, pin.hashes[0][-64:])
        assert part.licence
    # As it is in the bundle, and as it is here.
    monkeypatch.setattr(told, "files", lambda _: bundle / "_internal" / "resources")
    assert parts() == sorted(found, key=lambda part: part.name.lower())
    monkeypatch.undo()
    # Imported (keyring does, before Python 3.12), it takes the place of the standard library's, and raises
    # for what is missing.
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("importlib_metadata")
    here = {(part.name, part.version) for part in parts()}
    assert {(part.name, part.version) for part in found if part.name not in ("python", "sqlite")} <= here


def test_a_package_from_elsewhere_stops_the_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_list = script("parts_list", monkeypatch)
    for folder in (bundle / "_internal").glob("*.dist-info"):
        if not folder.name.startswith("numpy-"):
            shutil.rmtree(folder)
    version = importlib.metadata.version("numpy")
    files = owners_of(bundle, monkeypatch)
    locked = {f"numpy=={version}": ["a" * 64]}
    for origins in ({}, {"numpy": {"file": "numpy.whl", "sha256": "b" * 64}}):
        with pytest.raises(SystemExit, match=f"numpy=={version} in the bundle came from no file"):
            parts_list.put_into(bundle, "1", origins, locked, files.of)
    wheel = tmp_path / f"numpy-{version}.whl"
    wheel.write_bytes(b"compiled here")
    parts_list.put_into(bundle, "1", {"numpy": parts_list.compiled_origin(wheel)}, locked, files.of)
    [part] = json.loads((bundle / parts_list.INSIDE).read_text("utf-8"))["components"]
    assert part["properties"] == [{"name": "stillroom:file", "value": wheel.name}]


def test_every_file_is_named_with_its_part_and_a_stranger_stops_the_bundle(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_list, file_owners = script("parts_list", monkeypatch), script("file_owners", monkeypatch)
    inside = bundle / "_internal"
    for folder in inside.glob("*.dist-info"):
        if not folder.name.startswith("numpy-"):
            shutil.rmtree(folder)
    taken = {
        "numpy/__init__.py": str(Path(numpy.__file__)),
        "libsqlite3.so.0": "/usr/local/lib/libsqlite3.so.0.8.6",
        "resources/LICENSE": str(PACKAGING.parent / "LICENSE"),
    }
    for source, folder in file_owners.programs_licences():
        (inside / folder).mkdir(parents=True)
        shutil.copyfile(source, inside / folder / "copyright")
    for place in (*taken, "base_library.zip"):
        (inside / place).parent.mkdir(parents=True, exist_ok=True)
        (inside / place).write_text(f"stand-in for {place}")
    wheel = bundle.parent / "numpy.whl"
    wheel.write_bytes(b"compiled here")
    origins = {"numpy": parts_list.compiled_origin(wheel)}
    owner_of = owners_of(bundle, monkeypatch, taken).of
    parts_list.put_into(bundle, "1", origins, {}, owner_of)
    listed = json.loads((bundle / parts_list.INSIDE).read_text("utf-8"))
    named = {
        file["name"]: part["name"]
        for part in (*listed["components"], listed["metadata"]["component"])
        for file in part["components"]
    }
    assert named.keys() == {
        path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()
    } - {parts_list.INSIDE.as_posix()}
    assert named["_internal/numpy/__init__.py"] == "numpy"
    assert named["_internal/libsqlite3.so.0"] == "sqlite"
    assert named["_internal/base_library.zip"] == "python"
    assert named["_internal/resources/LICENSE"] == "stillroom"
    (inside / "libnobody.so.1").write_text("from nowhere")
    with pytest.raises(SystemExit, match=r"_internal/libnobody\.so\.1 \(of unknown origin\)"):
        parts_list.put_into(bundle, "1", origins, {}, owner_of)


def test_a_part_without_a_licence_stops_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts_list = script("parts_list", monkeypatch)
    package = tmp_path / "_internal" / "odd_one-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: odd.one\nVersion: 1.0\n\n")
    with pytest.raises(SystemExit, match=r"odd\.one 1\.0 in the bundle has no licence"):
        parts_list.require_licences(tmp_path, parts_list.parts(tmp_path, {}))
    (package / "LICENSE").write_text("Do as you please.")
    parts_list.require_licences(tmp_path, parts_list.parts(tmp_path, {}))
    library = tmp_path / "_internal" / "licences" / "libz_1.3"
    library.mkdir(parents=True)
    (library / "copyright").write_text("")
    with pytest.raises(SystemExit, match=r"libz 1\.3 in the bundle has no licence"):
        parts_list.require_licences(tmp_path, parts_list.parts(tmp_path, {}))


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="no dpkg here")
def test_a_name_that_was_moved_aside_belongs_to_the_package_that_has_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian 13's libreadline8t64 has it between being unpacked and being configured."""
    file, database = tmp_path / "usr" / "lib" / "libread.so.8.2", tmp_path / "dpkg"
    file.parent.mkdir(parents=True)
    file.touch()
    (file.parent / "libread.so.8").symlink_to(file.name)
    (tmp_path / "lib").symlink_to("usr/lib")
    (database / "info").mkdir(parents=True)
    (database / "updates").mkdir()
    (database / "status").write_text(
        "Package: libread\nStatus: install ok unpacked\nArchitecture: all\nVersion: 8.2\n"
        "Maintainer: nobody\nDescription: none\n\n"
    )
    (database / "info" / "format").write_text("1\n")
    (database / "info" / "libread.list").write_text(f"{file}\n{file.parent}/libread.so.8\n")
    moved = tmp_path / "lib" / "libread.so.8"
    (database / "diversions").write_text(f"{moved}\n{moved}.usr-is-merged\nlibread\n")
    monkeypatch.setenv("DPKG_ADMINDIR", str(database))
    owner_of = script("file_owners", monkeypatch).debian_package
    assert owner_of(moved) == "libread"
    assert owner_of(file) == "libread"
    assert owner_of(tmp_path / "lib" / "libother.so") is None
