"""Find what runs each language on this computer: an interpreter or a compiler that is installed."""

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.base.errors import StillroomError
from app.base.paths import app_paths
from app.code.go_library import GoLibrary, go_environment, imports_of
from app.code.languages import PLAIN_TEXT, language_named
from app.code.sandbox.limits import Job
from models.system.child_process import NO_WINDOW

ASK_S = 10.0


class NotRunnableError(StillroomError):
    """There is nothing on this computer that runs the language."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The means to run a language: the program's `file_name`, the `command` that runs it, and the `folders`
    that it needs to read besides the system's own."""

    file_name: str
    command: tuple[str, ...]
    folders: tuple[str, ...] = ()
    go: str = ""
    """The program `go`, whose library is to be compiled ahead."""


RUNNABLE = (
    ("python", "javascript")
    if sys.platform == "win32"
    else ("python", "javascript", "bash", "c", "cpp", "rust", "go")
)
"""The languages that can be run, by key; on Windows those that need neither a shell nor a compiler."""

_RUN_BUILT = (
    ' && cp /bin/true "$TMPDIR/program" && cat "$TMPDIR/built" > "$TMPDIR/program" && exec "$TMPDIR/program"'
)
"""A linker cannot make its output executable if modes may not be changed; a program's copy already is."""
_COMPILE = f'"$0" -O1 -w -o "$TMPDIR/built" "$1" $2{_RUN_BUILT}'
_COMPILE_RUST = (
    f'"$0" --edition 2021 -C opt-level=1 -C "linker=$1" -A warnings -o "$TMPDIR/built" main.rs{_RUN_BUILT}'
)
_COMPILE_GO = f'export GOTMPDIR="$TMPDIR"; "$0" build -p 2 -o "$TMPDIR/built" main.go{_RUN_BUILT}'

_lock = threading.Lock()


def job_for(
    code: str,
    language: str,
    *,
    files: dict[str, str] | None = None,
    stdin: str = "",
    stop: threading.Event | None = None,
) -> Job:
    """Make the job that runs `code` in `language` (a key of `app.code.languages`); `files` lie beside it.

    Looks for the interpreter the first time, which may take a second, and compiles what a program imports of
    Go's library, which takes some seconds the first time, or until `stop`: any thread but the GUI's. Raises
    `NotRunnableError`, which says what to install.
    """
    with _lock:
        runtime = _runtime(language)
    folders, environment = runtime.folders, dict[str, str]()
    if runtime.go:
        folders, environment = _with_library(runtime, code, stop)
    return Job(
        command=runtime.command,
        files={**(files or {}), runtime.file_name: code},
        shown_folders=folders,
        environment=environment,
        stdin=stdin,
    )


@cache
def _runtime(language: str) -> Runtime:
    match language if language in RUNNABLE else "":
        case "python":
            return _python()
        case "javascript":
            return _node()
        case "bash":
            shell = _found(("bash",), "Bash", "Install Bash to run shell scripts.")
            return Runtime("main.sh", (shell, "main.sh"))
        case "c":
            compiler = _found(("gcc", "clang", "cc"), "a C compiler", "Install GCC or Clang to run C.")
            return Runtime("main.c", ("/bin/sh", "-c", _COMPILE, compiler, "main.c", "-lm"))
        case "cpp":
            compiler = _found(("g++", "clang++"), "a C++ compiler", "Install GCC or Clang to run C++.")
            return Runtime("main.cpp", ("/bin/sh", "-c", _COMPILE, compiler, "main.cpp", ""))
        case "rust":
            return _rust()
        case "go":
            return _go()
    if language == PLAIN_TEXT.key:
        raise NotRunnableError(
            "The language of this text is not known.", "Choose it below the editor, at the right."
        )
    known = language_named(language) or PLAIN_TEXT
    raise NotRunnableError(
        "{language} is not run here.",
        "On Windows Stillroom runs Python and JavaScript."
        if sys.platform == "win32"
        else "Stillroom runs Python, JavaScript, Bash, C, C++, Rust and Go.",
        language=known.name if known is not PLAIN_TEXT else language or known.name,
    )


def _python() -> Runtime:
    """The first Python that is there: the user's own, or the one that runs Stillroom."""
    own = () if getattr(sys, "frozen", False) else (sys.executable,)
    names = ("python", "py") if sys.platform == "win32" else ("python3",)
    asked = "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep=chr(10))"
    for candidate in (*_on_path(names), *own):
        told = _ask(candidate, "-I", "-X", "utf8", "-c", asked)
        if len(told) == 3:
            # Only within an environment's folder the place of the program tells Python which one it is.
            place = Path(told[0])
            program = place if place.is_relative_to(told[1]) else place.resolve()
            folders = _outside_system(*told[1:], str(program.resolve().parents[1]))
            if _can_show(program, folders):
                return Runtime("main.py", (str(program), "main.py"), folders)
    raise NotRunnableError("There is no Python on this computer.", "Install Python 3 to run Python code.")


def _node() -> Runtime:
    for candidate in _on_path(("node", "nodejs")):
        told = _ask(candidate, "-p", "process.execPath")
        if len(told) == 1:
            program = Path(told[0]).resolve()
            folders = _outside_system(str(program.parents[1]))
            if _can_show(program, folders):
                return Runtime("main.js", (str(program), "main.js"), folders)
    raise NotRunnableError("There is no Node.js on this computer.", "Install Node.js to run JavaScript code.")


def _rust() -> Runtime:
    """The compiler itself, which rustup's program of that name only calls."""
    linker = _found(("gcc", "clang", "cc"), "a linker for Rust", "Install GCC or Clang to run Rust.")
    for candidate in (*_on_path(("rustc",)), str(Path.home() / ".cargo/bin/rustc")):
        told = _ask(candidate, "--print", "sysroot")
        if len(told) == 1:
            program = Path(told[0]) / "bin" / "rustc"
            folders = _outside_system(told[0])
            if program.is_file() and _can_show(program, folders):
                return Runtime("main.rs", ("/bin/sh", "-c", _COMPILE_RUST, str(program), linker), folders)
    raise NotRunnableError("There is no Rust on this computer.", "Install Rust to run Rust code.")


def _go() -> Runtime:
    for candidate in (*_on_path(("go",)), "/usr/local/go/bin/go"):
        told = _ask(candidate, "env", "GOROOT")
        if len(told) == 1:
            program = Path(told[0]) / "bin" / "go"
            folders = _outside_system(told[0])
            if program.is_file() and _can_show(program, folders):
                return Runtime(
                    "main.go", ("/bin/sh", "-c", _COMPILE_GO, str(program)), folders, go=str(program)
                )
    raise NotRunnableError("There is no Go on this computer.", "Install Go to run Go code.")


@cache
def _library(go: str) -> GoLibrary:
    return GoLibrary(go, app_paths().go_library)


def _with_library(
    runtime: Runtime, code: str, stop: threading.Event | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the folders and the environment of a program in Go."""
    library = _library(runtime.go)
    library.compile(imports_of(code), stop)
    folder = str(library.folder)
    if library.folder.is_dir() and _can_show(library.folder, (folder,)):
        return (*runtime.folders, *_outside_system(folder)), go_environment(folder)
    # Where a sandbox cannot show it, each run compiles all for itself.
    return runtime.folders, go_environment("/tmp/go-library")


def _found(names: tuple[str, ...], what: str, hint: str) -> str:
    for path in _on_path(names):
        # Of a version manager's many folders the sandbox shows none.
        if not _outside_system(path):
            return path
    raise NotRunnableError("There is no {program} on this computer.", hint, program=what)


def _on_path(names: tuple[str, ...]) -> list[str]:
    system = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))
    found = [shutil.which(name, path=path) for path in (None, system) for name in names]
    return list(dict.fromkeys(path for path in found if path))


def _ask(program: str, *arguments: str) -> list[str]:
    """The lines that the user's own interpreter tells about itself; empty when it does not."""
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ASK_S,
            creationflags=NO_WINDOW,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    text = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
    return text.split("\n")[:-1] if done.returncode == 0 else []


def _can_show(program: Path, folders: tuple[str, ...]) -> bool:
    """Tell whether a sandbox with the system and `folders` can start `program`, without showing a home."""
    if sys.platform == "win32":
        return True  # There a program sees what the user sees.
    if any(Path.home().is_relative_to(folder) for folder in folders):
        return False
    links = [program]
    while links[-1].is_symlink():
        links.append(links[-1].parent / links[-1].readlink())
    shown = all(not _outside_system(str(link)) or _is_below(link, folders) for link in links)
    # As root the sandbox runs as nobody, who gets through no closed folder.
    parents = {parent for link in links for parent in link.parents} if os.geteuid() == 0 else ()
    return shown and all(parent.stat().st_mode & 0o001 for parent in parents)


def _is_below(path: Path, folders: tuple[str, ...]) -> bool:
    return any(Path(os.path.normpath(path)).is_relative_to(folder) for folder in folders)


def _outside_system(*paths: str) -> tuple[str, ...]:
    """Those that the sandbox does not show anyway."""
    system = ("/usr", "/bin", "/lib", "/nix/store", "/gnu/store")
    return tuple(
        dict.fromkeys(
            path for path in paths if not any(Path(path).is_relative_to(folder) for folder in system)
        )
    )
