"""The sandbox by bubblewrap, which most Linux desktops have for Flatpak. Runs in the sandbox process only."""

import contextlib
import dataclasses
import json
import os
import resource
import shutil
import time
from pathlib import Path, PurePosixPath
from typing import NoReturn

from app.code.sandbox import filesystem_view, kernel, seccomp
from app.code.sandbox.control_group import ControlGroup
from app.code.sandbox.limits import Job, Limits
from app.code.sandbox.spawn import Started, fork, text_file

LOOK_S = 0.0005
BUILT_S = 5.0


def start(job: Job, limits: Limits, group: ControlGroup | None) -> Started:
    """The running program; raises OSError where bubblewrap cannot do it (0.8 is the oldest that can)."""
    program = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    if program is None:
        raise OSError("bubblewrap is not installed")
    told_read, told_write = os.pipe()
    go_read, go_write = os.pipe()
    for fd in (told_read, go_write):
        os.set_inheritable(fd, False)
    kept: list[int] = [told_write, go_read]

    def data(text: str) -> str:
        kept.append(text_file(text))
        return str(kept[-1])

    arguments = [program, *_walls(job, limits)]
    arguments += ["--ro-bind-data", data(filesystem_view.PASSWD), "/etc/passwd"]
    for name, text in job.files.items():
        arguments += ["--file", data(text), str(PurePosixPath(filesystem_view.WORK_FOLDER, name))]
    filter_fd = os.memfd_create("filter")
    os.write(filter_fd, seccomp.filter_program())
    os.lseek(filter_fd, 0, os.SEEK_SET)
    kept.append(filter_fd)
    arguments += ["--remount-ro", "/", "--chdir", filesystem_view.WORK_FOLDER, "--seccomp", str(filter_fd)]
    arguments += ["--json-status-fd", str(told_write), "--block-fd", str(go_read), "--", *job.command]

    def become(_why: int) -> NoReturn:
        filesystem_view.set_resource_limits(limits)
        for fd in kept:
            os.set_inheritable(fd, True)
        os.execve(program, arguments, {})

    try:
        started = fork(become, job.stdin, group, makes_session=True)
    finally:
        for fd in kept:
            os.close(fd)
    told = os.fdopen(told_read)
    # Where it could not build the sandbox it ends without a word here, and says why on stderr.
    with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
        inside = int(json.loads(told.readline())["child-pid"])
        # Before it is there, the limit would count all processes of the user, not those in the sandbox.
        resource.prlimit(inside, resource.RLIMIT_NPROC, (limits.processes, limits.processes))
        _limit_files(started.pid, inside, limits)
    with contextlib.suppress(BrokenPipeError):
        os.write(go_write, b"1")
    os.close(go_write)

    def failure(stderr: str) -> str:
        """bubblewrap's own words when it ended without telling the program's exit code."""
        with told:
            return "" if "exit-code" in told.read() else stderr.strip()

    return dataclasses.replace(started, failure=failure)


def _limit_files(builder: int, inside: int, limits: Limits) -> None:
    """Limit the number of files in memory, for which bubblewrap has no option; raises OSError.

    Tried until its file system stands, or it has ended.
    """
    end_s = time.monotonic() + BUILT_S
    while time.monotonic() < end_s:
        if os.waitid(os.P_PID, builder, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        if _has_own_root(inside) and _remount_with_limits(inside, limits):
            return
        time.sleep(LOOK_S)
    raise OSError("the number of files in memory cannot be limited")


def _has_own_root(inside: int) -> bool:
    try:
        work_folder = Path(f"/proc/{inside}/root{filesystem_view.WORK_FOLDER}").stat()
    except OSError:
        return False
    return work_folder.st_dev != Path(filesystem_view.WRITABLE).stat().st_dev


def _remount_with_limits(inside: int, limits: Limits) -> bool:
    """Tell whether it worked; for a moment, the root that bubblewrap started from lies over the new one."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            kernel.enter_mounts(inside)
            for place in (filesystem_view.WRITABLE, filesystem_view.SHARED_MEMORY):
                flags = kernel.MS_REMOUNT | kernel.MS_NOSUID | kernel.MS_NODEV
                kernel.mount("none", place, "", flags, filesystem_view.files_in_memory(limits))
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _walls(job: Job, limits: Limits) -> list[str]:
    size = str(limits.disk_bytes)
    arguments = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--new-session"]
    arguments += [
        "--cap-drop",
        "ALL",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--hostname",
        "sandbox",
        "--clearenv",
    ]
    for name, value in filesystem_view.environment(job).items():
        arguments += ["--setenv", name, value]
    # Not its own /dev, which has terminals.
    arguments += ["--proc", "/proc", "--remount-ro", "/proc", "--tmpfs", "/dev"]
    for name in filesystem_view.DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in filesystem_view.DEVICE_LINKS:
        arguments += ["--symlink", target, f"/dev/{name}"]
    arguments += ["--size", size, "--tmpfs", filesystem_view.SHARED_MEMORY, "--remount-ro", "/dev"]
    arguments += ["--size", size, "--tmpfs", filesystem_view.WRITABLE, "--dir", filesystem_view.WORK_FOLDER]
    for path in filesystem_view.readable_folders(job):
        arguments += ["--ro-bind", path, path]
    for target, link in filesystem_view.system_links():
        arguments += ["--symlink", target, link]
    return arguments
