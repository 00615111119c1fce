"""The sandbox where no namespaces are allowed: Landlock, a stricter system call filter, limits.

Runs in the sandbox process only. The program works in a folder on the disk that is deleted afterwards, and
has no /proc and no /dev/shm. It needs Linux 6.12, whose Landlock keeps signals in; its processes are found
through the sandbox process, which is the reaper of whatever it leaves behind.
"""

import os
import resource
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

from app.code.sandbox import filesystem_view, kernel, landlock, seccomp
from app.code.sandbox.control_group import ControlGroup
from app.code.sandbox.limits import Job, Limits
from app.code.sandbox.namespaces import write_files
from app.code.sandbox.process_status import process
from app.code.sandbox.spawn import Started, fork


def start(job: Job, limits: Limits, group: ControlGroup | None) -> tuple[Started, str]:
    """The running program and its folder; raises OSError where the kernel is too old."""
    version = kernel.landlock_version()
    if version < landlock.SCOPES_SINCE:
        raise OSError(f"Landlock {landlock.SCOPES_SINCE} is needed, and this kernel has {version}")
    folder = tempfile.mkdtemp(prefix="stillroom-run-")
    others = _processes_of_this_user()

    def become(why: int) -> NoReturn:
        write_files(job, Path(folder))
        os.chdir(folder)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        devices = [f"/dev/{name}" for name in filesystem_view.DEVICES]
        landlock.restrict(filesystem_view.readable_folders(job), [folder], devices)
        filesystem_view.set_resource_limits(limits)
        # It counts all processes of the user.
        processes = others + limits.processes
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
        kernel.install_filter(seccomp.filter_program(alone=True))
        os.closerange(3, why)
        os.closerange(why + 1, filesystem_view.OPEN_FILES)
        os.execve(job.command[0], list(job.command), filesystem_view.environment(job, folder))

    try:
        return fork(become, job.stdin, group), folder
    except OSError:
        remove(folder)
        raise


def remove(folder: str) -> None:
    """Delete a program's folder, however deep and closed it was made."""
    for command in (["/bin/chmod", "-R", "u+rwx", folder], ["/bin/rm", "-rf", folder]):
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def space_taken(folder: str, limits: Limits) -> tuple[int, int]:
    """Bytes and number of the files in `folder`, folders too, as far as a limit.

    One that cannot be read may have all there is: its path is too long, or it can be written to alone.
    """
    total_bytes = files = 0
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    # A folder keeps the size that it had when it was full.
                    total_bytes += _blocks(entry)
                    if files > limits.files or total_bytes > limits.disk_bytes:
                        return total_bytes, files
        except FileNotFoundError:
            continue
        except PermissionError:
            if os.access(place, os.W_OK | os.X_OK):
                return limits.disk_bytes + 1, files
        except OSError:
            return limits.disk_bytes + 1, files
    return total_bytes, files


def deleted_space(folder: str, pids: list[int], limits: Limits) -> int:
    """Bytes of files of `folder` that are deleted and that `pids`, which stand still, still have.

    Nobody tells how large one is that is only mapped, and some processes let nobody look: each of those may
    have all there is.
    """
    device = Path(folder).stat().st_dev
    held: dict[int, int] = {}
    for one in map(process, pids):
        try:
            for found in one.stats_of_files():
                if found.st_nlink == 0 and found.st_dev == device:
                    held[found.st_ino] = found.st_blocks * 512
            for inode in one.maps_deleted(folder):
                held.setdefault(inode, limits.disk_bytes + 1)
        except PermissionError:
            if one.has_memory:
                held[-one.pid] = limits.disk_bytes + 1
    return sum(held.values())


def _blocks(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0


def _processes_of_this_user() -> int:
    """Threads of this user's processes, which is what the limit counts."""
    user = os.getuid()
    count = 0
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and folder.stat().st_uid == user:
                count += len(list((folder / "task").iterdir()))
        except OSError:
            continue
    return count
