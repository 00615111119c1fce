"""Things that a sandboxed program must not reach: files, sockets, shared memory and another process, all open
to it by their permissions, so that only the sandbox keeps it away."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECRET = "the-secret-of-the-outside"
NOBODY = 65534


def user_of_sandbox() -> int:
    """Who sandboxed programs are when these tests run: never root."""
    return NOBODY if os.geteuid() == 0 else os.geteuid()


def as_user(user: int) -> list[str]:
    """The start of a command line that makes the rest run as `user`."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@contextmanager
def outside_world(user: int) -> Iterator[dict[str, object]]:
    """Everything that `tests/data/code/escapes.py` tries to get at, for a sandbox that runs as `user`."""
    home = Path(tempfile.mkdtemp(prefix="outside-", dir="/var/tmp"))
    shared = Path(f"/dev/shm/{home.name}")
    listeners = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    listeners[1].bind(("127.0.0.1", 0))
    victim: subprocess.Popen[bytes] | None = None
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, 4096, 0o1666)
    try:
        (home / ".local/share/stillroom").mkdir(parents=True)
        (home / "public").mkdir()
        for name in ("secret.txt", "writable.txt", "public/deletable.txt", "own.txt"):
            (home / name).write_text(SECRET)
            (home / name).chmod(0o666)
        (home / ".local/share/stillroom/chats.sqlite3").write_text(SECRET)
        shared.write_text(SECRET)
        shared.chmod(0o666)
        if os.geteuid() == 0:
            os.chown(home / "own.txt", user, user)
        home.chmod(0o755)
        (home / "public").chmod(0o777)
        for name in ("service", "bus", "display"):
            listeners.append(_unix(str(home / name)))
            (home / name).chmod(0o777)
        listeners += [_unix(f"\0{home.name}"), _unix(f"\0{home}/display")]
        victim = subprocess.Popen(
            [*as_user(user), "/bin/sh", "-c", f"cd {home}; : victim-of-{home.name}; echo; read forever"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"TOKEN": SECRET, "PATH": os.environ["PATH"]},
        )
        assert victim.stdout is not None
        victim.stdout.readline()
        yield {
            "secret": SECRET,
            "home": str(home),
            "writable": str(home / "writable.txt"),
            "deletable": str(home / "public/deletable.txt"),
            "own": str(home / "own.txt"),
            "public": str(home / "public"),
            "cwd_mark": str(home / "secret.txt"),
            "shared_memory_file": str(shared),
            "shared_memory_id": segment,
            "tcp_port": listeners[0].getsockname()[1],
            "udp_port": listeners[1].getsockname()[1],
            "unix_socket": str(home / "service"),
            "bus": str(home / "bus"),
            "display": str(home / "display"),
            "abstract_socket": home.name,
            "victim": victim.pid,
            "victim_mark": f"victim-of-{home.name}",
            "keepers": [os.getpid()],
        }
    finally:
        if victim is not None:
            victim.kill()
            victim.communicate()
        for listener in listeners:
            listener.close()
        libc.shmctl(segment, 0, None)
        shared.unlink(missing_ok=True)
        shutil.rmtree(home)


def _unix(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def processes_with(mark: str) -> list[int]:
    """The processes whose command line holds `mark`."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


assert sys.platform == "linux"
