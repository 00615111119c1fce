"""Which version of what is in a bundle: its list, and `stillroom doctor --json`, which tells the same."""

import importlib.metadata
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

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


def test_the_list_has_the_locks_versions_and_doctor_tells_the_same(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_list, lock = script("parts_list", monkeypatch), script("lock", monkeypatch)
    pins = {pin.name: pin for pin in lock.read_lock(PACKAGING / "locks" / "bundle.txt")}
    locked = {f"{name}=={pin.version}": [word[-64:] for word in pin.hashes] for name, pin in pins.items()}
    origins = {name: {"file": f"{name}.whl", "sha256": pin.hashes[0][-64:]} for name, pin in pins.items()}
    parts_list.put_into(bundle, "1.2.3", origins, locked)
    listed = (bundle / parts_list.INSIDE).read_bytes()
    beside = parts_list.write_parts_list(bundle, tmp_path, "1.2.3")
    assert beside.read_bytes() == listed
    found = read_list(listed)
    assert len(found) > 60
    for part in found:
        pin = pins[part.name.lower().replace("_", "-").replace(".", "-")]
        assert (part.version, part.sha256) == (pin.version, pin.hashes[0][-64:])
        assert part.licence
    # As it is in the bundle, and as it is here.
    monkeypatch.setattr(told, "files", lambda _: bundle / "_internal" / "resources")
    assert parts() == sorted(found, key=lambda part: part.name.lower())
    monkeypatch.undo()
    # Imported (keyring does), it takes the place of the standard library's, and raises for what is missing.
    importlib.import_module("importlib_metadata")
    here = {(part.name, part.version) for part in parts()}
    assert {(part.name, part.version) for part in found} <= here


def test_a_package_from_elsewhere_stops_the_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_list = script("parts_list", monkeypatch)
    for folder in (bundle / "_internal").glob("*.dist-info"):
        if not folder.name.startswith("numpy-"):
            shutil.rmtree(folder)
    version = importlib.metadata.version("numpy")
    locked = {f"numpy=={version}": ["a" * 64]}
    for origins in ({}, {"numpy": {"file": "numpy.whl", "sha256": "b" * 64}}):
        with pytest.raises(SystemExit, match=f"numpy=={version} in the bundle came from no file"):
            parts_list.put_into(bundle, "1", origins, locked)
    wheel = tmp_path / f"numpy-{version}.whl"
    wheel.write_bytes(b"compiled here")
    parts_list.put_into(bundle, "1", {"numpy": parts_list.compiled_origin(wheel)}, locked)
    [part] = json.loads((bundle / parts_list.INSIDE).read_text("utf-8"))["components"]
    assert part["properties"] == [{"name": "stillroom:file", "value": wheel.name}]
