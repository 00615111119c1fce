"""Make the .deb and the .run for Linux on ARM on a computer that is none, install and ask them, as root:
`python packaging/release/rehearse_arm.py MODEL.gguf`.

The release makes it on ARM itself. Here llama.cpp is cross-compiled (gcc for aarch64, without Vulkan),
Debian's and Python's packages are unpacked by this computer's programs, PyInstaller is run by this computer's
kind of Debian's Python (native_python.py), and what PyInstaller starts and the program itself run emulated by
qemu-user. Debian's packages are not configured: their scripts would take the better part of an hour there.
numpy is the one of PyPI. The log lies in build/rehearsal-arm/log.md; a step that is finished is not done
again.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.build_engine import PORTABLE, compiler_flags, licences
from engine.repack import repack
from environment import BIN, LOCKS, ROOT, VENV, build_llama_cpp, create_venv
from linux.architecture import architecture
from linux.deb import make_deb
from linux.debian import Debian, mirror
from linux.release_bundle import copy_sources
from linux.run_installer import make_run
from release.native_python import NAME, OWN_MODULES
from release.rehearsal_log import RehearsalLog
from reproducible import pin_time

FOLDER = ROOT / "build" / "rehearsal-arm"
ARM = architecture("aarch64")
PREFIX = "aarch64-linux-gnu-"
CROSS = (
    "-DCMAKE_SYSTEM_NAME=Linux",
    f"-DCMAKE_SYSTEM_PROCESSOR={ARM.machine}",
    f"-DCMAKE_C_COMPILER={PREFIX}gcc",
    f"-DCMAKE_CXX_COMPILER={PREFIX}g++",
    f"-DCMAKE_STRIP=/usr/bin/{PREFIX}strip",
)
ENGINE = FOLDER / "engine"
PYTHON = "3.13"
NEWEST_GLIBC = 41
SITE = f".venv/lib/python{PYTHON}/site-packages"
NATIVELY = f"/src/.venv/bin/{NAME} /src/packaging/release/native_python.py {ARM.machine}"
USED = (
    *("libegl1", "libgl1", "libfontconfig1", "libglib2.0-0t64", "libdbus-1-3", "libxkbcommon-x11-0"),
    *("xz-utils", "mawk"),
)
MAKING = (
    *("python3", f"libpython{PYTHON}", "binutils", "gcc", "icu-devtools", "libgomp1", "zlib1g"),
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", *USED),
)
NATIVE = ("python3-minimal", f"libpython{PYTHON}-stdlib")
DRIVERS = re.compile(r"(libllvm|mesa-|libgallium|libz3|libdrm-|libicu-dev|libc6-dev|linux-libc-dev)")
"""Large, and wanted by nothing that is done here."""
REGISTRY = Path("/proc/sys/fs/binfmt_misc")
EMULATED = "stillroom-aarch64"
ARM_PROGRAM = (
    r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
)
ARM_IN_ELF = (183).to_bytes(2, "little")
STUCK_AFTER = {"silence_watch.py": "SILENCE_S = 9.0", "stalled_step.py": "HANG_S = 9.0"}
"""After what silence the program ends an engine; an emulated one that shares its processor is slower."""
PATIENCE_S = 300.0
QUESTION = "The capital of France is"


def main() -> int:
    """Do all of it; the status is that of the first step that failed."""
    parser = argparse.ArgumentParser(description="Make and try ARM's installers on another processor.")
    parser.add_argument("model", type=Path, help="the model's file (GGUF) that is to answer")
    model: Path = parser.parse_args().model
    if not model.is_file():
        parser.error(f"{model} is not a file")
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = RehearsalLog(FOLDER, "Installers for Linux on ARM, made and tried on another processor")
    pin_time()
    making, trying = (Debian(ARM.release, FOLDER / name) for name in ("making", "trying"))
    with emulation():
        log.step("Debian to make the bundle in, unpacked", lambda: unpack_debian(making, MAKING))
        log.step("Python's packages", lambda: install_packages(making))
        log.step("this computer's Python beside ARM's", lambda: add_native_python(making))
        log.step("llama.cpp, cross-compiled", compile_engine)
        log.step("the bundle", lambda: make_bundle(making))
        log.step("the .deb", lambda: make_deb(9, FOLDER / "stillroom", ARM, FOLDER))
        log.step("the .run", lambda: make_run(9, FOLDER / "stillroom", ARM, FOLDER))
        log.step("a fresh Debian, unpacked", lambda: unpack_debian(trying, USED))
        try_package(trying, model, log)
        try_installer(trying, log)
    return 0


@contextmanager
def emulation() -> Iterator[None]:
    """Let the system start ARM's programs by qemu meanwhile, in a changed root, too."""
    if not (REGISTRY / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(REGISTRY)], check=True)
    qemu = shutil.which("qemu-aarch64")
    if qemu is None:
        raise SystemExit("qemu-user is not installed.")
    entry = REGISTRY / EMULATED
    if not entry.exists():
        (REGISTRY / "register").write_text(f":{EMULATED}:M::{ARM_PROGRAM}:{qemu}:F\n")
    try:
        yield
    finally:
        entry.write_text("-1")


def packages_of(processor: str, wanted: Sequence[str]) -> list[Path]:
    """Fetch Debian's packages for a processor and what they depend on."""
    apt = FOLDER / f"apt-{processor}"
    for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "etc" / "sources.list").write_text(f"deb {mirror()} {ARM.release} main\n")
    options = {
        "APT::Architecture": processor,
        "APT::Architectures": processor,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc": apt / "etc",
        "Dir::Etc::Trusted": apt / "none",
        "Dir::Etc::TrustedParts": "/usr/share/keyrings",
    }
    command = ["apt-get", *(f"-o{name}={value}" for name, value in options.items())]
    subprocess.run([*command, "update"], check=True, stdout=subprocess.DEVNULL)
    planned = subprocess.run(
        [*command, "install", "--simulate", *wanted], check=True, capture_output=True, text=True
    ).stdout
    names = {name for name in re.findall(r"^Inst (\S+)", planned, re.M) if not DRIVERS.match(name)}
    archives = apt / "cache" / "archives"
    there = {path.name.split("_")[0] for path in archives.glob("*.deb")}
    if missing := sorted(names - there):
        subprocess.run([*command, "download", *missing], check=True, cwd=archives, stdout=subprocess.DEVNULL)
    return sorted(path for path in archives.glob("*.deb") if path.name.split("_")[0] in names)


def unpack_debian(debian: Debian, packages: Sequence[str]) -> None:
    """Lay out the essential packages and some others, with what they depend on; dpkg knows their files."""
    place = debian.folder
    shutil.rmtree(place, ignore_errors=True)
    debs = packages_of(ARM.debian, ["?essential", "base-files", "dpkg", *packages])
    (place / "var/lib/dpkg").mkdir(parents=True)
    first = [path for path in debs if path.name.startswith("base-files_")]
    for path in (*first, *debs):
        subprocess.run(["dpkg-deb", "-x", str(path), str(place)], check=True)
    (place / "dev/shm").mkdir(parents=True, exist_ok=True)
    devices = [f"/dev/{name}" for name in ("null", "zero", "random", "urandom")]
    subprocess.run(["cp", "-a", *devices, str(place / "dev")], check=True)
    # Their files are there, so that the few scripts that run before unpacking find a shell.
    database = place / "var/lib/dpkg"
    for name in ("status", "available"):
        (database / name).touch()
    for name in ("info", "updates", "triggers", "parts"):
        (database / name).mkdir(exist_ok=True)
    (database / "arch").write_text(f"{ARM.debian}\n")
    dpkg = ["dpkg", f"--root={place}", "--force-architecture", "--force-depends", "--no-triggers", "--unpack"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*dpkg, *map(str, debs)], check=True, **quiet)
    for name, line in (("passwd", "user:x:1000:1000::/home/user:/bin/sh"), ("group", "user:x:1000:")):
        base = place / "usr/share/base-passwd" / f"{name}.master"
        (place / "etc" / name).write_text(base.read_text() + line + "\n")
    # Configuring would choose it.
    (place / "usr/bin/awk").symlink_to("mawk")
    (place / "home/user").mkdir(parents=True)
    os.chown(place / "home/user", 1000, 1000)
    debian.run("ldconfig")


def add_native_python(debian: Debian) -> None:
    """Put the same Python for this computer's processor beside the folder's own, and a quicker `ldd`.

    The libraries of both lie apart by Debian's rules, and the rest of the standard library is the same.
    """
    own = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout
    unpacked = FOLDER / "native"
    shutil.rmtree(unpacked, ignore_errors=True)
    for path in packages_of(own.strip(), NATIVE):
        subprocess.run(["dpkg-deb", "-x", str(path), str(unpacked)], check=True)
    place = debian.folder
    for folder in (*unpacked.glob("usr/lib/*-linux-gnu"), *unpacked.glob("usr/lib[0-9]*")):
        target = place / folder.relative_to(unpacked)
        target.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", "--remove-destination", f"{folder}/.", str(target)], check=True)
    for folder in unpacked.glob("usr/lib[0-9]*"):
        if not (place / folder.name).exists():
            (place / folder.name).symlink_to(f"usr/{folder.name}")
    modules = place / OWN_MODULES.relative_to("/")
    shutil.copytree(unpacked / f"usr/lib/python{PYTHON}/lib-dynload", modules, dirs_exist_ok=True)
    # An environment's own path is that of its program.
    shutil.copy2(unpacked / f"usr/bin/python{PYTHON}", place / "src/.venv/bin" / NAME)
    versions = {debian.run(f"/src/.venv/bin/{name} -V").stdout for name in ("python", NAME)}
    if len(versions) != 1:
        raise SystemExit(f"The two Pythons are not the same: {versions}")
    ldd = place / "usr/local/bin/ldd"
    ldd.parent.mkdir(parents=True, exist_ok=True)
    ldd.write_text('#!/bin/sh\nLD_TRACE_LOADED_OBJECTS=1 exec /lib/ld-linux-aarch64.so.1 "$1"\n')
    ldd.chmod(0o755)


def compile_engine() -> None:
    """The wheel of llama.cpp for ARM, with all of its variants."""
    create_venv(VENV, "build")
    shutil.rmtree(ENGINE, ignore_errors=True)
    raw = ENGINE / "as-built"
    raw.mkdir(parents=True)
    flags = [*PORTABLE, "-DGGML_CPU_ALL_VARIANTS=ON", *compiler_flags(ARM.machine), *CROSS]
    os.environ["CMAKE_ARGS"] = " ".join(flags)
    # The wheel's name has ARM in it.
    os.environ["_PYTHON_HOST_PLATFORM"] = f"linux-{ARM.machine}"
    build_llama_cpp(["wheel", "-v", "--wheel-dir", str(raw)])
    del os.environ["_PYTHON_HOST_PLATFORM"]
    (built,) = raw.glob("*.whl")
    repack(built, ENGINE, licences())
    shutil.rmtree(raw)


def install_packages(debian: Debian) -> None:
    """An environment in the folder's copy of the sources: what the locks name, for ARM, put there by this
    computer's pip."""
    create_venv(VENV, "build")
    source = take_sources(debian)
    debian.run("cd /src && rm -rf .venv && python3 -m venv --without-pip .venv")
    site = source / SITE
    lock = (LOCKS / "bundle.txt").read_text("utf-8")
    # Compiled above.
    lock = re.sub(r"^llama-cpp-python==.*(?:\n    .*)+\n", "", lock, flags=re.M)
    locks = {"bundle": FOLDER / "bundle.txt", "build": LOCKS / "build.txt"}
    locks["bundle"].write_text(lock, "utf-8")
    glibcs = [f"manylinux_2_{minor}_{ARM.machine}" for minor in range(17, NEWEST_GLIBC + 1)]
    platforms = [*glibcs, f"manylinux2014_{ARM.machine}", f"linux_{ARM.machine}"]
    pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "--only-binary", ":all:", "--upgrade"]
    pip += ["--python-version", PYTHON, "--implementation", "cp", "--target", str(site)]
    pip += [f"--platform={platform}" for platform in platforms]
    origins = {}
    for name, path in locks.items():
        report = FOLDER / f"{name}.json"
        subprocess.run([*pip, "--require-hashes", "-r", str(path), "--report", str(report)], check=True)
        for item in json.loads(report.read_text("utf-8"))["install"]:
            found = item["download_info"]
            origins[re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()] = {
                "version": item["metadata"]["version"],
                "file": found["url"].rpartition("/")[2],
                "sha256": found["archive_info"]["hashes"]["sha256"],
            }
    (source / ".venv" / "stillroom-origins.json").write_text(json.dumps(origins), "utf-8")
    (site / "stillroom.pth").write_text("/src\n")
    (source / ".venv/bin/pyinstaller").write_text(f'#!/bin/sh\nexec {NATIVELY} -m PyInstaller "$@"\n')
    (source / ".venv/bin/pyinstaller").chmod(0o755)
    # Stillroom itself is what the folder has; its package says which version that is.
    own = FOLDER / "own"
    shutil.rmtree(own, ignore_errors=True)
    build = [
        str(BIN / "python"),
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*build, "--wheel-dir", str(own), "."], check=True, cwd=source)
    shutil.rmtree(source / "build" / "lib", ignore_errors=True)
    (wheel,) = own.glob("*.whl")
    subprocess.run(["unzip", "-q", "-o", str(wheel), "*.dist-info/*", "-d", str(site)], check=True)


def take_sources(debian: Debian) -> Path:
    """Copy the sources as they are now into the folder, beside what was built there."""
    source = debian.folder / "src"
    copy_sources(source)
    wait_longer(source / "app" / "engine" / "supervision")
    return source


def wait_longer(folder: Path) -> None:
    """Let the program take an engine for stuck only after `PATIENCE_S`."""
    for name, line in STUCK_AFTER.items():
        path = folder / name
        text = path.read_text("utf-8")
        if f"\n{line}\n" not in text:
            raise SystemExit(f"{path} does not say `{line}`.")
        path.write_text(text.replace(f"\n{line}\n", f"\n{line.partition(' ')[0]} = {PATIENCE_S}\n"), "utf-8")


def make_bundle(debian: Debian) -> None:
    """PyInstaller, of which only the children are emulated; the bundle comes beside the folder."""
    (engine,) = ENGINE.glob("*.whl")
    # They may have changed since the step before.
    source = take_sources(debian)
    subprocess.run(["unzip", "-q", "-o", str(engine), "-d", str(source / SITE)], check=True)
    (source / "build").mkdir(exist_ok=True)
    shutil.copyfile(engine, source / "build" / engine.name)
    script = f"cd /src && {NATIVELY} packaging/bundle.py --engine build/{engine.name}"
    epoch = f"SOURCE_DATE_EPOCH={os.environ['SOURCE_DATE_EPOCH']}"
    subprocess.run(debian.command(script, environment=[epoch, "PYTHONHASHSEED=1"]), check=True)
    target = FOLDER / "stillroom"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "dist" / "stillroom", target, symlinks=True)
    if foreign := other_processors_files(target):
        raise SystemExit(f"In the bundle are files for another processor: {', '.join(map(str, foreign))}")


def other_processors_files(folder: Path) -> list[Path]:
    """Give the programs and libraries in a folder that are not ARM's."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(20)
            if head[:4] == b"\x7fELF" and head[18:20] != ARM_IN_ELF:
                found.append(path)
    return found


def try_package(debian: Debian, model: Path, log: RehearsalLog) -> None:
    """Install it by the folder's own dpkg, ask as an ordinary user, and remove it again."""
    (package,) = FOLDER.glob("*.deb")
    shutil.copyfile(package, debian.folder / "tmp" / package.name)
    shutil.copyfile(model, debian.folder / "home/user/model.gguf")
    # Nothing here is configured, so that dpkg would miss all that the package depends on.
    log.step("installed", lambda: debian.run(f"dpkg --force-depends --install /tmp/{package.name}"))
    version = debian.run("stillroom --version", user=True).stdout.strip()
    start_s = time.monotonic()
    ask = f"stillroom chat model.gguf {shlex.quote(QUESTION)} --temperature 0 --max-tokens 8 --json"
    told = json.loads(debian.run(f"cd && {ask}", user=True).stdout)
    taken_s = time.monotonic() - start_s
    libraries = json.loads(debian.run("stillroom doctor --json", user=True).stdout)["libraries"]
    if not told["answer"].strip():
        raise SystemExit(f"It answered nothing: {told}")
    if not any(each["name"] == "CPU" and each["library"] for each in libraries):
        raise SystemExit(f"It does not say by which variant it computes: {libraries}")
    log.step("removed", lambda: debian.run("dpkg --purge stillroom"))
    if left := [path for path in debian.folder.glob("usr/**/stillroom*") if path.exists()]:
        raise SystemExit(f"Its package has left {left[0]} behind.")
    size_mb = package.stat().st_size / 1e6
    log.remark(
        f"{package.name}: {size_mb:.1f} MB. {version} answered {told['answer']!r} after {taken_s:.0f} s."
    )
    log.remark(f"Libraries: {json.dumps(libraries)}")


def try_installer(debian: Debian, log: RehearsalLog) -> None:
    """Install it for an ordinary user by the .run, start it, and remove it again."""
    (installer,) = FOLDER.glob("*.run")
    shutil.copyfile(installer, debian.folder / "home/user" / installer.name)
    log.step("installed by the .run", lambda: debian.run(f"cd && sh {installer.name}", user=True))
    version = debian.run("~/.local/bin/stillroom --version", user=True).stdout.strip()
    remove = "sh ~/.local/lib/stillroom/install.sh --uninstall"
    log.step("removed as it says", lambda: debian.run(remove, user=True))
    if left := list(debian.folder.glob("home/user/.local/lib/stillroom*")):
        raise SystemExit(f"Its installer has left {left[0]} behind.")
    log.remark(f"{installer.name}: {installer.stat().st_size / 1e6:.1f} MB, {version}.")


if __name__ == "__main__":
    sys.exit(main())
