"""llama.cpp's variants for older processors, emulated by qemu-user: `make installers-test`.

qemu emulates up to AVX2; a variant with AVX-512 is what a processor that has it takes by itself.
"""

import ctypes
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, LoadSettings, Part, Sampling
from app.engine.supervision import silence_watch
from models.catalogue.starter import starter_file
from tests.support.columns import (
    COLUMN_TYPES,
    INTERLEAVED_TYPES,
    REPACKED_TYPES,
    has_several_columns,
    interleaved_products,
    interleaves,
    products,
    repacked_products,
)

pytestmark = [pytest.mark.installers, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
QEMU = shutil.which("qemu-x86_64")
PORTABLE = next(
    (place for place in (ROOT / "build/bookworm/src/build/llama", ROOT / "build/llama") if place.exists()),
    None,
)
"""The unpacked wheel of `make engine`, as `make installers` or `make bundle` leaves it."""

QUESTION = [
    Part("<|im_start|>user\n", True),
    Part("Name a colour."),
    Part("<|im_end|>\n<|im_start|>assistant\n", True),
]

if QEMU is None:
    pytest.skip("needs qemu-user", allow_module_level=True)
needs_the_wheel = pytest.mark.skipif(PORTABLE is None, reason="needs the unpacked wheel in build/llama")


@pytest.mark.parametrize("command", [(), ("list",)])
def test_a_processor_that_is_too_old_is_told(command: tuple[str, ...], tmp_path: Path) -> None:
    assert QEMU is not None
    environment = os.environ | {"STILLROOM_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [QEMU, "-cpu", "qemu64", sys.executable, "-m", "app", *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert "processor is too old for Stillroom: it lacks SSE4.2 and POPCNT" in done.stderr


def test_the_oldest_processor_with_the_instructions_starts(tmp_path: Path) -> None:
    assert QEMU is not None
    done = subprocess.run(
        [QEMU, "-cpu", "Nehalem", sys.executable, "-m", "app", "list", "--json"],
        env=os.environ | {"STILLROOM_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) is not None


@needs_the_wheel
@pytest.mark.parametrize(
    ("processor", "variant"),
    [
        ("Nehalem", "sse42"),
        ("SandyBridge", "sandybridge"),
        ("IvyBridge", "ivybridge"),
        ("Haswell", "haswell"),
    ],
)
def test_an_older_processor_gets_its_variant_and_answers(
    processor: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A step takes so long where it is emulated.
    monkeypatch.setattr(silence_watch, "SILENCE_S", 300.0)
    # It would choose instructions that the emulated processor does not have.
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PORTABLE), str(ROOT)]))
    starter = starter_file()
    assert QEMU is not None
    assert starter is not None
    client = EngineClient([QEMU, "-cpu", processor, sys.executable, "-m", "app.engine.worker.worker"])
    text: list[str] = []
    client.start()
    try:
        listed = client.list_devices().result()
        assert [state.library for state in listed.backends if state.name == "CPU"] == [
            f"libggml-cpu-{variant}"
        ]
        client.load(str(starter), LoadSettings(context_tokens=256, threads=1)).future.result()
        reply = client.generate(
            QUESTION,
            sampling=Sampling(temperature=0.0),
            max_tokens=4,
            on_event=lambda event: text.append(event.text) if isinstance(event, Delta) else None,
        )
        assert reply.future.result().stats.completion_tokens == 4
    finally:
        client.close()
    assert "".join(text).strip()


@needs_the_wheel
def test_each_variant_multiplies_several_columns_as_one() -> None:
    """Of those that this processor can run, some with AVX2 alone and some with AVX-512."""
    assert PORTABLE is not None
    package = PORTABLE / "llama_cpp"
    ctypes.CDLL(str(package / "lib" / "libggml-base.so"))  # which each of them is linked with
    tried = []
    for library in sorted((package / "bin").glob("libggml-cpu-*.so")):
        if not ctypes.CDLL(str(library)).ggml_backend_score() or not has_several_columns(library):
            continue
        for kind, rows, columns in itertools.product(COLUMN_TYPES, (2, 7), range(1, 34)):
            several, single = products(library, kind, rows, columns, 768)
            assert several.tobytes() == single.tobytes(), f"{library.name}: {rows} rows, {columns} columns"
        for kind, columns in itertools.product(REPACKED_TYPES, range(1, 34)):
            several, single = repacked_products(library, kind, 24, columns, 768)
            assert several.tobytes() == single.tobytes(), f"{library.name}: in eights, {columns} columns"
        interleaved = [kind for kind in INTERLEAVED_TYPES if interleaves(library, kind)]
        for kind, columns in itertools.product(interleaved, range(1, 34)):
            several, expected = interleaved_products(library, kind, 16, columns, 768)
            assert several.tobytes() == expected.tobytes(), f"{library.name}: interleaved, {columns} columns"
        tried.append(library.stem.removeprefix("libggml-cpu-"))
    print(", ".join(tried))
    assert "haswell" in tried
