"""Publish the CUDA back end on its own: from the wheel of `make engine ENGINE_FLAGS=--cuda` to a small one.

    python packaging/engine/cuda_back_end.py build/engine/llama_cpp_python-*.whl ADDRESS OUT

writes OUT/llama_cpp_python-VERSION-cuda13-PLATFORM.whl, which holds the back end alone, and
build/cuda_back_end.json, by which the bundle that is made next knows its address, size and checksum. The
bundle's llama.cpp must be of the same version.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
PIN = ROOT / "build" / "cuda_back_end.json"
BACK_ENDS = ("libggml-cuda.so", "ggml-cuda.dll")


def main() -> int:
    """Write both files."""
    wheel, address, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    path, pin = publish(wheel, address, out)
    PIN.parent.mkdir(exist_ok=True)
    PIN.write_text(json.dumps(pin, indent=2) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")
    return 0


def publish(wheel: Path, address: str, out: Path) -> tuple[Path, dict[str, object]]:
    """The small wheel in `out`, and what `app.cuda.pins.BackEndPin` reads of it."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as source:
        names = source.namelist()
        library = next((name for name in names if PurePosixPath(name).name in BACK_ENDS), None)
        if library is None:
            raise SystemExit(f"{wheel.name} has no CUDA back end: make it with ENGINE_FLAGS=--cuda.")
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        licences = [name for name in names if ".dist-info/" in name and "LICENSE" in name.upper()]
        version = wheel.name.split("-")[1]
        tag = wheel.name.rsplit("-", 1)[1]
        path = out / f"llama_cpp_python-{version}-cuda13-{tag}"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
            for name in (library, metadata, *licences):
                target.writestr(name, source.read(name))
        size = source.getinfo(library).file_size
    return path, {
        "address": address,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "llama_cpp": version,
        "unpacked_bytes": size,
    }


if __name__ == "__main__":
    sys.exit(main())
