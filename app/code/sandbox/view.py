"""What a sandboxed program sees of this computer: system programs to read, one small place to write."""

import resource
from pathlib import Path

from app.code.sandbox.limits import Job, Limits

WRITABLE = "/tmp"
WORK_FOLDER = "/tmp/work"
SHARED_MEMORY = "/dev/shm"
DEVICES = ("null", "zero", "full", "random", "urandom")

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "ssl/openssl.cnf")
PASSWD = "sandbox:x:1000:1000::/tmp/work:/bin/sh\n"
OPEN_FILES = 256


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


def set_resource_limits(limits: Limits) -> None:
    """The limits that the kernel keeps for each process. Memory as a sum is watched besides."""
    cpu_s = int(limits.time_s) + 2
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.disk_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, most = resource.getrlimit(kind)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))
