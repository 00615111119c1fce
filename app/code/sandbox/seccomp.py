"""The system calls that no sandboxed program needs, as a seccomp filter (Linux, x86-64 and AArch64).

A second wall behind the namespaces: what could reach other processes, the network, the kernel's less trodden
paths, or memory that no limit counts. Numbers from arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h; the program's format from include/uapi/linux/filter.h and seccomp.h.
"""

import errno
import platform
import struct

_NUMBERS: dict[str, tuple[int, int]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
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
    "quotactl": (179, 60),
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
_X86_ONLY = {"iopl": 172, "ioperm": 173, "modify_ldt": 154, "uselib": 134}
_ON_PROCESSES = {
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
_PRLIMIT = (302, 261)
_NOT_BY_LANDLOCK: dict[str, tuple[int, int | None]] = {
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
    "socket": (41, 198),
    "connect": (42, 203),
}
"""What Landlock leaves alone: a file's mode, owner, times, and sockets that lie in folders."""
_CLONE, _CLONE3 = (56, 220), 435
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)

_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of sched.h."""

_AF_UNIX, _SOCK_STREAM, _TYPE_BITS = 1, 1, 0xF
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32_BIT = 0x40000000

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
    ]

    def refuse(number: int, error: int = errno.EPERM) -> None:
        program.extend([(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)])

    if column == 0:
        # The x32 calls have numbers of their own, which this list does not know.
        program.extend([(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
        for number in _X86_ONLY.values():
            refuse(number)
    for numbers in _NUMBERS.values():
        refuse(numbers[column])
    if alone:
        for one in (*_ON_PROCESSES.values(), *_NOT_BY_LANDLOCK.values()):
            known = one[column]
            if known is not None:
                refuse(known)
        program.extend(_unless_argument(_PRLIMIT[column], 0, 0))
        # A pair of datagram sockets could still be sent to an address.
        program.extend(_unless_argument(_SOCKETPAIR[column], 1, _SOCK_STREAM, _TYPE_BITS))
    # Its flags are in memory, where a filter cannot look; C libraries then take clone.
    refuse(_CLONE3, errno.ENOSYS)
    program.extend(
        [
            (_JUMP_EQUAL, 0, 4, _CLONE[column]),
            (_LOAD, 0, 0, _AT_FIRST_ARGUMENT),
            (_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES),
            (_RETURN, 0, 0, _ERRNO | errno.EPERM),
            (_RETURN, 0, 0, _ALLOW),
        ]
    )
    for numbers in (_SOCKET, _SOCKETPAIR):
        program.extend(_unless_argument(numbers[column], 0, _AF_UNIX))
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _unless_argument(number: int, place: int, allowed: int, bits: int = 0xFFFFFFFF) -> list[_Instruction]:
    """Refuse a call unless the lower half of the argument in `place` is `allowed`; others go on."""
    return [
        (_JUMP_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _AT_FIRST_ARGUMENT + 8 * place),
        (_AND, 0, 0, bits),
        (_JUMP_EQUAL, 1, 0, allowed),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_LOAD, 0, 0, _AT_NUMBER),
    ]
