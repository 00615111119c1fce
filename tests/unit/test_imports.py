"""The direction of the imports, and what the core never loads."""

import importlib.util
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WINDOW_PARTS = ("app.ui", "app.__main__")
NEVER_IN_THE_CORE = ("PySide6", "shiboken6", "pyqtgraph", "qasync", "torch", "transformers")
ONLY_IN_THE_ENGINE_CHILD = "llama_cpp"
MOST_AT_ONCE = 25
"""Modules that one step between two events of the window imports: 30 ms or so."""


def modules_of(package: str) -> list[str]:
    """Every module of a package by its files; nothing is imported here."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    folders = [str(folder) for folder in spec.submodule_search_locations or []]
    names = [package]
    for module in pkgutil.iter_modules(folders, f"{package}."):
        names += modules_of(module.name) if module.ispkg else [module.name]
    return names


def core_modules() -> list[str]:
    return [
        name
        for package in ("app", "models", "converters", "resources")
        for name in modules_of(package)
        if not name.startswith(WINDOW_PARTS)
    ]


def loaded_after(modules: list[str]) -> set[str]:
    """Top-level names in `sys.modules` of a fresh interpreter that has imported `modules`."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_core_never_loads_qt() -> None:
    assert not loaded_after(core_modules()) & set(NEVER_IN_THE_CORE)


@pytest.mark.parametrize(
    "package",
    [
        "app.engine",
        "app.telemetry",
        "app.chat",
        "app.code",
        "app.bench",
        "app.commands",
        "app.server",
        "models",
        "converters",
    ],
)
def test_each_core_package_alone_never_loads_qt(package: str) -> None:
    assert not loaded_after(modules_of(package)) & set(NEVER_IN_THE_CORE)


def test_the_commands_do_not_load_native_llama_into_their_own_process() -> None:
    assert ONLY_IN_THE_ENGINE_CHILD not in loaded_after(["app.cli"])


def test_help_loads_neither_the_hub_nor_numpy() -> None:
    assert not loaded_after(["app.cli"]) & {"huggingface_hub", "numpy", "httpx", "pynvml"}


def test_the_window_starts_without_numpy_the_hub_a_web_server_and_a_parser() -> None:
    loaded = loaded_after(["app.window_bootstrap", "app.ui.shell.program"])
    assert not loaded & {"huggingface_hub", "numpy", "httpx", "fastapi", "starlette", "anyio", "markdown_it"}


def test_what_is_shown_later_comes_in_small_steps_and_whole() -> None:
    """The window imports it between two events; a first show then imports nothing."""
    shown = [
        "app.ui.models.models_tab",
        "app.ui.load_settings.load_settings_dialog",
        "app.ui.settings.settings_dialog",
        "app.ui.benchmark.drift.drift_page",
        "app.ui.benchmark.benchmark_tab",
        "app.ui.code.code_tab",
    ]
    code = (
        "import importlib, json, sys\n"
        "import app.window_bootstrap, app.ui.shell.program\n"
        "from app.ui.shell.deferred_imports import deferred_imports\n"
        "counts = [len(sys.modules)]\n"
        "for _ in deferred_imports(): counts.append(len(sys.modules))\n"
        f"for name in {shown!r}: importlib.import_module(name)\n"
        "print(json.dumps([counts, len(sys.modules), sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    counts, after, names = json.loads(done.stdout)
    assert counts[-1] - counts[0] > 100
    assert max(here - before for before, here in pairwise(counts)) <= MOST_AT_ONCE
    assert after == counts[-1]
    assert not {"numpy", "httpx", "huggingface_hub", "fastapi", "pyqtgraph"} & set(names)


def test_the_gguf_library_stays_in_the_processes_that_convert() -> None:
    """It takes a tenth of a second to load, and numpy with it."""
    parts = [
        "app.window_bootstrap",
        "app.ui.shell.program",
        "app.acquire.acquirer",
        "app.engine.worker.worker",
    ]
    assert "gguf" not in loaded_after(parts)


def test_the_arrows_hold() -> None:
    program = shutil.which(
        "lint-imports", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("import-linter is not installed (it is in the dev extra)")
    done = subprocess.run([program, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_room_is_a_package_and_so_installed() -> None:
    rooms = {
        file.parent
        for top in ("app", "models", "converters", "resources")
        for file in (ROOT / top).rglob("*.py")
    }
    assert [str(room) for room in rooms if not (room / "__init__.py").is_file()] == []
