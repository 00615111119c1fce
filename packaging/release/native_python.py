"""Run a program of Python on this computer's processor in a folder that is Debian for another one:
`native-python native_python.py MACHINE PROGRAM.py ARGUMENTS`, or with `-m MODULE` in place of the program.

The program is told that it runs on MACHINE ("aarch64"): it finds the extension modules that are made for that
one, and starts the folder's own Python, emulated, where it starts Python. So PyInstaller, which loads modules
in such children only, reads packages at this computer's speed. Both Pythons must be of the same version.
"""

import importlib
import importlib.machinery
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

OWN_MODULES = Path("/opt/native/lib-dynload")
"""The standard library's extension modules for this computer's processor."""
NAME = "native-python"
"""This computer's Python, in the folder's environment beside its own."""


def main(arguments: Sequence[str]) -> None:
    """Load what belongs to this processor, then run the program as if on the other one."""
    machine, *command = arguments
    # Some modules ask for Python's configuration when they are loaded, and it is read once.
    sys.implementation._multiarch = platform_of(machine)
    load_all(OWN_MODULES)
    act_as(machine, Path(sys.executable).with_name("python"))
    if command[0] == "-m":
        sys.argv = command[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        sys.path[0] = str(Path(command[0]).resolve().parent)
        runpy.run_path(command[0], run_name="__main__")


def platform_of(machine: str) -> str:
    """Name Linux on a machine as Debian and Python do."""
    return f"{machine}-linux-gnu"


def load_all(folder: Path) -> None:
    """Import each extension module in the folder that can be: afterwards only the other processor's are
    found."""
    sys.path.append(str(folder))
    for path in sorted(folder.glob("*.so")):
        name = path.name.partition(".")[0]
        if not name.startswith(("_test", "_xx", "xx")):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
    sys.path.remove(str(folder))


def act_as(machine: str, python: Path) -> None:
    """Let this process say and find what a Python on `machine` does; `python` is the one for children."""
    here = os.uname()
    told = os.uname_result((here.sysname, here.nodename, here.release, here.version, machine))
    os.uname = lambda: told
    sys.executable = str(python)
    sys._base_executable = os.path.realpath(python)
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    suffixes[:] = [f".{sys.implementation.cache_tag}-{platform_of(machine)}.so", ".abi3.so", ".so"]
    finder = importlib.machinery.FileFinder.path_hook(
        (importlib.machinery.ExtensionFileLoader, suffixes),
        (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
        (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
    )
    # It takes folders only, and leaves archives to those behind it.
    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()


if __name__ == "__main__":
    main(sys.argv[1:])
