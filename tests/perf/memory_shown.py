"""The memory that is shown before a load against what the engine's process takes after it.

`python -m tests.perf.memory_shown [KEY/TYPE ...]` writes each shape of the catalogue as a file without
weights, which takes no disk and as much memory as one with them, and loads it with automatic settings in a
fresh engine. Without arguments it takes all that fit into what is free now.
"""

import sys
import tempfile
from pathlib import Path

import psutil

from app.engine.devices.huge_pages import engine_has_large_pages
from app.engine.protocol import (
    Failed,
    Load,
    Loaded,
    LoadSettings,
    Measure,
    Measured,
    Ready,
)
from app.machine.advisor import Advisor
from app.machine.measurements import measured_load
from converters.gguf.hollow_gguf import write_hollow_gguf
from models.catalogue.catalogue import CatalogueModel, catalogue, find
from models.memory.fit import Fit, Memory, Verdict
from models.quantisation.quantisation_types import QUANTISATIONS
from tests.support.engines import ChildEngine


def main() -> None:
    asked = [tuple(argument.split("/")) for argument in sys.argv[1:]]
    combinations = asked or [(model.key, kind) for model in catalogue() for kind in QUANTISATIONS]
    print("model            type    replies x context  weights   shown GB  llama.cpp GB  process GB  off")
    worst = 0.0
    for key, kind in combinations:
        model = find(key)
        assert model is not None, key
        if model.thinks:
            worst = max(worst, abs(_measure(model, kind)))
    print(f"worst: {100 * worst:.1f}%")


def _measure(model: CatalogueModel, kind: str) -> float:
    """Load one, print its line and return the part by which the process takes more than was shown."""
    shown = _shown(model, kind)
    if shown.verdict is Verdict.TOO_LARGE:
        print(f"{model.key:16} {kind:7} too large: {shown}")
        return 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.gguf"
        write_hollow_gguf(file, model, kind, speaks=True)
        engine = ChildEngine()
        try:
            while not isinstance(ready := engine.next_event(), Ready):
                pass
            shown = _shown(model, kind)
            engine.post(Load(request_id=1, path=str(file), settings=LoadSettings()))
            while not isinstance(event := engine.next_event(), Loaded | Failed):
                pass
            assert isinstance(event, Loaded), event
            allocated = measured_load(event.info).ram_bytes
            taken = _anonymous_bytes(ready.pid) + _read_bytes(engine, ready.pid, file, event.info.plan)
        finally:
            engine.close()
    plan = event.info.plan
    off = taken / shown.needed_bytes - 1
    print(
        f"{model.key:16} {kind:7} {plan.sequences:3} x {plan.context_tokens:<11,}  {plan.weights:7} "
        f"{shown.needed_bytes / 1e9:9.2f} {allocated / 1e9:13.2f} {taken / 1e9:11.2f}  "
        f"{100 * off:+.1f}%",
        flush=True,
    )
    return off


def _anonymous_bytes(pid: int) -> int:
    """Read what of a process's memory is in no file (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def _read_bytes(engine: ChildEngine, pid: int, file: Path, plan: LoadSettings) -> int:
    """Return how much of the mapped `file` a reply reads (Linux): all else of it stays in RAM only until
    somebody needs the room."""
    Path(f"/proc/{pid}/clear_refs").write_text("1")
    engine.post(
        Measure(request_id=2, settings=plan, prompt_tokens=8, decode_tokens=4, most_s=60.0, in_place=True)
    )
    while not isinstance(event := engine.next_event(), Measured | Failed):
        pass
    assert isinstance(event, Measured), event
    read, is_file = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            is_file = words[-1] == str(file)
        elif is_file and words[0] == "Referenced:":
            read += int(words[1]) * 1024
    return read


def _shown(model: CatalogueModel, kind: str) -> Fit:
    memory = Memory(psutil.virtual_memory().available, large_pages=engine_has_large_pages())
    return Advisor(catalogue(), memory).outlook(model, kind).fit


if __name__ == "__main__":
    main()
