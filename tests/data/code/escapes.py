# ruff: noqa - a hostile program, plain and blunt on purpose
"""Attempts to get out of the sandbox; runs inside it. Prints one JSON object: name -> what happened.

Each attempt returns what it got hold of. Nothing, or an OSError, is a failure to escape.
"""

import ctypes
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import sys
import time

WORLD = json.load(sys.stdin)
LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
SECRET = WORLD["secret"]


def call(x86, arm, *arguments):
    result = LIBC.syscall(x86 if X86 else arm, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    with open(path, "rb") as file:
        return file.read(200)


def found(content, what=None):
    return (what or SECRET).encode() in content


def pids():
    return [name for name in os.listdir("/proc") if name.isdigit()]


def pids_or_none():
    try:
        return pids()
    except OSError:
        return []


# Files


def read_a_file_of_the_home():
    return found(read(WORLD["home"] + "/secret.txt"))


def list_the_home():
    return os.listdir(WORLD["home"])


def list_all_homes():
    return [path for path in ("/root", "/home") if os.path.exists(path) and os.listdir(path)]


def read_the_data_folder():
    return found(read(WORLD["home"] + "/.local/share/stillroom/chats.sqlite3"))


def overwrite_a_file():
    with open(WORLD["writable"], "w") as file:
        file.write("broken")
    return "written"


def truncate_a_file():
    os.truncate(WORLD["writable"], 0)
    return "truncated"


def change_a_files_mode():
    os.chmod(WORLD["own"], 0o600)
    return "changed"


def delete_a_file():
    os.unlink(WORLD["deletable"])
    return "deleted"


def create_a_file_outside():
    with open(WORLD["public"] + "/made", "w"):
        return "made"


def create_a_folder_outside():
    os.mkdir(WORLD["public"] + "/folder")
    return "made"


def rename_outside():
    os.rename("main.py", WORLD["public"] + "/main.py")
    return "moved"


def write_into_system_folders():
    for folder in ("/usr", "/usr/bin", "/usr/lib", "/etc", "/bin", "/dev", "/"):
        try:
            with open(folder + "/stillroom-escape", "w"):
                return folder
        except OSError:
            pass


def follow_a_symbolic_link():
    os.symlink(WORLD["home"] + "/secret.txt", "link")
    return found(read("link"))


def make_a_hard_link():
    os.link(WORLD["own"], "hard")
    return found(read("hard"))


def climb_out_with_dots():
    return found(read("../" * 40 + WORLD["home"].lstrip("/") + "/secret.txt"))


def climb_out_of_a_new_root():
    os.mkdir("jail")
    os.chroot("jail")
    return "chroot"


def go_through_the_root_of_each_process():
    for pid in pids():
        try:
            if found(read(f"/proc/{pid}/root{WORLD['home']}/secret.txt")):
                return pid
        except OSError:
            pass


def go_through_the_folder_of_each_process():
    for pid in pids():
        try:
            if os.path.exists(f"/proc/{pid}/cwd/{os.path.basename(WORLD['cwd_mark'])}"):
                return pid
        except OSError:
            pass


def use_inherited_descriptors():
    kept = {}
    for fd in range(3, 256):
        try:
            os.fstat(fd)
            kept[fd] = os.readlink(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else "?"
        except OSError:
            pass
    return {fd: name for fd, name in kept.items() if not name.startswith("/proc")}


def open_a_file_by_its_handle():
    mount_id = ctypes.c_int()
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    call(303, 264, -100, b"/usr", handle, ctypes.byref(mount_id), 0)
    return "handle"


def open_devices():
    for name in (
        "mem",
        "kmem",
        "kmsg",
        "port",
        "vda",
        "sda",
        "nvme0n1",
        "tty",
        "tty0",
        "console",
        "uinput",
        "fuse",
    ):
        try:
            return os.open(f"/dev/{name}", os.O_RDWR)
        except OSError:
            pass


def read_shared_memory_files():
    return found(read(WORLD["shared_memory_file"]))


def mount_something():
    if LIBC.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"") == 0:
        return "mounted"
    return None if LIBC.mount(b"/", b"/tmp", b"", 4096 | 16384, b"") else "bound"


def make_the_root_writable():
    return None if LIBC.mount(b"none", b"/", b"", 32 | 4096, b"") else "remounted"


def write_kernel_settings():
    for path in (
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/sys/kernel/mm/ksm/run",
        "/sys/power/state",
    ):
        try:
            os.close(os.open(path, os.O_WRONLY))
            return path
        except OSError:
            pass


# Network


def connect_by_tcp():
    socket.create_connection(("127.0.0.1", WORLD["tcp_port"]), 1).close()
    return "connected"


def connect_by_tcp6():
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    return "socket"


def listen_on_tcp():
    server = socket.socket()
    server.bind(("0.0.0.0", 0))
    server.listen()
    return server.getsockname()


def send_by_udp():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"escaped", ("127.0.0.1", WORLD["udp_port"]))
    return "sent"


def open_a_raw_socket():
    for family in (socket.AF_PACKET, socket.AF_NETLINK, socket.AF_INET):
        try:
            return str(socket.socket(family, socket.SOCK_RAW))
        except OSError:
            pass


def open_sockets_that_network_namespaces_do_not_keep_in():
    for family in (38, 40, 31, 29, 21):  # AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_CAN, AF_RDS
        try:
            return str(socket.socket(family, socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM))
        except OSError:
            pass


def connect_to_a_unix_socket():
    client = socket.socket(socket.AF_UNIX)
    client.connect(WORLD["unix_socket"])
    return "connected"


def connect_to_an_abstract_socket():
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0" + WORLD["abstract_socket"])
    return "connected"


def reach_the_session_bus():
    client = socket.socket(socket.AF_UNIX)
    client.connect(WORLD["bus"])
    return "connected"


def reach_the_display():
    for address in (WORLD["display"], "\0" + WORLD["display"]):
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(address)
            return address
        except OSError:
            pass


def use_io_uring():
    return call(425, 425, 8, ctypes.create_string_buffer(240))


# Other processes


def see_other_processes():
    for pid in pids():
        try:
            if found(read(f"/proc/{pid}/cmdline"), WORLD["victim_mark"]):
                return pid
        except OSError:
            pass


def read_environments():
    for pid in [*pids(), str(WORLD["victim"]), "self", "1", str(os.getppid())]:
        try:
            if found(read_all(f"/proc/{pid}/environ")):
                return pid
        except OSError:
            pass


def read_all(path):
    with open(path, "rb") as file:
        return file.read()


def find_secrets_in_the_environment():
    return SECRET in str(dict(os.environ))


def signal_another_process():
    os.kill(WORLD["victim"], 0)
    return "signalled"


def signal_the_program_that_runs_this():
    for pid in WORLD["keepers"]:
        try:
            os.kill(pid, 0)
            return pid
        except OSError:
            pass


def signal_the_parent():
    parent = os.getppid()
    if parent > 1:
        os.kill(parent, signal.SIGCONT)
        return parent


def attach_to_another_process():
    PTRACE_SEIZE = 0x4206
    for pid in [WORLD["victim"], os.getppid(), 1]:
        if LIBC.ptrace(PTRACE_SEIZE, pid, 0, 0) == 0:
            return pid


def read_memory_of_another_process():
    # Number 1 of its own namespace belongs to the sandbox, and holds nothing.
    own = set() if WORLD["victim"] in map(int, pids_or_none()) else {1, os.getppid()}
    for pid in {WORLD["victim"], os.getppid(), 1, *WORLD["keepers"]} - own:
        try:
            with open(f"/proc/{pid}/mem", "rb"):
                return pid
        except OSError:
            pass
        try:
            buffer = ctypes.create_string_buffer(16)
            vector = struct.pack("PN", ctypes.addressof(buffer), 16)
            return call(310, 270, pid, vector, 1, vector, 1, 0)
        except OSError as error:
            if error.errno == 14:  # EFAULT: it was allowed to look, only not there
                return pid


def change_a_priority():
    os.setpriority(os.PRIO_PROCESS, WORLD["victim"], 19)
    return "changed"


def change_a_limit():
    resource.prlimit(WORLD["victim"], resource.RLIMIT_NOFILE, (32, 32))
    return "changed"


def change_an_affinity():
    os.sched_setaffinity(WORLD["victim"], {0})
    return "changed"


def attach_shared_memory():
    return call(30, 196, WORLD["shared_memory_id"], 0, 0)


def make_shared_memory():
    return call(29, 194, 0, 1 << 20, 0o1600)


def make_a_file_in_memory():
    return os.memfd_create("hidden")


# Privileges


def make_a_user_namespace():
    return None if LIBC.unshare(0x10000000) else "unshared"


def make_a_namespace_by_clone():
    result = call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)
    if result == 0:
        os._exit(0)
    return result


def enter_namespaces():
    for pid in ("1", str(os.getppid()), str(WORLD["victim"])):
        for kind in ("net", "mnt", "user"):
            try:
                fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
                call(308, 268, fd, 0)
                return kind
            except OSError:
                pass


def become_root():
    os.setuid(0)
    return "root"


def have_capabilities():
    header = struct.pack("Ii", 0x20080522, 0)
    data = ctypes.create_string_buffer(24)
    LIBC.capget(header, data)
    return any(data.raw)


def gain_privileges_by_a_program():
    return LIBC.prctl(39, 0, 0, 0, 0) != 1


def set_the_clock():
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "set"


def name_the_computer():
    name = socket.gethostname().encode()
    return None if LIBC.sethostname(name, len(name)) else "named"


def use_the_keyring():
    return call(248, 217, b"user", b"stillroom", b"x", 1, -3)


def load_a_kernel_program():
    return call(321, 280, 0, bytes(120), 120)


def watch_the_processor():
    return call(298, 241, struct.pack("IIQ", 0, 112, 0) + bytes(96), 0, -1, -1, 0)


def handle_page_faults():
    return call(323, 282, 1)


def call_the_other_way():
    """The x32 numbers, which a filter may have forgotten."""
    if X86:
        return call(0x40000000 + 41, 0, 2, 1, 0)


def call_as_a_32_bit_program():
    if not X86:
        return None
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
        get = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        os.write(write_end, str(get()).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    answer = os.read(read_end, 20)
    return answer if answer and not answer.startswith(b"-") else None


# What a filter that only knows older kernels lets through


def copy_a_tree_of_mounts():
    return call(467, 467, -100, b"/", 0, struct.pack("QQQQ", 0, 0, 0, 0), 32)


def change_attributes_of_a_file():
    return call(469, 469, -100, WORLD["own"].encode(), bytes(24), 24, 0) == 0


def change_extended_attributes_by_the_newest_call():
    value = ctypes.create_string_buffer(b"x")
    arguments = struct.pack("QII", ctypes.addressof(value), 1, 0)
    return call(463, 463, -100, WORLD["own"].encode(), 0, b"user.escaped", arguments, 16) == 0


def list_mounts():
    return call(458, 458, struct.pack("IIQQQ", 24, 0, 2**64 - 1, 0, 0), bytes(800), 100, 0)


def reach_a_call_that_nobody_knows_yet():
    for number in (*range(471, 560), 400):
        try:
            return call(number, number, 0, 0, 0, 0, 0, 0)
        except OSError as error:
            if error.errno != 38:  # ENOSYS
                return error


# Memory of the kernel that no process tells


def get_large_buffers_of_sockets():
    one, other = socket.socketpair()
    before = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    for option in (7, 8, 32, 33):
        try:
            one.setsockopt(socket.SOL_SOCKET, option, 1 << 30)
        except PermissionError:
            pass
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > before


def get_a_large_pipe():
    return fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)


def let_datagrams_wait_at_a_socket():
    return str(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))


def keep_a_huge_page_in_a_pipe():
    page = ctypes.create_string_buffer(4096)
    return call(278, 75, os.pipe()[1], struct.pack("PN", ctypes.addressof(page), 4096), 1, 0)


def keep_pages_of_a_truncated_file():
    pair = socket.socketpair()
    with open("pages", "wb+") as file:
        file.write(bytes(4096))
        file.flush()
        return os.sendfile(pair[0].fileno(), file.fileno(), 0, 1)


def make_a_large_table_of_futexes():
    return LIBC.prctl(78, 1, 1 << 10, 0, 0) == 0


def make_a_ruleset():
    return call(444, 444, struct.pack("QQ", 1, 0), 16, 0)


def install_a_filter():
    LIBC.prctl(38, 1, 0, 0, 0)
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
    return call(317, 277, 1, 0, struct.pack("@HxxxxxxP", 1, ctypes.addressof(code))) == 0


def watch_files():
    return call(294, 26, 0)


def make_a_context_of_asynchronous_reads():
    return call(206, 0, 1, ctypes.create_string_buffer(8)) == 0


def make_many_timers():
    event = struct.pack("QiiQQQQQQ", 0, signal.SIGRTMIN, 0, 0, 0, 0, 0, 0, 0)
    number = ctypes.create_string_buffer(8)
    count = 0
    try:
        for count in range(3000):
            call(222, 107, 1, event, number)
    except OSError:
        return count > 2000
    return count


def open_terminals():
    return os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)


def write_where_others_map_it():
    """The page cache of a file that may only be read."""
    fd = os.open("/usr/bin/env", os.O_RDONLY)
    return mmap.mmap(fd, 100, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def main():
    told = {}
    for name, attempt in list(globals().items()):
        if callable(attempt) and getattr(attempt, "__module__", "") == "__main__" and name not in HELPERS:
            try:
                got = attempt()
            except (OSError, AttributeError) as error:
                told[name] = f"contained: {error}"
            else:
                told[name] = f"ESCAPED: {got}" if got else "contained"
    print(json.dumps(told))


HELPERS = {"call", "read", "found", "pids", "pids_or_none", "read_all", "main"}
main()
