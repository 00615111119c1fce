"""The sandbox by Linux's own means: namespaces, Landlock, a system call filter, limits.

Runs in the sandbox process only. What it forks stays outside; the child of that is the first process of a new
process namespace, builds the view of the file system and waits; the grandchild is the program. When the first
one ends, the kernel ends all that is left in the namespace.
"""

import contextlib
import os
import resource
import signal
import socket
from pathlib import Path
from typing import NoReturn

from app.code.sandbox import filesystem_view, kernel, landlock, seccomp
from app.code.sandbox.control_group import ControlGroup
from app.code.sandbox.limits import Job, Limits
from app.code.sandbox.spawn import Started, fork

USER = 1000
_NEW = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
_ROOT = filesystem_view.WRITABLE
"""The place for the new root: any folder that every system has."""
_NO_PROGRAMS = kernel.MS_NOSUID | kernel.MS_NODEV


def start(job: Job, limits: Limits, group: ControlGroup | None) -> Started:
    """The running program; raises OSError where the kernel or its settings do not allow it."""

    def become(why: int) -> NoReturn:
        _enter_namespaces()
        first = os.fork()
        if first == 0:
            _be_first(job, limits, why)
        os.close(why)
        _exit_as(os.waitpid(first, 0)[1])

    return fork(become, job.stdin, group)


def _enter_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    kernel.unshare(_NEW)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{USER} {user} 1"),
        ("gid_map", f"{USER} {group} 1"),
    ):
        Path(f"/proc/self/{name}").write_bytes(text.encode())


def _be_first(job: Job, limits: Limits, why: int) -> NoReturn:
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        _build_root(job, limits)
        socket.sethostname("sandbox")
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        program = os.fork()
        if program == 0:
            _be_program(job, limits, why)
    except BaseException as error:  # noqa: BLE001 - nothing of the parent may run on in the child
        os.write(why, str(error).encode())
        os._exit(127)
    # Nothing in the namespace may look into this process, which still has its capabilities.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.drop_capabilities()
    os.closerange(0, filesystem_view.OPEN_FILES)
    while True:
        ended, status = os.wait()
        if ended == program:
            _exit_as(status)


def _be_program(job: Job, limits: Limits, why: int) -> NoReturn:
    try:
        os.chdir(filesystem_view.WORK_FOLDER)
        landlock.restrict(
            # What is not to be seen is not there at all.
            ["/"],
            [filesystem_view.WRITABLE, filesystem_view.SHARED_MEMORY],
            [f"/dev/{name}" for name in filesystem_view.DEVICES],
        )
        filesystem_view.set_resource_limits(limits)
        # The first process counts too.
        processes = limits.processes + 1
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
        kernel.drop_capabilities()
        kernel.install_filter(seccomp.filter_program())
        os.closerange(3, why)
        os.closerange(why + 1, filesystem_view.OPEN_FILES)
        os.execve(job.command[0], list(job.command), filesystem_view.environment(job))
    except BaseException as error:  # noqa: BLE001 - nothing of the parent may run on in the child
        os.write(why, str(error).encode())
    os._exit(127)


def _build_root(job: Job, limits: Limits) -> None:
    """Everything that the program sees, below one new file system, which then becomes the root."""
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    trees = []
    for path in filesystem_view.readable_folders(job):
        trees.append((kernel.open_tree(path), path))
        kernel.make_read_only(trees[-1][0])
    for name in filesystem_view.DEVICES:
        trees.append((kernel.open_tree(f"/dev/{name}"), f"/dev/{name}"))
    kernel.mount("tmpfs", _ROOT, "tmpfs", _NO_PROGRAMS, "mode=755,size=1m,nr_inodes=4096")
    for tree, path in trees:
        place = Path(_ROOT + path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if Path(path).is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.touch()
        kernel.show_tree(tree, str(place))
        os.close(tree)
    for target, link in filesystem_view.system_links():
        Path(_ROOT + link).symlink_to(target)
    for name, target in filesystem_view.DEVICE_LINKS:
        Path(f"{_ROOT}/dev/{name}").symlink_to(target)
    Path(f"{_ROOT}/etc/passwd").write_bytes(filesystem_view.PASSWD.encode())
    _mount_writable(filesystem_view.SHARED_MEMORY, limits)
    _mount_writable(filesystem_view.WRITABLE, limits)
    Path(f"{_ROOT}/proc").mkdir()
    # A container may not allow it; most programs do without.
    with contextlib.suppress(PermissionError):
        kernel.mount("proc", f"{_ROOT}/proc", "proc", _NO_PROGRAMS | kernel.MS_NOEXEC | kernel.MS_RDONLY)
    write_files(job, Path(_ROOT + filesystem_view.WORK_FOLDER))
    os.chdir(_ROOT)
    kernel.pivot_root(".", ".")
    # The old root lies over the new one, at the same place.
    kernel.detach(".")
    os.chdir("/")
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _NO_PROGRAMS
    kernel.mount("none", "/", "", flags)


def _mount_writable(path: str, limits: Limits) -> None:
    Path(_ROOT + path).mkdir()
    kernel.mount("tmpfs", _ROOT + path, "tmpfs", _NO_PROGRAMS, filesystem_view.files_in_memory(limits))


def write_files(job: Job, folder: Path) -> None:
    """Make the program's folder with its files."""
    folder.mkdir(exist_ok=True)
    for name, text in job.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())


def _exit_as(status: int) -> NoReturn:
    """End with the exit code that a shell would tell."""
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)
