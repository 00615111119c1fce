"""Put together what `make gpu-check` needs on a computer without a network: `make gpu-kit`.

A computer with a card has Python 3.12 and a CUDA 13 toolkit, or the driver alone; it gets build/gpu-kit, and
`python3 packaging/engine/gpu_setup.py` there does the rest. In the kit are the locked wheels of what the
engine imports, llama.cpp's source with our changes, as far as it is compiled, the back ends for cards that
were compiled here (`make engine`, `make cuda`), for a computer without a toolkit, and this repository, as far
as the check reads it. All together are at most 64 MB. With `--beside-repository` it holds neither the
repository, which is brought as it is, nor CUDA's back end, which a toolkit compiles there.
"""

import argparse
import io
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.gpu_setup import ARCHITECTURES
from engine.patch_series import apply_series
from environment import LOCKS, ROOT, llama_archive, pinned, unpack

FOLDER = ROOT / "build" / "gpu-kit"
SOURCE = "llama-cpp-python.tar.xz"
REPOSITORY = "stillroom.tar.xz"
COMMIT_FILE = "commit"
"""Names the commit where git is not asked; the check reads it (tests/perf/gpu_check/card.py)."""
MOST_BYTES = 64_000_000
PYTHON = "3.12"
PACKAGES = (
    "diskcache",
    "filelock",
    "gguf",
    "jinja2",
    "markupsafe",
    "msgspec",
    "numpy",
    "nvidia-ml-py",
    "platformdirs",
    "psutil",
    "pytest",
    "iniconfig",
    "pluggy",
    "pygments",
    "packaging",
    "pyyaml",
    "typing-extensions",
)
"""Imported by the engine, the converter and the check; the computer's own are taken where they are there."""

PLATFORMS = ("2_28", "2_27", "2_26", "2_17", "2_12", "2_5")
COMPILED = ("cmake", "common", "ggml", "include", "licenses", "src", "tests", "tools", "vendor")
"""llama.cpp's folders that its build reads."""

UNREAD = re.compile(
    r"ggml/src/ggml-(cann|et|hexagon|hip|metal|musa|opencl|openvino|sycl|virtgpu|webgpu|zdnn|zendnn)/(?!CMakeLists)"
    r"|\.(png|jpe?g|gif|mp3|wav|gz|ttf|woff2?)$"
)
"""Back ends of other makers' cards; pictures and sounds of tools and tests."""


UNUSED = re.compile(r"^(docs|\.github|resources/fonts|packaging/(editor|windows|linux))/|\.(png|ts|qm|ico)$")
"""The files of this repository that no check of a card reads."""


def main() -> int:
    """Make it anew, and print how large it is."""
    parser = argparse.ArgumentParser(description="Make the kit for `make gpu-check` without a network.")
    parser.add_argument("--beside-repository", action="store_true", help="the repository is brought as it is")
    beside = parser.parse_args().beside_repository
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "back-ends").mkdir(parents=True)
    try:
        fetch_wheels(FOLDER / "wheels")
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"pip could not fetch the wheels (status {error.returncode}).") from error
    pack_source(FOLDER / SOURCE)
    for wheel in compiled_here():
        is_cuda = wheel.parent.parent.name == "cuda"
        if is_cuda and beside:
            continue
        take_back_ends(wheel, FOLDER / "back-ends")
        if is_cuda:
            print(f"The CUDA back end in it is for {wheel.parent.name.replace('-', ', ')}.")
    files = tracked_files()
    if not beside:
        pack_repository(files, FOLDER / REPOSITORY)
    kit = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    tree = sum((ROOT / name).stat().st_size for name in files) if beside else 0
    both = f", with the repository {(kit + tree) / 1e6:.1f} MB" if beside else ""
    print(f"{FOLDER}: {kit / 1e6:.1f} MB{both}")
    if kit + tree > MOST_BYTES:
        raise SystemExit(f"That is more than {MOST_BYTES / 1e6:.0f} MB; a smaller back end is needed.")
    return 0


def tracked_files() -> list[str]:
    """The files of this repository by their places in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def pack_repository(files: Sequence[str], target: Path) -> None:
    """Pack those of its files that the check reads."""
    with tarfile.open(target, "w:xz") as archive:
        for name in files:
            if not UNUSED.search(name):
                archive.add(ROOT / name, name, recursive=False)
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, check=True
        )
        entry = tarfile.TarInfo(COMMIT_FILE)
        entry.size = len(commit.stdout)
        archive.addfile(entry, io.BytesIO(commit.stdout))


def fetch_wheels(folder: Path) -> None:
    """Fetch the locked wheels for `PYTHON` on Linux, each by its hash."""
    text = (LOCKS / "test.txt").read_text("utf-8")
    entries = {match[1]: match[0] for match in re.finditer(r"^([\w.-]+)==.*(?:\n    --hash=.*)+", text, re.M)}
    lines = [entries[name].replace(" ; ", " # ") for name in PACKAGES]
    with tempfile.TemporaryDirectory() as place:
        lock = Path(place) / "kit.txt"
        lock.write_text("\n".join(_without_marker(line) for line in lines) + "\n", "utf-8")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps"]
        command += ["--require-hashes", "--only-binary", ":all:", "--implementation", "cp"]
        command += ["--python-version", PYTHON, "--dest", str(folder), "-r", str(lock)]
        for version in PLATFORMS:
            command += ["--platform", f"manylinux_{version}_x86_64"]
        subprocess.run([*command, "--platform", "manylinux2014_x86_64"], check=True)


def _without_marker(entry: str) -> str:
    return re.sub(r" #[^\n\\]*", " ", entry, count=1)


def pack_source(target: Path) -> None:
    """Pack llama-cpp-python's source with our changes, without what the build does not read."""
    with tempfile.TemporaryDirectory() as place:
        tree = unpack(llama_archive(), Path(place))
        apply_series(tree, pinned("llama-cpp-python").partition("==")[2])
        with tarfile.open(target, "w:xz") as archive:
            for file in sorted(path for path in tree.rglob("*") if path.is_file()):
                name = file.relative_to(tree).as_posix()
                if is_needed(name):
                    archive.add(file, name, recursive=False)


def is_needed(name: str) -> bool:
    """Tell whether the build, or the binding, reads the file of the source archive."""
    if name.startswith("llama_cpp/"):
        return name.endswith((".py", ".typed"))
    inner = name.removeprefix("vendor/llama.cpp/")
    if inner == name:
        return name in ("LICENSE.md", "PKG-INFO")
    top, _, rest = inner.partition("/")
    return (not rest or top in COMPILED) and not UNREAD.search(inner)


def compiled_here() -> list[Path]:
    """The wheels of `make engine` and `make cuda`, as far as they are there."""
    return sorted([*ROOT.glob("build/engine/*.whl"), *ROOT.glob("build/cuda/*/*.whl")])


def take_back_ends(wheel: Path, folder: Path) -> None:
    """Take the libraries for cards out of a wheel, packed: CUDA's is three times as large as it is."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if re.search(r"/libggml-(cuda|vulkan)\.so$", name):
                (folder / f"{Path(name).name}.xz").write_bytes(lzma.compress(archive.read(name)))
    if wheel.parent.parent.name == "cuda":
        # build_cuda.py names its folder by them.
        (folder / ARCHITECTURES).write_text(wheel.parent.name.replace("-", " "), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
