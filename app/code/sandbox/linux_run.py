"""Runs one program on Linux: starts it in its back end, passes its output on, watches it, ends all of it."""

import codecs
import contextlib
import os
import resource
import selectors
import time

# All of them at the top: once this process is nobody, Python's own files may be out of reach.
from app.code.sandbox import bubblewrap, filesystem_view, kernel, landlocked, namespaces, processes
from app.code.sandbox.control_group import ControlGroup
from app.code.sandbox.event_lines import tell
from app.code.sandbox.limits import MIB, BackEnd, Ending, Job, Limits
from app.code.sandbox.memory_use import MemoryUse
from app.code.sandbox.spawn import COUNTED_NICE, Started, keep_to_one_processor

TICK_S = 0.05
QUICKEST_TICK_S = 0.0005
TAKEN_PER_S = 16e9
"""Where memory is counted from outside, looks are as far apart as what is left of the limit lasts at least:
the one processor that the run then has fills 8 GB of sockets' buffers in a second, and the look may come
late."""
TAKEN_IN_A_TURN = 32 * MIB
"""A thread takes so much in one turn of the scheduler, which gives each that wants one before the look comes:
so no more go on at a time than could take what is left. The others wait for the next look."""
CLOSE_NICE = 10
"""Of a program that could take what is left in one turn: a tenth of the weight of others."""
READ_BYTES = 1 << 16
NOBODY = 65534


class LinuxRun:
    """One program from its start until nothing of it is left."""

    def __init__(self, back_end: BackEnd, job: Job, limits: Limits, group: str) -> None:
        self._back_end = back_end
        self._job = job
        self._limits = limits
        self._output_bytes = 0
        self._memory_bytes = self._peak_bytes = 0
        self._stderr = ""
        self._folder = ""
        self._is_in_memory = False
        self._folder_bytes = 0
        self._held: list[int] = []
        self._next_files_s = 0.0
        self._group: ControlGroup | None = None
        with contextlib.suppress(OSError):
            self._group = ControlGroup(group) if group else None
        self._memory_use = MemoryUse(limits.memory_bytes, own_network=back_end != "landlock")

    def supervise(self) -> None:
        """Until nothing of it is left; tells everything on stdout."""
        os.chdir("/")
        _become_nobody()
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        began_s = time.monotonic()
        try:
            started = self._start()
        except OSError as error:
            tell(ending="failed", reason=str(error))
            return
        if self._group and not self._group.is_used():
            self._group = None
            keep_to_one_processor(os.getpid())
        ending, exit_code = self._watch(started, began_s)
        if self._group:
            self._peak_bytes = self._group.peak_bytes()
            if ending == "exit" and self._group.has_ended_someone():
                ending = "memory"
        if self._folder:
            landlocked.remove(self._folder)
        reason = started.failure(self._stderr) if ending == "exit" else ""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        tell(
            ending="failed" if reason else ending,
            exit_code=exit_code if ending == "exit" and not reason else -1,
            reason=reason,
            seconds=time.monotonic() - began_s,
            peak_memory_bytes=max(self._peak_bytes, children.ru_maxrss * 1024),
        )

    def _start(self) -> Started:
        if self._back_end == "bubblewrap":
            return bubblewrap.start(self._job, self._limits, self._group)
        if self._back_end == "namespaces":
            return namespaces.start(self._job, self._limits, self._group)
        started, self._folder = landlocked.start(self._job, self._limits, self._group)
        self._is_in_memory = filesystem_view.is_in_memory(self._folder)
        tell(folder=self._folder)
        return started

    def _watch(self, started: Started, began_s: float) -> tuple[Ending, int]:
        """Pass the output on until the program is gone, or has to go; then nothing of it runs any more."""
        ending: Ending | None = None
        exit_code = -1
        # Python's epoll waits for whole milliseconds.
        with selectors.SelectSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            for fd, name in ((started.stdout, "stdout"), (started.stderr, "stderr")):
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ, (name, _decoder()))
            next_look_s = now_s = began_s
            while ending is None:
                for key, _ in selector.select(max(0.0, min(TICK_S, next_look_s - now_s))):
                    if key.fd == 0:
                        ending = "stopped"
                    elif not self._pass_on(key.fd, *key.data):
                        selector.unregister(key.fd)
                look_s = time.monotonic()
                if ending is None and look_s >= next_look_s:
                    ending = self._exceeded(look_s - began_s)
                    next_look_s = time.monotonic() + self._pause_s()
                now_s = time.monotonic()
                done, status = os.waitpid(started.pid, os.WNOHANG)
                if done and ending is None:
                    ending, exit_code = "exit", _shell_code(status)
            processes.kill_all(os.getpid())
            # All writers are dead, so what is in the pipes is all there is.
            for key in list(selector.get_map().values()):
                while key.fd != 0 and self._pass_on(key.fd, *key.data):
                    pass
        return ending, exit_code

    def _pass_on(self, fd: int, name: str, decoder: codecs.IncrementalDecoder) -> bool:
        """Tell a piece of output; False when there is none now or any more."""
        try:
            piece = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        room = max(0, self._limits.output_bytes - self._output_bytes)
        self._output_bytes += len(piece)
        text = decoder.decode(piece[:room], final=not piece)
        if text:
            tell(stream=name, text=text)
        if name == "stderr":
            self._stderr = (self._stderr + text)[-2000:]
        return bool(piece)

    def _exceeded(self, elapsed_s: float) -> Ending | None:
        limits = self._limits
        if elapsed_s >= limits.time_s:
            return "time"
        if self._output_bytes > limits.output_bytes:
            return "output"
        if self._group:
            if self._group.has_ended_someone():
                return "memory"
        else:
            self._memory_bytes = self._count_memory()
            self._peak_bytes = max(self._peak_bytes, self._memory_bytes)
            if self._memory_bytes > limits.memory_bytes:
                return "memory"
        if self._folder and elapsed_s >= self._next_files_s:
            self._next_files_s = elapsed_s + TICK_S
            disk_bytes, files = self._count_files()
            return "disk" if disk_bytes > limits.disk_bytes else "files" if files > limits.files else None
        return None

    def _count_files(self) -> tuple[int, int]:
        # It stands still meanwhile: no file goes where it was looked for already, nor to another process.
        pids, stopped = processes.stop_all(os.getpid())
        taken_bytes, files = landlocked.space_taken(self._folder, self._limits)
        taken_bytes += landlocked.deleted_space(self._folder, pids, self._limits)
        processes.go_on(stopped)
        self._folder_bytes = taken_bytes if self._is_in_memory else 0
        return taken_bytes, files

    def _count_memory(self) -> int:
        # It stands still meanwhile. Without the two that keep the namespaces.
        pids, stopped = processes.stop_all(os.getpid(), 0 if self._folder else 2)
        waiting = [pid for pid in self._held if pid in pids and pid not in stopped] + stopped
        files_bytes = self._folder_bytes if self._folder else filesystem_view.files_in_memory_bytes(pids)
        memory_bytes = self._memory_use.bytes_of(pids, files_bytes)
        left_bytes = self._limits.memory_bytes - memory_bytes
        if left_bytes >= 0:
            turn, self._held = processes.first_threads(waiting, left_bytes // TAKEN_IN_A_TURN)
            # Woken, they would keep the processor for a tick, ahead of the next look.
            processes.go_behind(turn, COUNTED_NICE if left_bytes >= TAKEN_IN_A_TURN else CLOSE_NICE)
            processes.go_on(turn)
        return memory_bytes

    def _pause_s(self) -> float:
        """The time to the next look."""
        if self._group:
            return TICK_S
        left_bytes = self._limits.memory_bytes - self._memory_bytes
        return max(QUICKEST_TICK_S, min(TICK_S, left_bytes / TAKEN_PER_S))


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


def _become_nobody() -> None:
    """Never run somebody's code as root, whoever started Stillroom."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # Otherwise this process's own files in /proc still belong to root.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def _shell_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
