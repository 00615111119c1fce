"""Publish the CUDA back end on its own: from the wheel of `make engine ENGINE_FLAGS=--cuda` to a small one.

    python packaging/engine/cuda_back_end.py unpack build/cuda FOLDER
    python packaging/engine/cuda_back_end.py publish build/cuda ADDRESS OUT [--library FOLDER]

`unpack` puts the library of the one wheel in build/cuda into FOLDER, where it can be signed. `publish` writes
OUT/llama_cpp_python-VERSION-cuda13-PLATFORM.whl, which holds the back end alone, with the library as it now
is in FOLDER, and build/cuda_back_end.json, by which the bundle that is made next knows its address, size and
checksum. The bundle's llama.cpp must be of the same version.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
PIN = ROOT / "build" / "cuda_back_end.json"
BACK_ENDS = ("libggml-cuda.so", "ggml-cuda.dll")


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Publish the CUDA back end on its own.")
    commands = parser.add_subparsers(dest="command", required=True)
    unpacked = commands.add_parser("unpack", help="take the library out of the wheel")
    published = commands.add_parser("publish", help="make the small wheel")
    for command in (unpacked, published):
        command.add_argument("wheels", type=Path, help="the folder with the engine's wheel")
    unpacked.add_argument("folder", type=Path)
    published.add_argument("address")
    published.add_argument("out", type=Path)
    published.add_argument("--library", type=Path, help="the folder that the library was unpacked into")
    options = parser.parse_args()
    wheel = only_wheel(options.wheels)
    if options.command == "unpack":
        print(unpack(wheel, options.folder))
        return 0
    path, pin = publish(wheel, options.address, options.out, options.library)
    PIN.parent.mkdir(exist_ok=True)
    PIN.write_text(json.dumps(pin, indent=2) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")
    return 0


def only_wheel(folder: Path) -> Path:
    """The one wheel in the folder; where there is none or several, ends with a sentence."""
    wheels = sorted(folder.rglob("*.whl"))
    if len(wheels) != 1:
        found = ", ".join(str(wheel.relative_to(folder)) for wheel in wheels) or "none"
        raise SystemExit(f"One wheel is needed in {folder}, but found: {found}. Delete what is not wanted.")
    return wheels[0]


def unpack(wheel: Path, folder: Path) -> Path:
    """The library alone, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as source:
        name = library_in(source)
        path = folder / PurePosixPath(name).name
        path.write_bytes(source.read(name))
    return path


def library_in(wheel: zipfile.ZipFile) -> str:
    """The name of the back end's library in the wheel. Refuses a wheel without one."""
    for name in wheel.namelist():
        if PurePosixPath(name).name in BACK_ENDS:
            return name
    raise SystemExit(f"{wheel.filename} has no CUDA back end: make it with ENGINE_FLAGS=--cuda.")


def publish(
    wheel: Path, address: str, out: Path, unpacked: Path | None = None
) -> tuple[Path, dict[str, object]]:
    """The small wheel in `out`, and what `app.cuda.pins.BackEndPin` reads of it. The licences of llama.cpp's
    authors have to be in it."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as source:
        library = library_in(source)
        names = source.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        licences = [name for name in names if ".dist-info/" in name and "LICENSE" in name.upper()]
        if not any(b"The ggml authors" in source.read(name) for name in licences):
            raise SystemExit(f"{wheel.name} has no licence of llama.cpp: make it anew.")
        version = wheel.name.split("-")[1]
        tag = wheel.name.rsplit("-", 1)[1]
        path = out / f"llama_cpp_python-{version}-cuda13-{tag}"
        code = (unpacked / PurePosixPath(library).name).read_bytes() if unpacked else source.read(library)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
            for name in (library, metadata, *licences):
                # Of the time that the wheel has: the same wheel makes the same file.
                entry = zipfile.ZipInfo(name, source.getinfo(name).date_time)
                entry.external_attr = source.getinfo(name).external_attr
                entry.compress_type = zipfile.ZIP_DEFLATED
                target.writestr(entry, code if name == library else source.read(name))
    return path, {
        "address": address,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "llama_cpp": version,
        "unpacked_bytes": len(code),
    }


if __name__ == "__main__":
    sys.exit(main())
