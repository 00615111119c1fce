import sys
import threading
import time
from pathlib import Path

import pytest

from app.code.go_library import MOST_IMPORTS, GoLibrary, imports_of

if sys.platform == "win32":
    pytest.skip("Go is not run there", allow_module_level=True)


def test_what_a_program_imports_of_the_library_is_found() -> None:
    code = (
        'package main\n\nimport "fmt"\nimport str "strings"\nimport (\n\t"net/http"\n\t_ "embed"\n'
        '\t. "math"\n\t"github.com/x/y"\n\t"C"\n\t"../local"\n)\n\nvar x = "import \\"os\\""\n'
    )

    assert imports_of(code) == ("fmt", "strings", "net/http", "embed", "math")
    assert imports_of("") == ()
    assert len(imports_of("import (\n" + "\n".join(f'"a{n}"' for n in range(999)) + "\n)")) == MOST_IMPORTS


def pretender(folder: Path, script: str) -> str:
    """A program in the place of `go`, which notes how it is called."""
    program = folder / "go"
    program.write_text(f'#!/bin/sh\necho "$GOPROXY $GOENV $HOME $*" >> {folder}/called\n{script}\n')
    program.chmod(0o755)
    return str(program)


def test_each_package_is_compiled_once_and_nothing_else(tmp_path: Path) -> None:
    go = pretender(tmp_path, 'test "$1" = list && echo runtime fmt')
    library = GoLibrary(go, tmp_path / "library")
    library.compile(["fmt", "nosuch"])
    library.compile(["fmt"])

    listed, built = (tmp_path / "called").read_text().splitlines()
    assert listed.endswith("runtime fmt nosuch")
    assert built.endswith("build runtime fmt")
    assert listed.startswith("off off /")
    assert str(Path.home()) not in listed.split()[2:3]


def test_stop_ends_a_compiler_that_does_not_end(tmp_path: Path) -> None:
    library = GoLibrary(pretender(tmp_path, "sleep 300"), tmp_path / "library")
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began_s = time.monotonic()
    library.compile(["fmt"], stop)
    assert time.monotonic() - began_s < 100
