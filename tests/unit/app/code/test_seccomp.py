"""The system call filter: its numbers are the kernel's, and nothing that it does not know gets through."""

import errno
import json
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
    pytest.skip("the back ends of Linux", allow_module_level=True)

from app.code.sandbox import seccomp

HEADERS = {
    0: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
}
TRY = """
import ctypes, json, os, sys
from app.code.sandbox import kernel, seccomp
libc = ctypes.CDLL(None, use_errno=True)
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
numbers = json.loads(sys.argv[1])
kernel.install_filter(seccomp.filter_program(alone=sys.argv[2] == "alone"))
told = {}
for number in numbers:
    ctypes.set_errno(0)
    # A pointer to nowhere and flags that nobody knows: what comes through ends with another error.
    flags = int(sys.argv[3])
    libc.syscall(number, ctypes.c_long(flags), ctypes.c_long(8), ctypes.c_long(flags), ctypes.c_long(-1))
    told[number] = ctypes.get_errno()
print(json.dumps(told))
"""


def errors(numbers: list[int], kind: str = "", flags: int = -1) -> dict[int, int]:
    command = [sys.executable, "-c", TRY, json.dumps(numbers), kind, str(flags)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return {int(number): error for number, error in json.loads(done.stdout).items()}


@pytest.mark.parametrize("column", HEADERS)
def test_its_numbers_are_the_kernels(column: int) -> None:
    if not HEADERS[column].exists():
        pytest.skip("no headers of the kernel here")
    text = HEADERS[column].read_text()
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    tables: list[Mapping[str, tuple[int, int | None]]] = [
        seccomp.NUMBERS,
        seccomp.BY_OTHER_MEANS,
        seccomp.ON_PROCESSES,
        seccomp.NOT_BY_LANDLOCK,
    ]
    ours = {name: numbers[column] for table in tables for name, numbers in table.items()}
    ours |= seccomp.X86_ONLY if column == 0 else {}
    newest = known.pop("syscalls", max(known.values()) + 1) - 1
    to_check = {name: number for name, number in ours.items() if number is not None and number <= newest}
    assert len(to_check) > 80
    assert to_check == {name: known.get(name) for name in to_check}


@pytest.mark.parametrize("kind", ["", "alone"])
def test_what_it_does_not_know_is_not_there(kind: str) -> None:
    first, last = seccomp.NOT_GIVEN_OUT[platform.machine() == "aarch64"]
    # The first two are the traps of probes, which Linux lets through everywhere.
    unknown = [
        first + 2,
        last,
        seccomp.NEWEST + 1,
        seccomp.NEWEST + 2,
        511,
        1000,
        0x40000000,
        0x40000000 + 41,
    ]
    assert set(errors(unknown, kind).values()) == {errno.ENOSYS}


@pytest.mark.parametrize("kind", ["", "alone"])
def test_the_newest_ways_to_other_mounts_and_files_are_refused(kind: str) -> None:
    # open_tree_attr, file_getattr, file_setattr, listns, statmount, listmount, mount_setattr
    numbers = [467, 468, 469, 470, 457, 458, 442]
    assert errors(numbers, kind) == dict.fromkeys(numbers, errno.EPERM)
    of_files = [463, 466, 452]
    if kind == "alone":
        assert errors(of_files, kind) == dict.fromkeys(of_files, errno.EPERM)


@pytest.mark.parametrize("kind", ["", "alone"])
def test_no_thread_has_open_files_of_its_own(kind: str) -> None:
    clone = 220 if platform.machine() == "aarch64" else 56
    vm, sighand, thread, unshare = 0x100, 0x800, 0x10000, 2
    assert errors([clone], kind, vm | sighand | thread) == {clone: errno.EPERM}
    assert errors([436], kind, unshare) == {436: errno.EINVAL}
