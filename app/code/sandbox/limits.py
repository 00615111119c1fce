"""The limits of a sandboxed program, and the result of its run. Plain data for both sides of the pipe."""

from dataclasses import dataclass, field
from typing import Literal

MIB = 1 << 20

BackEnd = Literal["bubblewrap", "namespaces", "landlock", "windows"]

Ending = Literal["exit", "time", "memory", "output", "disk", "files", "stopped", "failed"]
"""`exit`: by itself. `failed`: it could not be started. The others: the limit that ended it, or Stop."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a run may take. Files are those it makes.

    Memory is the sum over all its processes, with files in memory and what the kernel keeps for them.
    """

    time_s: float = 10.0
    memory_bytes: int = 512 * MIB
    output_bytes: int = 1 * MIB
    disk_bytes: int = 64 * MIB
    files: int = 2000
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Job:
    """One program to run: `command` with `files` (name: text) in its working folder.

    Names may have folders with forward slashes, never outside. `shown_folders` are further folders that it
    may read, such as an interpreter's. `stdin` is what it reads; nothing else comes in.
    """

    command: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    shown_folders: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run. `exit_code` is a shell's (128 + signal), -1 unless it ended by itself.

    `output` is stdout and stderr as they came, `stdout` the one alone. `reason` says why it `failed`.
    """

    ending: Ending
    exit_code: int
    output: str
    stdout: str
    seconds: float
    peak_memory_bytes: int
    back_end: BackEnd
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether the program ended by itself, with exit code 0."""
        return self.ending == "exit" and self.exit_code == 0
