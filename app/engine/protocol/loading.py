"""Loading and unloading models: how, and what came of it."""

from typing import Literal

import msgspec

from app.engine.protocol.devices import RpcServer
from app.engine.protocol.message_base import Message
from models.system.shown_text import fill

Pooling = Literal["", "mean", "cls", "last"]
KvType = Literal["f16", "q8_0", "q4_0"]
FlashAttention = Literal["auto", "on", "off"]
Weights = Literal["mapped", "copied"]


class LoadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is loaded; zero, -1 layers and "auto" mean that the engine chooses and says what it chose.

    Each of `sequences` replies side by side has its own `context_tokens`; automatic, they are as many as cost
    neither layers on the graphics card nor much of the RAM. `threads` generate, `prompt_threads` evaluate
    prompts. `batch_tokens` are evaluated in one step (llama.cpp's n_batch and, but on several cards, its
    n_ubatch: the scheduler fills whole steps). `context_stretch` above 1 allows a context of that many times
    the model's limit, by YaRN.
    """

    context_tokens: int = 0
    gpu_layers: int = -1
    threads: int = 0
    prompt_threads: int = 0
    batch_tokens: int = 0
    sequences: int = 0
    kv_type: KvType | Literal["auto"] = "auto"
    flash_attention: FlashAttention = "auto"
    context_stretch: float = 1.0
    weights: Weights | Literal["auto"] = "auto"
    """The weights on the processor: mapped from the file, so that the system can drop them when memory is
    short, or copied into memory of large pages, which is read faster (`load_plan`)."""
    draft_path: str = ""
    """A small model of the same family (a GGUF file) that guesses ahead for this one."""
    cards: tuple[str, ...] = ()
    """The graphics cards that may be used, each by its PCI address or, where that is not known, ggml's name
    of it; empty leaves the choice to `card_choice`."""
    card_use: Literal["auto", "one", "all"] = "auto"
    """Take one card where the model fits, one in any case, or all of them, by their free memory."""
    main_card: str = ""
    """The card that is taken first."""
    rpc_servers: tuple[RpcServer, ...] = ()
    rpc_use: Literal["too_large", "always"] = "too_large"
    """Let other computers help only with a model that is too large for this one, or with each."""

    @property
    def maps_weights(self) -> bool:
        """Tell whether a plan's weights stay in the file."""
        return self.weights == "mapped"


class LoadNotice(msgspec.Struct, frozen=True):
    """A sentence about a loaded model, as an English template and what fills it; the window translates it."""

    message: str
    values: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return fill(self.message, self.values)


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded model, and where it was placed."""

    path: str
    name: str
    architecture: str
    quantisation: str
    parameters: int
    size_bytes: int
    layers: int
    gpu_layers: int
    context_tokens: int
    context_limit: int
    vocabulary: int
    threads: int
    batch_tokens: int
    kv_type: KvType
    backend: str
    chat_template: str
    bos_text: str
    eos_text: str
    adds_bos: bool
    load_s: float
    pooling: Pooling = ""
    """The way in which the model makes one vector of a text's tokens; empty for one that only writes."""
    fim_texts: tuple[str, str, str] | None = None
    """The tokens in front of what comes before a gap, of what comes behind it, and of what fills it; None for
    a model that was not taught to fill in the middle."""
    buffers: dict[str, int]
    """Bytes that llama.cpp allocated, by buffer name (weights, KV cache and compute together); of the mapped
    file without the token embedding where only rows of it are read."""
    draft_buffers: dict[str, int] = {}
    """The same of the model that guesses ahead."""
    notices: list[LoadNotice] = []
    """Notices for the user, such as of a GPU that is present and not used."""
    asked: LoadSettings = LoadSettings()
    plan: LoadSettings = LoadSettings()
    """`asked` with its automatic values chosen, except flash attention."""
    planned: LoadSettings = LoadSettings()
    """The `plan` before memory turned out to be too short for it."""


class Load(Message, frozen=True, kw_only=True):
    """Load a model: beside those that are loaded where it fits, else in place of the least recently used.

    No reply is ended for it, unless the same file is loaded again. An `Unloaded` with the id 0 tells of each
    model that had to go. Answered by `LoadProgress`..., then `Loaded` or `Failed`. `notices` come back in
    `ModelInfo`: what led to these settings.
    """

    request_id: int
    path: str
    settings: LoadSettings = LoadSettings()
    notices: list[LoadNotice] = []
    states_path: str = ""
    states_limit_bytes: int = 0
    """Folder of the chats' states, and how large all of them may get; empty or 0 keeps none."""


class LoadProgress(Message, frozen=True, kw_only=True):
    """`fraction` of the weights read so far, 0 to 1. The first of each attempt has its `plan`, and a `notice`
    where there is something to say before the file is read."""

    request_id: int
    fraction: float
    plan: LoadSettings | None = None
    notice: LoadNotice | None = None
    path: str = ""
    waits: bool = False
    """For the end of a reply of another model, which has to go first."""


class Loaded(Message, frozen=True, kw_only=True):
    """The model is ready."""

    request_id: int
    info: ModelInfo


class Unload(Message, frozen=True, kw_only=True):
    """Free the model of the file `model`, or all of them, and their memory; their replies end as "cancelled".

    `rests` says that they come back with the next request. Answered by `Unloaded`.
    """

    request_id: int
    model: str = ""
    rests: bool = False


class Unloaded(Message, frozen=True, kw_only=True):
    """The memory of the model of the file `path`, or of all (empty), is free again. The engine unloads by
    itself (`request_id` 0) what has to make room for another."""

    request_id: int
    path: str = ""
    rests: bool = False
