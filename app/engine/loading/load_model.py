"""Loads a model by its plan, and steps down the ladder where memory turns out to be short."""

import ctypes
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import psutil

from app.base.errors import EngineError
from app.engine.devices.buffer_names import without_rows
from app.engine.devices.huge_pages import has_large_pages
from app.engine.generation.prompt_tokens import PromptTokens
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.errors import LoadCancelled, NativeError
from app.engine.llama.model import Model
from app.engine.loading.embedder import Embedder, pooling_of
from app.engine.planning.device_placement import Placement, place
from app.engine.planning.gguf_shape import GgufFacts, read_draft_shape, read_facts
from app.engine.planning.load_notices import gpu_notices
from app.engine.planning.load_plan import DRAFT_ROWS, Room, cache_type, plan_load
from app.engine.planning.memory_fallback import LadderStep, Stage, processor_only, steps
from app.engine.planning.paged_memory import is_paged, looks_full
from app.engine.planning.rope_scaling import MOST_STRETCH
from app.engine.protocol import LoadNotice, LoadSettings, ModelInfo
from app.engine.speculation.draft_model import DraftModel
from app.engine.supervision.exit_reason import names_memory
from models.memory.memory_reserve import driver_pages
from models.system.cores import physical_cores

LARGEST_CONTEXT_TOKENS = 1 << 22
LARGEST_BATCH_TOKENS = 8192
MOST_SEQUENCES = 64
MOST_THREADS = 512

_UNKNOWN_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
"""src/llama-model.cpp, `llama_model_create`"""

PAGED = "The card is out of memory: its driver has moved a part of the model to RAM."
"""In place of llama.cpp's words, which knows nothing of it."""

OnAttempt = Callable[[LoadSettings, LoadNotice | None], None]
"""Gets the plan of each attempt, and what there is to say before it."""


@dataclass(slots=True)
class LoadedModel:
    """A model ready to answer, and what is told about it."""

    model: Model
    context: Context
    prompts: PromptTokens
    info: ModelInfo
    draft: DraftModel | None = None
    embedder: Embedder | None = None
    """Made with the first text that is to become a vector."""

    def free(self) -> None:
        """Give all memory back."""
        if self.embedder is not None:
            self.embedder.free()
        if self.draft is not None:
            self.draft.free()
        self.context.free()
        self.model.free()
        release_freed_memory()


def check_settings(settings: LoadSettings) -> None:
    """Raise `EngineError` for a number that no model could be loaded with."""
    for name, value, low, high in (
        ("context size", settings.context_tokens, 0, LARGEST_CONTEXT_TOKENS),
        ("number of GPU layers", settings.gpu_layers, -1, 10_000),
        ("number of threads", settings.threads, 0, MOST_THREADS),
        ("number of prompt threads", settings.prompt_threads, 0, MOST_THREADS),
        ("batch size", settings.batch_tokens, 0, LARGEST_BATCH_TOKENS),
        ("number of parallel replies", settings.sequences, 0, MOST_SEQUENCES),
        ("stretch of the context", settings.context_stretch, 1, MOST_STRETCH),
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
    if settings.kv_type not in ("f16", "auto") and settings.flash_attention == "off":
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
    on_attempt: OnAttempt = lambda plan, notice: None,
) -> LoadedModel:
    """Load the GGUF file `path` (checked already); on the engine's thread.

    `on_progress` gets the fraction of the weights read and returns False to cancel. Raises
    `llama.LoadCancelled`, or `EngineError` with llama.cpp's own reason.
    """
    check_settings(settings)
    facts = read_facts(backend.ggml, path)
    ram_bytes = psutil.virtual_memory().available
    placement = place(settings, facts.shape, backend.local_devices(), ram_bytes, backend.rpc)
    devices = placement.devices
    room = Room(devices, ram_bytes, physical_cores(), has_large_pages())
    draft = read_draft_shape(backend.ggml, settings.draft_path)
    plan = plan_load(settings, facts.shape, facts.rope, room, draft)
    loader = _Loader(backend, path, settings, facts, placement, abort, on_progress, as_in_file=plan.is_paged)
    loaded = loader.load(plan.settings, plan.notices, on_attempt)
    # As many layers as there are: a plan may ask for more.
    layers = min(plan.wanted.gpu_layers, loaded.info.layers + 1)
    planned = msgspec.structs.replace(plan.wanted, gpu_layers=layers)
    info = msgspec.structs.replace(loaded.info, planned=planned)
    notices = [
        *placement.notices,
        *plan.notices,
        *gpu_notices(info, devices, supports_gpu=backend.supports_gpu),
    ]
    loaded.info = msgspec.structs.replace(info, notices=notices)
    return loaded


class _OutOfRoom(Exception):
    """An attempt failed at `stage` with llama.cpp's `native` reason."""

    def __init__(self, stage: Stage, native: str) -> None:
        super().__init__(native)
        self.stage = stage
        self.native = native

    @property
    def is_memory(self) -> bool:
        """Tell whether llama.cpp's words are about memory, as far as can be told."""
        return names_memory(self.native)


class _Loader:
    """One load: attempts with one plan after the other. The weights stay while only the context changes."""

    def __init__(
        self,
        backend: Backend,
        path: Path,
        asked: LoadSettings,
        facts: GgufFacts,
        placement: Placement,
        abort: AbortFlag,
        on_progress: Callable[[float], bool],
        *,
        as_in_file: bool,
    ) -> None:
        """With `as_in_file` mapped weights are not copied into another order: the system can drop them."""
        self._backend = backend
        self._path = path
        self._asked = asked
        self._facts = facts
        self._placement = placement
        self._abort = abort
        self._on_progress = on_progress
        self._as_in_file = as_in_file
        self._started_s = time.perf_counter()
        self._model: Model | None = None
        self._weights: dict[str, int] = {}

    def load(self, plan: LoadSettings, notices: list[LoadNotice], on_attempt: OnAttempt) -> LoadedModel:
        """Load the model; `notices` grows by what was given up."""
        said = notices[-1] if notices else None
        while True:
            on_attempt(plan, said)
            try:
                return self._attempt(plan)
            except _OutOfRoom as failure:
                taken = self._after(failure, plan)
                if not taken or _weights_of(taken[-1].plan) != _weights_of(plan):
                    self._free()
                if not taken:
                    raise _load_error(self._path, plan.context_tokens, failure) from None
                notices += [step.notice for step in taken]
                plan, said = taken[-1].plan, taken[-1].notice

    def _after(self, failure: _OutOfRoom, plan: LoadSettings) -> list[LadderStep]:
        """Choose what to give up now; empty where all is given up."""
        if not failure.is_memory:
            step = processor_only(plan)
            return [step] if step is not None else []
        layers = len(self._facts.shape.layer_bytes) + 1 if self._facts.shape is not None else 0
        ladder = steps(plan, self._asked, failure.stage, layers)
        # The model that guesses ahead is loaded after this one: giving it up has freed nothing yet.
        wanted = 2 if plan.draft_path else 1
        taken = list(islice(ladder, wanted))
        return taken if len(taken) == wanted else []

    def _attempt(self, plan: LoadSettings) -> LoadedModel:
        backend = self._backend
        if self._model is None:
            # llama.cpp does not ask before it has read the vocabulary.
            if not self._on_progress(0.0):
                raise LoadCancelled
            try:
                self._model = Model(
                    backend,
                    self._path,
                    gpu_layers=plan.gpu_layers,
                    mmap=plan.maps_weights,
                    on_progress=self._on_progress,
                    placement=self._placement,
                    as_in_file=self._as_in_file and plan.maps_weights,
                )
            except NativeError as error:
                raise _OutOfRoom("weights", str(error)) from None
            self._weights = backend.log.buffers()
        model = self._model
        backend.log.clear()
        try:
            context = Context(
                backend,
                model,
                context_tokens=plan.context_tokens,
                batch_tokens=plan.batch_tokens,
                sequences=plan.sequences,
                draft_rows=DRAFT_ROWS,
                threads=plan.threads,
                prompt_threads=plan.prompt_threads,
                kv_type=cache_type(plan),
                flash_attention=plan.flash_attention,
                yarn=self._facts.rope.yarn_for(plan.context_tokens),
                abort=self._abort,
            )
        except NativeError as error:
            raise _OutOfRoom("context", str(error)) from None
        if not context.warm_up(model.bos if model.bos >= 0 else 0):
            context.free()
            raise _OutOfRoom("decode", backend.log.reason())
        if plan.gpu_layers and driver_pages() and self._is_paged(plan, model, context):
            context.free()
            raise _OutOfRoom("decode", PAGED)
        try:
            prompts = PromptTokens(model)
        except NativeError as error:
            context.free()
            self._free()
            raise _load_error(self._path, plan.context_tokens, _OutOfRoom("weights", str(error))) from None
        return LoadedModel(model, context, prompts, self._info(plan, model, context))

    def _is_paged(self, plan: LoadSettings, model: Model, context: Context) -> bool:
        """Tell whether the driver had to put a part of it into RAM, where it would be read over the bus."""
        before, weights = self._placement.devices, self._weights
        allocated = _sums(weights, self._backend.log.buffers())
        if not looks_full(before, self._backend.devices(), allocated):
            return False
        token_s = context.token_s(model.bos if model.bos >= 0 else 0)
        there = sum(weights.get(device.name, 0) for device in before)
        return is_paged(before, allocated, there, token_s, whole=plan.gpu_layers > model.layers)

    def _info(self, plan: LoadSettings, model: Model, context: Context) -> ModelInfo:
        gpu_layers = min(plan.gpu_layers, model.layers + 1)
        devices = self._placement.devices if gpu_layers else ()
        shape = self._facts.shape
        looked_up_bytes = shape.weights.looked_up(gpu_layers) if shape is not None else 0
        return ModelInfo(
            path=str(self._path),
            name=model.metadata("general.name") or self._path.stem,
            architecture=model.metadata("general.architecture"),
            quantisation=model.quantisation(),
            parameters=model.parameters,
            size_bytes=model.size_bytes,
            layers=model.layers,
            gpu_layers=gpu_layers,
            context_tokens=context.context_tokens,
            context_limit=self._facts.rope.limit_tokens or model.context_limit,
            vocabulary=model.vocabulary,
            threads=plan.threads,
            batch_tokens=plan.batch_tokens,
            kv_type=cache_type(plan),
            backend=", ".join(dict.fromkeys(device.backend for device in devices)) or "CPU",
            chat_template=model.metadata("tokenizer.chat_template"),
            bos_text=_token_text(model, model.bos),
            eos_text=_token_text(model, model.eos),
            adds_bos=model.adds_bos,
            load_s=time.perf_counter() - self._started_s,
            pooling=pooling_of(model),
            fim_texts=_fim_texts(model),
            buffers=_sums(without_rows(self._weights, looked_up_bytes), self._backend.log.buffers()),
            asked=self._asked,
            plan=msgspec.structs.replace(plan, gpu_layers=gpu_layers),
        )

    def _free(self) -> None:
        if self._model is not None:
            self._model.free()
            self._model = None


def _weights_of(plan: LoadSettings) -> tuple[int, str]:
    """Return what decides where the weights are: the layers on the card, and mapped or copied."""
    return plan.gpu_layers, plan.weights


def _sums(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


def _token_text(model: Model, token: int) -> str:
    return model.raw_piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""


def _fim_texts(model: Model) -> tuple[str, str, str] | None:
    before, behind, fill = (_token_text(model, token) for token in model.fim)
    return (before, behind, fill) if before and behind and fill else None


def _load_error(path: Path, context_tokens: int, failure: _OutOfRoom) -> EngineError:
    if failure.is_memory:
        return EngineError(
            "There is not enough memory for {name} with a context of {context_tokens} tokens.",
            "Choose a smaller quantisation or context, or close other programs.",
            native=failure.native,
            name=path.name,
            context_tokens=context_tokens,
        )
    unknown = _UNKNOWN_ARCHITECTURE.search(failure.native)
    if unknown is not None:
        return EngineError(
            "{name} is a model of the architecture “{architecture}”, which this llama.cpp does not know.",
            "Choose a model of another kind, or a newer Stillroom.",
            native=failure.native,
            name=path.name,
            architecture=unknown[1],
        )
    return EngineError(
        "llama.cpp could not load {name}.",
        "The file may be damaged: build or download it again.",
        native=failure.native,
        name=path.name,
    )


def release_freed_memory() -> None:
    """Return what the C library keeps for later: about 40 MB after a model was unloaded (glibc only)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
