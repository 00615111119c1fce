"""The sandboxed program's view of this computer: system programs to read, one small place to write."""

import contextlib
import os
import resource
from pathlib import Path

from app.code.sandbox.limits import Job, Limits

WRITABLE = "/tmp"
WORK_FOLDER = "/tmp/work"
SHARED_MEMORY = "/dev/shm"
DEVICES = ("null", "zero", "full", "random", "urandom")
DEVICE_LINKS = (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"))

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "ssl/openssl.cnf")
PASSWD = "sandbox:x:1000:1000::/tmp/work:/bin/sh\n"
OPEN_FILES = 256
ADDRESS_SPACE_BYTES = 64 << 30
"""Of each process. JavaScript's engine sets 10 GB aside for each WebAssembly memory."""
FILE_IN_MEMORY_BYTES = 2048
"""The most that the kernel keeps for one besides its text: it, its name, where it lies."""
WAITING_SIGNALS = 1024
"""Timers count as well."""


def readable_folders(job: Job) -> list[str]:
    """The folders and files of this computer that are shown, for reading, at their own places."""
    found = [path for path in _SYSTEM_FOLDERS if Path(path).is_dir() and not Path(path).is_symlink()]
    found += [f"/etc/{name}" for name in _ETC if Path(f"/etc/{name}").exists()]
    inside = tuple(f"{path}/" for path in found)
    return found + [path for path in job.shown_folders if not f"{path}/".startswith(inside)]


def system_links() -> list[tuple[str, str]]:
    """(target, link) of what is a link at the top, such as /bin where it is /usr/bin."""
    return [(str(Path(path).readlink()), path) for path in _SYSTEM_FOLDERS if Path(path).is_symlink()]


def environment(job: Job, work_folder: str = WORK_FOLDER) -> dict[str, str]:
    """The whole environment of the program; nothing of the user's own comes in."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": work_folder,
        "TMPDIR": work_folder if work_folder != WORK_FOLDER else WRITABLE,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **job.environment,
    }


def files_in_memory(limits: Limits) -> str:
    """The options of a file system in memory that the program may write to."""
    return f"mode=700,size={limits.disk_bytes},nr_inodes={limits.files}"


def files_in_memory_bytes(pids: list[int]) -> int:
    """Give what the files take that the program has in memory, seen through one of its processes."""
    for pid in reversed(pids):
        total = 0
        with contextlib.suppress(OSError):
            for place in (WRITABLE, SHARED_MEMORY):
                inside = f"/proc/{pid}/root{place}"
                # While the sandbox is being built, the system's own is seen.
                if Path(inside).stat().st_dev != Path(place).stat().st_dev:
                    space = os.statvfs(inside)
                    total += (space.f_blocks - space.f_bfree) * space.f_frsize
                    total += (space.f_files - space.f_ffree) * FILE_IN_MEMORY_BYTES
            return total
    return 0


def is_in_memory(folder: str) -> bool:
    """Tell whether the files of a folder lie in memory."""
    device = Path(folder).stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == name:
            return after.split()[0] == "tmpfs"
    return False


def set_resource_limits(limits: Limits) -> None:
    """The limits that the kernel keeps for each process. Memory as a sum is limited besides."""
    cpu_s = int(limits.time_s) + 2
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_SIGPENDING, WAITING_SIGNALS),
        (resource.RLIMIT_FSIZE, limits.disk_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, most = resource.getrlimit(kind)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))
