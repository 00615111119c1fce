"""The sandbox by bubblewrap, which most Linux desktops have for Flatpak. Runs in the sandbox process only."""

import contextlib
import dataclasses
import json
import os
import resource
import shutil
from pathlib import PurePosixPath
from typing import NoReturn

from app.code.sandbox import seccomp, view
from app.code.sandbox.limits import Job, Limits
from app.code.sandbox.spawn import Started, fork, text_file


def start(job: Job, limits: Limits) -> Started:
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
    arguments += ["--ro-bind-data", data(view.PASSWD), "/etc/passwd"]
    for name, text in job.files.items():
        arguments += ["--file", data(text), str(PurePosixPath(view.WORK_FOLDER, name))]
    filter_fd = os.memfd_create("filter")
    os.write(filter_fd, seccomp.filter_program())
    os.lseek(filter_fd, 0, os.SEEK_SET)
    kept.append(filter_fd)
    arguments += ["--remount-ro", "/", "--chdir", view.WORK_FOLDER, "--seccomp", str(filter_fd)]
    arguments += ["--json-status-fd", str(told_write), "--block-fd", str(go_read), "--", *job.command]

    def become(_why: int) -> NoReturn:
        view.set_resource_limits(limits)
        for fd in kept:
            os.set_inheritable(fd, True)
        os.execve(program, arguments, {})

    try:
        started = fork(become, job.stdin)
    finally:
        for fd in kept:
            os.close(fd)
    told = os.fdopen(told_read)
    # Before it is there, the limit would count all processes of the user, not those in the sandbox.
    with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
        inside = int(json.loads(told.readline())["child-pid"])
        resource.prlimit(inside, resource.RLIMIT_NPROC, (limits.processes, limits.processes))
    with contextlib.suppress(BrokenPipeError):
        os.write(go_write, b"1")
    os.close(go_write)

    def failure(stderr: str) -> str:
        """bubblewrap's own words when it ended without telling the program's exit code."""
        with told:
            return "" if "exit-code" in told.read() else stderr.strip()

    return dataclasses.replace(started, failure=failure)


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
    for name, value in view.environment(job).items():
        arguments += ["--setenv", name, value]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", view.SHARED_MEMORY]
    arguments += ["--remount-ro", "/dev", "--size", size, "--tmpfs", view.WRITABLE, "--dir", view.WORK_FOLDER]
    for path in view.readable_folders(job):
        arguments += ["--ro-bind", path, path]
    for target, link in view.system_links():
        arguments += ["--symlink", target, link]
    return arguments
