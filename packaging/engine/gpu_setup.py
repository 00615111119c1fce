"""Check a card without a network: `python3 packaging/engine/gpu_setup.py [--minutes 9] [-- OPTION ...]`.

Needs this repository, which may be that of the kit, with build/gpu-kit (`make gpu-kit`), Python 3.12 and, to
compile llama.cpp, cmake, a C++ compiler and for CUDA its toolkit; without a toolkit the kit's own back ends
for cards are taken. It compiles llama.cpp, llama-bench and test-backend-ops for this computer into
build/gpu-env and hands over to `tests.perf.gpu_check` with the options behind `--`. The same command goes on
where it was ended; with `--minutes` it ends by itself in time (exit status 3: once more).
"""

import argparse
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = "cuda-architectures"
"""The file of the kit that names the compute capabilities its CUDA back end was compiled for."""
KIT = ROOT / "build" / "gpu-kit"
FOLDER = ROOT / "build" / "gpu-env"
SITE = FOLDER / "site"
NOT_FINISHED = 3
TARGETS = ("llama", "ggml", "ggml-cpu", "likely_tokens", "llama-bench", "test-backend-ops")
LIKELY_TOKENS = ROOT / "packaging" / "engine" / "likely_tokens" / "likely_tokens.cmake"
LINKED = ("llama", "ggml", "ggml-base", "likely_tokens")
TOOLKITS = ("/usr/local/cuda/bin", "/usr/local/cuda-13/bin", "/opt/cuda/bin")
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DGGML_NATIVE=OFF",
    "-DGGML_BACKEND_DL=ON",
    "-DGGML_CPU_ALL_VARIANTS=OFF",
    "-DGGML_CUDA_NCCL=OFF",
    "-DGGML_CCACHE=OFF",
    "-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
    "-DLLAMA_BUILD_TESTS=ON",
    "-DLLAMA_BUILD_TOOLS=ON",
    *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("APP", "EXAMPLES", "SERVER", "UI")),
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={LIKELY_TOKENS}",
)


class OutOfTime(Exception):
    """The minutes are over; what is compiled stays."""


def main() -> int:
    """Set up, then check; the exit status is the check's, or 3 where the time was over before."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="end after these; 0 has no end")
    parser.add_argument("--set-up-only", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at a time")
    parser.add_argument("check", nargs="*", help="options of tests.perf.gpu_check, behind --")
    options = parser.parse_args()
    until_s = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    try:
        set_up(until_s, options.jobs)
        if options.set_up_only:
            return 0
        left_s = left(until_s)
    except OutOfTime:
        print("The time is over. The same command goes on where this one ends.")
        return NOT_FINISHED
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        raise SystemExit(f"This command failed with status {error.returncode}: {command}") from error
    command = [sys.executable, "-m", "tests.perf.gpu_check", *options.check]
    if left_s is not None:
        command += ["--minutes", f"{left_s / 60:.2f}"]
    return subprocess.run(command, cwd=ROOT, env=environment(os.environ), check=False).returncode


def left(until_s: float) -> float | None:
    """The seconds that are left, None where there is no end. Raises `OutOfTime`."""
    if until_s == float("inf"):
        return None
    left_s = until_s - time.monotonic()
    if left_s < 1:
        raise OutOfTime
    return left_s


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables with which the engine in build/gpu-env is found, and the tools beside it."""
    places = [str(SITE), str(ROOT), *inherited.get("PYTHONPATH", "").split(os.pathsep)]
    libraries = [*cuda_libraries(), *inherited.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(place for place in places if place),
        "LD_LIBRARY_PATH": os.pathsep.join(place for place in libraries if place),
        "STILLROOM_LLAMA_TOOLS": str(FOLDER / "llama.cpp" / "bin"),
        "STILLROOM_HOME": str(FOLDER / "home"),
    }


def cuda_libraries() -> list[str]:
    """Where a computer without a toolkit has cudart and cublas: NVIDIA's packages of the Python index."""
    found = [Path(place) / "nvidia" / "cu13" / "lib" for place in sys.path]
    return [str(folder) for folder in found if folder.is_dir()]


def set_up(until_s: float, jobs: int) -> None:
    """Make build/gpu-env of the kit; what is there already is kept."""
    if not KIT.is_dir():
        raise SystemExit(f"{KIT} is not there: `make gpu-kit` makes it on a computer with a network.")
    SITE.mkdir(parents=True, exist_ok=True)
    install_wheels()
    tree = FOLDER / "source"
    if not (FOLDER / "unpacked").exists():
        shutil.rmtree(tree, ignore_errors=True)
        with tarfile.open(KIT / "llama-cpp-python.tar.xz") as archive:
            archive.extractall(tree, filter="data")
        (FOLDER / "unpacked").touch()
    compile_llama_cpp(tree, until_s, jobs)
    install_engine(tree)


def install_wheels() -> None:
    """Install what this Python lacks of the kit's packages."""
    stamp = FOLDER / "wheels-installed"
    if stamp.exists():
        return
    wheels = [str(wheel) for wheel in sorted((KIT / "wheels").glob("*.whl"))]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--upgrade", "--target", str(SITE), *wheels], check=True)
    stamp.touch()


def cuda_options() -> list[str] | None:
    """CMake's options to compile the CUDA back end for the card that is here; None where it cannot be, with a
    sentence that says why."""
    if not any(path.exists() for path in (Path("/dev/nvidia0"), Path("/dev/dxg"))):
        print("There is no NVIDIA card with a driver here: llama.cpp is compiled without CUDA.", flush=True)
        return None
    found = shutil.which("nvcc", path=os.pathsep.join([os.environ.get("PATH", ""), *TOOLKITS]))
    if found is None:
        print(f"There is no CUDA toolkit here: the kit's back ends are taken.{kit_lacks()}", flush=True)
        return None
    nvcc = Path(found).resolve()
    options = ["-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=native", f"-DCMAKE_CUDA_COMPILER={nvcc}"]
    if any(nvcc.parents[1].glob(place) for place in ("lib64/libcublas.so", "targets/*/lib/libcublas.so")):
        return options
    for folder in map(Path, cuda_libraries()):
        cublas, headers = next(folder.glob("libcublas.so.*"), None), folder.parent / "include"
        if cublas is not None and (headers / "cublas_v2.h").exists():
            # NVIDIA's packages have no names to link by.
            return [*options, f"-DCUDA_cublas_LIBRARY={cublas}", f"-DCMAKE_CUDA_FLAGS=-I{headers}"]
    print(f"The CUDA toolkit here has no cublas: the kit's back ends are taken.{kit_lacks()}", flush=True)
    return None


def kit_lacks() -> str:
    """Give a sentence where the kit's CUDA back end has no code for the card that is here, else nothing."""
    known = kit_architectures()
    if not known:
        return " It has none for CUDA: `make cuda` before `make gpu-kit`."
    asked = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return ""
    if not said or any(serves(one, said[0]) for one in known):
        return ""
    return (
        f" Its CUDA back end is for {', '.join(known)}, and this card has {said[0]}: `make cuda "
        f'CUDA_FLAGS="--architectures {said[0]}"` before `make gpu-kit`.'
    )


def kit_architectures() -> list[str]:
    """The compute capabilities that the kit's CUDA back end was compiled for; empty where there is none."""
    try:
        return (KIT / "back-ends" / ARCHITECTURES).read_text("utf-8").split()
    except FileNotFoundError:
        return []


def serves(compiled: str, card: str) -> bool:
    """Tell whether code for one compute capability runs on a card of another: of the same generation and no
    newer; the portable form (`+PTX`) on all that is newer."""
    (major, minor), (its_major, its_minor) = (
        tuple(map(int, text.removesuffix("+PTX").split("."))) for text in (compiled, card)
    )
    if compiled.endswith("+PTX"):
        return (major, minor) <= (its_major, its_minor)
    return major == its_major and minor <= its_minor


def compile_llama_cpp(tree: Path, until_s: float, jobs: int) -> None:
    """Compile what is missing; ended in time, ninja goes on with the next file."""
    build, cuda = FOLDER / "llama.cpp", cuda_options()
    if not any((build / name).exists() for name in ("build.ninja", "Makefile")):
        shutil.rmtree(build, ignore_errors=True)
        maker = "Ninja" if shutil.which("ninja") else "Unix Makefiles"
        command = ["cmake", "-S", str(tree / "vendor" / "llama.cpp"), "-B", str(build), "-G", maker]
        run_until([*command, *OPTIONS, *processor_options(), *(cuda or ())], until_s)
    names = [*TARGETS, *(["ggml-cuda"] if cuda is not None else [])]
    command = ["cmake", "--build", str(build), "--parallel", str(jobs), "--target", *names]
    run_until(command, until_s)


def processor_options() -> list[str]:
    """The instructions that this processor has beyond AVX2, which every computer with such a card has: ggml
    does not take its own `native` together with back ends that are loaded at run time."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8").partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return []
    known = {"avx512f": "AVX512", "avx512_vnni": "AVX512_VNNI", "avx512_bf16": "AVX512_BF16"}
    return [f"-DGGML_{option}=ON" for flag, option in known.items() if flag in flags]


def run_until(command: Sequence[str], until_s: float) -> None:
    """Run it to its end. Raises `OutOfTime` where that does not come in time; it is ended then."""
    with subprocess.Popen(command, start_new_session=True) as running:
        try:
            if running.wait(left(until_s)):
                raise subprocess.CalledProcessError(running.returncode, command)
        except subprocess.TimeoutExpired as error:
            # ninja, too, and its compilers.
            os.killpg(running.pid, signal.SIGTERM)
            raise OutOfTime from error


def install_engine(tree: Path) -> None:
    """Put the binding and the libraries where the engine looks for them: what it links to in `lib`, the back
    ends in `bin`."""
    package, built = SITE / "llama_cpp", FOLDER / "llama.cpp"
    shutil.copytree(tree / "llama_cpp", package, dirs_exist_ok=True)
    for folder in ("lib", "bin"):
        (package / folder).mkdir(exist_ok=True)
    linked = {f"lib{name}.so" for name in LINKED}
    libraries = {path.name: path for path in unpacked_back_ends()}
    libraries |= {path.name: path for place in (built, built / "bin") for path in place.glob("lib*.so")}
    for name, path in libraries.items():
        if name in linked or name.startswith("libggml-"):
            link(path, package / ("lib" if name in linked else "bin") / name)
            # llama-bench takes the back ends that lie beside it.
            if not (built / "bin" / name).exists():
                link(path, built / "bin" / name)
    describe("llama-cpp-python", tree / "PKG-INFO")
    describe("stillroom", ROOT / "pyproject.toml")


def unpacked_back_ends() -> list[Path]:
    """The kit's back ends, unpacked into build/gpu-env unless they are there."""
    folder = FOLDER / "back-ends"
    folder.mkdir(exist_ok=True)
    for packed in (KIT / "back-ends").glob("*.so.xz"):
        library = folder / packed.stem
        if not library.exists() or library.stat().st_mtime < packed.stat().st_mtime:
            part = library.with_suffix(".part")
            part.write_bytes(lzma.decompress(packed.read_bytes()))
            part.replace(library)
    return sorted(folder.glob("*.so"))


def describe(name: str, source: Path) -> None:
    """Let importlib.metadata find the version that `source` names, as if a wheel had been installed."""
    found = re.search(r"^version\s*[:=]\s*\"?([\w.]+)", source.read_text("utf-8"), re.M | re.I)
    assert found is not None, source
    metadata = SITE / f"{name.replace('-', '_')}-{found[1]}.dist-info"
    metadata.mkdir(exist_ok=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {found[1]}\n"
    (metadata / "METADATA").write_text(text, "utf-8")


def link(source: Path, target: Path) -> None:
    """Give the file another name too, whatever was there before."""
    target.unlink(missing_ok=True)
    target.symlink_to(source)


if __name__ == "__main__":
    sys.exit(main())
