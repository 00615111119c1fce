"""Keep Go's own library compiled: without it each small program would take ten seconds of a processor.

Only what a program imports is compiled, by the user's own toolchain and of its own sources; nothing of the
program takes part. The sandbox shows the result for reading.
"""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

LONGEST_S = 180.0
MOST_IMPORTS = 80
_LOOK_S = 0.05

_IMPORTS = re.compile(r'^\s*import\s+(?:\(([^)]*)\)|(?:[\w.]+\s+)?"([^"\n]+)")', re.MULTILINE)
_QUOTED = re.compile(r'"([^"\n]+)"')
_OF_THE_LIBRARY = re.compile(r"[a-z0-9]+(?:/[a-z0-9]+)*")


def imports_of(code: str) -> tuple[str, ...]:
    """List what a program imports that may be of Go's own library: no name of it has a dot."""
    names = []
    for group, single in _IMPORTS.findall(code):
        names += _QUOTED.findall(group) if group else [single]
    return tuple(dict.fromkeys(name for name in names if _OF_THE_LIBRARY.fullmatch(name)))[:MOST_IMPORTS]


def go_environment(cache: str) -> dict[str, str]:
    """Return the settings of every call: nothing is fetched, nothing of the user's is read."""
    return {
        "GOCACHE": cache,
        "GOENV": "off",
        "GOFLAGS": "",
        "GOPATH": "/tmp/go",
        "GOPROXY": "off",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
    }


class GoLibrary:
    """What was compiled of one toolchain's library, in a folder of ours. Any thread."""

    def __init__(self, program: str, folder: Path) -> None:
        """`program` is `go` itself; `folder` may be missing."""
        self._program = program
        self.folder = folder
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def compile(self, names: Sequence[str], stop: threading.Event | None = None) -> None:
        """Compile the packages of these names, unless they are there; what is no package of the library is
        left to the program's own compiler to complain about. A failure is too."""
        with self._lock:
            self._compile([name for name in ("runtime", *names) if name not in self._known], stop)

    def _compile(self, wanted: list[str], stop: threading.Event | None) -> None:
        if not wanted:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        end_s = time.monotonic() + LONGEST_S
        standard = self._go(
            ["list", "-e", "-f", "{{if and .Standard (not .Error)}}{{.ImportPath}}{{end}}", *wanted],
            end_s,
            stop,
        ).split()
        self._go(["build", *standard], end_s, stop)
        if stop is None or not stop.is_set():
            self._known.update(wanted)

    def _go(self, arguments: list[str], end_s: float, stop: threading.Event | None) -> str:
        """Return what `go` says, nothing where it was stopped or takes too long."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory() as nothing_there:
            environment = go_environment(str(self.folder)) | {
                "PATH": "/usr/bin:/bin",
                "HOME": nothing_there,
                "GOPATH": nothing_there,
            }
            running = subprocess.Popen(
                [self._program, *arguments],
                cwd=nothing_there,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while running.poll() is None:
                if time.monotonic() > end_s or (stop is not None and stop.is_set()):
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()
                    return ""
                time.sleep(_LOOK_S)
            output.seek(0)
            return output.read().decode("utf-8", "replace")
