"""The system calls that no sandboxed program needs, as a seccomp filter (Linux, x86-64 and AArch64).

A second wall behind the namespaces: what could reach other processes, the network, the kernel's less trodden
paths, or memory that no limit counts. Every call up to `NEWEST` was looked at; those above it, and the
numbers that Linux has not given out, are refused as unknown, so that a newer kernel brings nothing in.
Numbers from arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h; the program's
format from include/uapi/linux/filter.h and seccomp.h.
"""

import errno
import platform
import struct

NUMBERS: dict[str, tuple[int, int]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # the processor of whoever counts its memory
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    # memory outside of every limit
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mlock": (149, 228),
    "mlock2": (325, 284),
    "mlockall": (151, 230),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "seccomp": (317, 277),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "io_setup": (206, 0),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "remap_file_pages": (216, 234),
    # the user's keys
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the kernel's less trodden paths
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "syslog": (103, 116),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "cachestat": (451, 451),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "lsm_get_self_attr": (459, 459),
    "lsm_set_self_attr": (460, 460),
    "lsm_list_modules": (461, 461),
    "file_getattr": (468, 468),
    "file_setattr": (469, 469),
    "acct": (163, 89),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # another view of the system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "listns": (470, 470),
    "unshare": (272, 97),
    "setns": (308, 268),
    # the machine
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
}
X86_ONLY = {
    "iopl": 172,
    "ioperm": 173,
    "modify_ldt": 154,
    "uselib": 134,
    "ustat": 136,
    "sysfs": 139,
    "_sysctl": 156,
    "create_module": 174,
    "get_kernel_syms": 177,
    "query_module": 178,
    "getpmsg": 181,
    "putpmsg": 182,
    "afs_syscall": 183,
    "tuxcall": 184,
    "security": 185,
    "set_thread_area": 205,
    "get_thread_area": 211,
    "epoll_ctl_old": 214,
    "epoll_wait_old": 215,
    "vserver": 236,
    "inotify_init": 253,
}
BY_OTHER_MEANS = {"vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77), "sendfile": (40, 71)}
"""Copies that keep pages which no limit counts. Refused with EINVAL, on which programs read and write."""
ON_PROCESSES = {
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
_PRLIMIT = (302, 261)
NOT_BY_LANDLOCK: dict[str, tuple[int, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "socket": (41, 198),
    "connect": (42, 203),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
}
"""System calls for what Landlock leaves alone: a file's mode, owner, times, and sockets that lie in folders.

Without messages no socket or pipe is in flight, where nobody could count it.
"""
_CLONE, _CLONE3 = (56, 220), 435
_CLOSE_RANGE = 436
_SOCKET, _SOCKETPAIR, _SETSOCKOPT = (41, 198), (53, 199), (54, 208)
_MMAP, _FCNTL, _PRCTL = (9, 222), (72, 25), (157, 167)
NEWEST = 470
NOT_GIVEN_OUT = ((335, 423), (295, 423))
"""First and last number; uprobe and uretprobe of x86-64 lie there, which only the kernel's own traps call."""

_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of sched.h."""
_CLONE_FILES, _CLONE_THREAD, _CLOSE_RANGE_UNSHARE = 0x400, 0x10000, 2
"""A process has one table of open files, which is looked at: no thread makes one for itself."""

_AF_UNIX, _SOCK_STREAM, _TYPE_BITS = 1, 1, 0xF
_BUFFER_SIZES = (7, 8)
"""SO_SNDBUF and SO_RCVBUF. The kernel cuts wishes silently, so that nobody minds when it keeps its own."""
_FORCED_SIZES_AND_FILTERS = (32, 33, 26, 50, 51, 52)
"""SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_ATTACH_FILTER, _BPF, _REUSEPORT_CBPF and _REUSEPORT_EBPF."""
_F_SETLEASE, _F_NOTIFY, _F_SETPIPE_SZ = 1024, 1026, 1031
_MAP_HUGETLB = 0x40000
_PROCESS_OPTIONS = (
    *(1, 2, 3, 4, 15, 16, 21, 23, 27, 29, 30, 36, 37, 38, 39, 40, 42, 47, 52),
    *(0x53564D41, 0x59616D61),
)
"""Options that `prctl` may set and tell: PDEATHSIG, DUMPABLE, NAME, SECCOMP (tell), CAPBSET_READ, SECUREBITS
(tell), TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS, TID_ADDRESS, THP_DISABLE (tell), CAP_AMBIENT, SPECULATION
(tell), names of mappings, PTRACER. Not a futex table of any size, merged pages, another filter."""
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_Instruction = tuple[int, int, int, int]
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16


def filter_program(*, alone: bool = False) -> bytes:
    """The filter as an array of `struct sock_filter`; raises KeyError for another processor.

    `alone`: no namespaces stand before it, so other processes' priorities and limits, and what Landlock does
    not keep, are refused as well.
    """
    column, architecture = _ARCHITECTURES[platform.machine()]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
        # Also the x32 calls, which have numbers of their own far above.
        *_refuse_at_least(NEWEST + 1),
        *_refuse_between(*NOT_GIVEN_OUT[column]),
        # Its flags are in memory, where a filter cannot look; C libraries then take clone.
        *_refuse(_CLONE3, errno.ENOSYS),
    ]
    refused = [*NUMBERS.values(), *(NOT_BY_LANDLOCK.values() if alone else ())]
    refused += ON_PROCESSES.values() if alone else ()
    numbers = [one[column] for one in refused] + (list(X86_ONLY.values()) if column == 0 else [])
    for number in numbers:
        if number is not None:
            program += _refuse(number)
    for one in BY_OTHER_MEANS.values():
        program += _refuse(one[column], errno.EINVAL)
    if alone:
        program += _unless_argument(_PRLIMIT[column], 0, (0,))
    program += _if_any_bit(_CLONE[column], 0, _NEW_NAMESPACES)
    program += _if_argument(_CLONE[column], 0, (_CLONE_THREAD,), bits=_CLONE_THREAD | _CLONE_FILES)
    program += _if_any_bit(_CLOSE_RANGE, 2, _CLOSE_RANGE_UNSHARE, errno.EINVAL)
    program += _if_any_bit(_MMAP[column], 3, _MAP_HUGETLB, errno.ENOMEM)
    for one in (_SOCKET, _SOCKETPAIR):
        program += _unless_argument(one[column], 0, (_AF_UNIX,))
        # Datagrams wait at their receiver, many times what one socket may send.
        program += _unless_argument(one[column], 1, (_SOCK_STREAM,), bits=_TYPE_BITS)
    program += _if_argument(_SETSOCKOPT[column], 2, _BUFFER_SIZES, error=0)
    program += _if_argument(_SETSOCKOPT[column], 2, _FORCED_SIZES_AND_FILTERS)
    program += _if_argument(_FCNTL[column], 1, (_F_SETPIPE_SZ, _F_SETLEASE, _F_NOTIFY))
    program += _unless_argument(_PRCTL[column], 0, _PROCESS_OPTIONS, errno.EINVAL)
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _refuse(number: int, error: int = errno.EPERM) -> list[_Instruction]:
    return [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]


def _refuse_at_least(number: int) -> list[_Instruction]:
    return [(_JUMP_AT_LEAST, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]


def _refuse_between(first: int, last: int) -> list[_Instruction]:
    return [
        (_JUMP_AT_LEAST, 0, 2, first),
        (_JUMP_AT_LEAST, 1, 0, last + 1),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]


def _with_argument(number: int, place: int, checks: list[_Instruction]) -> list[_Instruction]:
    """Run `checks` on the lower half of the argument in `place` of one call; others go on."""
    inside = [(_LOAD, 0, 0, _AT_FIRST_ARGUMENT + 8 * place), *checks, (_LOAD, 0, 0, _AT_NUMBER)]
    return [(_JUMP_EQUAL, 0, len(inside), number), *inside]


def _unless_argument(
    number: int, place: int, allowed: tuple[int, ...], error: int = errno.EPERM, bits: int = 0xFFFFFFFF
) -> list[_Instruction]:
    """Refuse a call unless the argument's `bits` are one of `allowed`."""
    checks: list[_Instruction] = [(_AND, 0, 0, bits)]
    # Each jumps over those that are left, and over the refusal.
    checks += [(_JUMP_EQUAL, len(allowed) - at, 0, value) for at, value in enumerate(allowed)]
    return _with_argument(number, place, [*checks, (_RETURN, 0, 0, _ERRNO | error)])


def _if_argument(
    number: int, place: int, refused: tuple[int, ...], error: int = errno.EPERM, bits: int = 0xFFFFFFFF
) -> list[_Instruction]:
    """Refuse a call when the argument's `bits` are one of `refused`."""
    checks = [step for value in refused for step in _refuse(value, error)]
    return _with_argument(number, place, [(_AND, 0, 0, bits), *checks])


def _if_any_bit(number: int, place: int, bits: int, error: int = errno.EPERM) -> list[_Instruction]:
    """Refuse a call when the argument has any of `bits`."""
    return _with_argument(number, place, [(_JUMP_ANY_BIT, 0, 1, bits), (_RETURN, 0, 0, _ERRNO | error)])
