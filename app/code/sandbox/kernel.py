"""The Linux calls that Python's `os` does not have, through the C library. Each raises OSError."""

import ctypes
import fcntl
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_SET_THP_DISABLE = 41
"""include/uapi/linux/prctl.h"""

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH, _O_CLOEXEC = 1, 4, 0o2000000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_MOUNT_SETATTR = 428, 429, 442
_SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 444, 445, 446
_SYS_KCMP, _KCMP_VM = {"x86_64": 312, "aarch64": 272}, 1
_SECCOMP_MODE_FILTER = 2
_NS_GET_USERNS = 0xB701
LAST_CAPABILITY = 63


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def enter_mounts(pid: int) -> None:
    """Enter another process's mount namespace, with the rights of the user namespace that owns it."""
    mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(mounts, _NS_GET_USERNS)
    _check(_libc.setns(owner, CLONE_NEWUSER), "setns")
    _check(_libc.setns(mounts, CLONE_NEWNS), "setns")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    _check(
        _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()),
        target,
    )


def detach(target: str) -> None:
    """Unmount `target` and what is below it."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), target)


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    _check(_libc.syscall(155 if os.uname().machine == "x86_64" else 41, new.encode(), old.encode()), new)


def open_tree(path: str) -> int:
    """A copy of the mounts below `path`, not yet visible anywhere: a descriptor."""
    flags = _OPEN_TREE_CLONE | _O_CLOEXEC | _AT_RECURSIVE
    return _check(_libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, path.encode(), flags), path)


def make_read_only(tree: int, *, devices: bool = False) -> None:
    """Make the mounts of an `open_tree` readable only, without set-user-id and (mostly) devices."""
    attributes = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV)
    wish = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    _check(_libc.syscall(_SYS_MOUNT_SETATTR, tree, b"", flags, wish, len(wish)), "mount_setattr")


def show_tree(tree: int, target: str) -> None:
    """Let an `open_tree` appear at `target`."""
    _check(
        _libc.syscall(_SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH),
        target,
    )


def share_memory(one: int, other: int) -> bool:
    """Tell whether two processes have the same memory, as after vfork; False where nobody can tell."""
    number = _SYS_KCMP.get(os.uname().machine)
    return number is not None and _libc.syscall(number, one, other, _KCMP_VM, 0, 0) == 0


def install_filter(program: bytes) -> None:
    """Put a seccomp filter on this process and all that it starts; needs `PR_SET_NO_NEW_PRIVS`."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _check(_libc.prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0), "seccomp")


def landlock_version() -> int:
    """The ABI of Landlock in this kernel, 0 where it is missing or switched off."""
    return max(0, int(_libc.syscall(_SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)))


def landlock_ruleset(attributes: bytes) -> int:
    """A new ruleset: `struct landlock_ruleset_attr`; a descriptor."""
    return _check(
        _libc.syscall(_SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0), "landlock"
    )


def landlock_allow(ruleset: int, access: int, folder: int) -> None:
    """Allow `access` beneath an open folder or file."""
    rule = struct.pack("=Qi", access, folder)
    _check(_libc.syscall(_SYS_LANDLOCK_ADD, ruleset, 1, rule, 0), "landlock")


def landlock_restrict(ruleset: int) -> None:
    """Put the ruleset on this process and all that it starts; needs `PR_SET_NO_NEW_PRIVS`."""
    _check(_libc.syscall(_SYS_LANDLOCK_RESTRICT, ruleset, 0), "landlock")


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one that this kernel knows
            break
    header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _check(_libc.capset(header, bytes(24)), "capset")


def _check(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)
    return int(result)
