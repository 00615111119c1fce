"""Loads a model: chooses context, threads and GPU layers, and steps down where memory is short."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from app.engine.gguf_shape import read_shape
from app.engine.gpu_presence import graphics_cards
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.messages import Device, LoadSettings, ModelInfo
from app.engine.offload import (
    DEFAULT_CONTEXT_TOKENS,
    ModelShape,
    choose_context,
    ladder,
    layers_that_fit,
    offload_devices,
)
from app.engine.prompt_tokens import PromptTokens
from app.errors import EngineError
from models.demand import Demand

LARGEST_CONTEXT_TOKENS = 1 << 22
LARGEST_BATCH_TOKENS = 8192
MOST_SEQUENCES = 64
MOST_THREADS = 512


@dataclass(slots=True)
class LoadedModel:
    """A model ready to answer, and what is told about it."""

    model: Model
    context: Context
    prompts: PromptTokens
    info: ModelInfo

    def free(self) -> None:
        """Give all memory back."""
        self.context.free()
        self.model.free()


def physical_cores() -> int:
    """Cores that compute; a second thread on a core only gets in the way of the first."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))


def check_settings(settings: LoadSettings) -> None:
    """Raise `EngineError` for a number that no model could be loaded with."""
    for name, value, low, high in (
        ("context size", settings.context_tokens, 0, LARGEST_CONTEXT_TOKENS),
        ("number of GPU layers", settings.gpu_layers, -1, 10_000),
        ("number of threads", settings.threads, 0, MOST_THREADS),
        ("batch size", settings.batch_tokens, 1, LARGEST_BATCH_TOKENS),
        ("number of parallel replies", settings.sequences, 1, MOST_SEQUENCES),
    ):
        if not low <= value <= high:
            raise EngineError(
                "The {setting} is {value}; it must lie between {low} and {high}.",
                "Correct it in the model's settings and load again.",
                setting=name,
                value=value,
                low=low,
                high=high,
            )
    if settings.kv_type != "f16" and settings.flash_attention == "off":
        raise EngineError(
            "A quantised KV cache needs flash attention, which is switched off.",
            "Set flash attention to automatic, or the KV cache to f16.",
        )


def load_model(
    backend: Backend,
    path: Path,
    settings: LoadSettings,
    abort: AbortFlag,
    on_progress: Callable[[float], bool],
) -> LoadedModel:
    """Load the GGUF file `path` (checked already); on the engine's thread.

    `on_progress` gets the fraction of the weights read and returns False to cancel. Raises
    `llama.LoadCancelled`, or `EngineError` with llama.cpp's own reason.
    """
    started_s = time.perf_counter()
    check_settings(settings)
    devices = offload_devices(backend.devices())
    shape = read_shape(backend.ggml, path)
    notices: list[str] = []
    context_tokens = settings.context_tokens or _choose_context(shape, settings, devices)
    if shape is not None and shape.context_limit and context_tokens > shape.context_limit:
        notices.append(
            f"The context was set to {context_tokens} tokens; the model was trained for "
            f"{shape.context_limit}, so it was lowered to that."
        )
        context_tokens = shape.context_limit
    wanted = _wanted_layers(shape, settings, context_tokens, devices)
    layers = len(shape.layer_bytes) if shape is not None else wanted
    steps = ladder(wanted, layers) if devices else [0]
    threads = settings.threads or physical_cores()
    failure = NativeError("")
    for gpu_layers in steps:
        try:
            loaded = _try(
                backend, path, settings, abort, on_progress, gpu_layers, context_tokens, threads, started_s
            )
        except NativeError as error:
            failure = error
            if gpu_layers:
                notices.append(
                    f"Loading with {gpu_layers} layers on the graphics card failed; trying fewer. "
                    f"llama.cpp said: {_first_line(str(error))}"
                )
            continue
        notices += _gpu_notices(backend, devices, settings, loaded.info, wanted)
        loaded.info = _with_notices(loaded.info, notices)
        return loaded
    raise _load_error(path, context_tokens, str(failure))


def _try(
    backend: Backend,
    path: Path,
    settings: LoadSettings,
    abort: AbortFlag,
    on_progress: Callable[[float], bool],
    gpu_layers: int,
    context_tokens: int,
    threads: int,
    started_s: float,
) -> LoadedModel:
    model = Model(backend, path, gpu_layers=gpu_layers, mmap=settings.mmap, on_progress=on_progress)
    context = None
    try:
        context = Context(
            backend,
            model,
            context_tokens=context_tokens,
            batch_tokens=settings.batch_tokens,
            sequences=settings.sequences,
            threads=threads,
            kv_type=settings.kv_type,
            flash_attention=settings.flash_attention,
            abort=abort,
        )
        if not context.warm_up(model.bos if model.bos >= 0 else 0):
            raise NativeError(backend.log.reason())
        prompts = PromptTokens(model)
    except NativeError:
        if context is not None:
            context.free()
        model.free()
        raise
    devices = offload_devices(backend.devices()) if gpu_layers else []
    info = ModelInfo(
        path=str(path),
        name=model.metadata("general.name") or path.stem,
        architecture=model.metadata("general.architecture"),
        quantisation=model.quantisation(),
        parameters=model.parameters,
        size_bytes=model.size_bytes,
        layers=model.layers,
        gpu_layers=min(gpu_layers, model.layers + 1),
        context_tokens=context.context_tokens,
        context_limit=model.context_limit,
        vocabulary=model.vocabulary,
        threads=threads,
        batch_tokens=settings.batch_tokens,
        kv_type=settings.kv_type,
        backend=", ".join(dict.fromkeys(device.backend for device in devices)) or "CPU",
        chat_template=model.metadata("tokenizer.chat_template"),
        bos_text=_token_text(model, model.bos),
        eos_text=_token_text(model, model.eos),
        adds_bos=model.adds_bos,
        load_s=time.perf_counter() - started_s,
        buffers=backend.log.buffers(),
    )
    return LoadedModel(model, context, prompts, info)


def _choose_context(shape: ModelShape | None, settings: LoadSettings, devices: list[Device]) -> int:
    if shape is None:
        return DEFAULT_CONTEXT_TOKENS
    return choose_context(
        shape,
        sequences=settings.sequences,
        batch_tokens=settings.batch_tokens,
        kv_type=settings.kv_type,
        devices=devices if settings.gpu_layers else [],
        host_free_bytes=psutil.virtual_memory().available,
    )


def _wanted_layers(
    shape: ModelShape | None, settings: LoadSettings, context_tokens: int, devices: list[Device]
) -> int:
    if not devices:
        return 0
    if settings.gpu_layers >= 0 or shape is None:
        return settings.gpu_layers if settings.gpu_layers >= 0 else 10_000
    demand = Demand(
        context_tokens,
        settings.sequences,
        settings.batch_tokens,
        settings.kv_type,
        settings.flash_attention != "off",
    )
    return layers_that_fit(shape, demand, devices)


def _gpu_notices(
    backend: Backend, devices: list[Device], settings: LoadSettings, info: ModelInfo, wanted: int
) -> list[str]:
    if settings.gpu_layers == 0:
        return []
    if not devices:
        cards = graphics_cards()
        if cards and not backend.supports_gpu:
            return [
                f"This machine has a graphics card ({', '.join(cards)}), but the installed llama.cpp has no "
                "CUDA or Vulkan back end, so the model runs on the processor. "
                "Run `stillroom doctor` for what to install."
            ]
        if cards:
            return [
                f"This machine has a graphics card ({', '.join(cards)}), but llama.cpp cannot use it, so the "
                "model runs on the processor. The driver is missing or too old: run `stillroom doctor`."
            ]
        return []
    names = ", ".join(device.description or device.name for device in devices)
    free_gib = sum(device.memory_free_bytes for device in devices) / 2**30
    if info.gpu_layers == 0:
        return [
            f"The graphics card ({names}) has too little free memory ({free_gib:.1f} GiB) for even one layer "
            "of this model, so it runs on the processor. Close other programs that use the card, or choose "
            "a smaller model or context."
        ]
    if info.gpu_layers <= info.layers and settings.gpu_layers < 0:
        return [
            f"{info.gpu_layers} of {info.layers + 1} layers run on the graphics card ({names}, "
            f"{free_gib:.1f} GiB free), the rest on the processor, which is slower. "
            "A smaller quantisation or context would fit more."
        ]
    return []


def _with_notices(info: ModelInfo, notices: list[str]) -> ModelInfo:
    return msgspec.structs.replace(info, notices=notices)


def _token_text(model: Model, token: int) -> str:
    return model.raw_piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "nothing"


def _load_error(path: Path, context_tokens: int, native: str) -> EngineError:
    lower = native.lower()
    if "alloc" in lower or "memory" in lower:
        return EngineError(
            "There is not enough memory for {name} with a context of {context_tokens} tokens.",
            "Choose a smaller quantisation or context, or close other programs.",
            native=native,
            name=path.name,
            context_tokens=context_tokens,
        )
    return EngineError(
        "llama.cpp could not load {name}.",
        "The file may be damaged or of a kind this llama.cpp does not know: build or download it again.",
        native=native,
        name=path.name,
    )
