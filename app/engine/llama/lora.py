"""LoRA adapters on a loaded model: read once, set for each step."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import psutil

from app.base.errors import EngineError
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.planning.adapter_file import check_adapter
from app.engine.protocol import Lora
from models.system.file_stamp import mark
from models.system.units import unlike_counts


class Adapters:
    """The adapters that were asked for so far; they stay until the model goes. Engine's thread."""

    def __init__(self, backend: Backend, model: Model, context: Context) -> None:
        self._backend = backend
        self._model = model
        self._context = context
        self._adapters: dict[str, Any] = {}
        self._variants: dict[str, tuple[tuple[Any, float], ...]] = {"": ()}
        self._set = ""

    def variant(self, loras: Sequence[Lora]) -> str:
        """Read what is not read yet; the name of this set, for `apply`. It is another one when a file or a
        scale changes, and empty for none.

        Raises `EngineError` or `GgufError` for a file that is no adapter of this model.
        """
        wanted = [lora for lora in loras if lora.scale != 0.0]
        names = [_name(lora.path) for lora in wanted]
        variant = "\n".join(f"{name}\t{lora.scale!r}" for name, lora in zip(names, wanted, strict=True))
        if variant not in self._variants:
            handles = [self._read(lora.path, name) for lora, name in zip(wanted, names, strict=True)]
            # llama.cpp knows each adapter once: the same file twice counts with both scales.
            scales: dict[str, float] = {}
            for name, lora in zip(names, wanted, strict=True):
                scales[name] = scales.get(name, 0.0) + lora.scale
            by_name = dict(zip(names, handles, strict=True))
            self._variants[variant] = tuple((by_name[name], scale) for name, scale in scales.items())
        return variant

    def apply(self, variant: str) -> None:
        """Evaluate with this set from the next step on."""
        if variant == self._set:
            return
        pairs = self._variants[variant]
        # One element at least: llama.cpp wants a pointer even for none.
        handles = (llama_cpp.llama_adapter_lora_p_ctypes * max(1, len(pairs)))()
        scales = (ctypes.c_float * max(1, len(pairs)))()
        for index, (handle, scale) in enumerate(pairs):
            handles[index], scales[index] = ctypes.cast(handle, llama_cpp.llama_adapter_lora_p_ctypes), scale
        llama_cpp.llama_set_adapters_lora(self._context.handle, handles, len(pairs), scales)
        self._set = variant

    def free(self) -> None:
        """Give the memory back; before the model's."""
        self.apply("")
        for handle in self._adapters.values():
            llama_cpp.llama_adapter_lora_free(handle)
        self._adapters.clear()
        self._variants = {"": ()}

    def _read(self, path: str, name: str) -> Any:
        if name not in self._adapters:
            architecture = self._model.metadata("general.architecture")
            check_adapter(self._backend.ggml, Path(path), architecture)
            _require_memory(Path(path))
            self._backend.log.clear()
            handle = llama_cpp.llama_adapter_lora_init(self._model.handle, os.fsencode(path))
            if not handle:
                raise EngineError(
                    "The adapter {file} does not fit this model.",
                    "Choose the model that it was trained for.",
                    native=self._backend.log.reason(),
                    file=Path(path).name,
                )
            self._adapters[name] = handle
        return self._adapters[name]


def _require_memory(path: Path) -> None:
    """Raise `EngineError` where an adapter's matrices do not fit: the system would end a program for it."""
    needed, free = path.stat().st_size, int(psutil.virtual_memory().available)
    if needed > free:
        needed_text, free_text = unlike_counts(needed, free)
        raise EngineError(
            "The adapter {file} needs {needed} of memory, and {free} are free.",
            "Close other programs, or choose a smaller adapter.",
            file=path.name,
            needed=needed_text,
            free=free_text,
        )


def _name(path: str) -> str:
    return f"{path}\t{mark(path)}"
