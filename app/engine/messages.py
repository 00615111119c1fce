"""Requests to the engine and events from it: the only vocabulary between the engine and the rest.

Every struct crosses the pipe as msgpack, so it holds plain values only. Times are seconds, sizes bytes,
`request_id` is chosen by the client and comes back in each event that belongs to the request.
"""

from typing import Literal

import msgspec

Channel = Literal["thinking", "answer"]
FinishReason = Literal["stop", "length", "context", "cancelled"]
KvType = Literal["f16", "q8_0", "q4_0"]
SpeculationMode = Literal["off", "lookup", "draft"]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of everything on the wire; the class name is the tag."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of a prompt. `special` text is the template's and may hold control tokens; the rest is
    somebody's words and is tokenised as plain text, so that nobody forges a turn."""

    text: str
    special: bool = False


class RpcServer(msgspec.Struct, frozen=True):
    """Another computer that runs llama.cpp's rpc-server, as `host:port`. `anywhere` allows an address outside
    the local network, for somebody who insists: the connection has neither password nor encryption."""

    address: str
    anywhere: bool = False


class LoadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is loaded; zero and "auto" mean that the engine chooses and says what it chose."""

    context_tokens: int = 0
    gpu_layers: int = -1
    threads: int = 0
    batch_tokens: int = 512
    sequences: int = 1
    kv_type: KvType = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    mmap: bool = True
    rpc_servers: tuple[RpcServer, ...] = ()
    rpc_use: Literal["too_large", "always"] = "too_large"
    """Whether other computers help only with a model that is too large for this one, or with each."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn; the defaults are the DeepSeek-R1 authors' advice (temperature 0.6, top_p 0.95).

    `temperature` 0 is greedy. `top_k` 0 and `min_p` 0 are off. `seed` None draws a fresh one.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_tokens: int = 64
    seed: int | None = None


class LoadNotice(msgspec.Struct, frozen=True):
    """A sentence about a loaded model, as an English template and what fills it; the window translates it."""

    message: str
    values: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


class Load(Message, frozen=True, kw_only=True):
    """Load a model, after unloading the present one.

    Answered by `LoadProgress`..., then `Loaded` or `Failed`.
    """

    request_id: int
    path: str
    settings: LoadSettings = LoadSettings()


class Unload(Message, frozen=True, kw_only=True):
    """Free the model and its memory. Answered by `Unloaded`."""

    request_id: int


class Generate(Message, frozen=True, kw_only=True):
    """One reply. Answered by `PromptProgress`..., `Delta`..., then `Finished` or `Failed`.

    The prompt is `parts`, or the token ids `tokens` where given (benchmarks), which are evaluated as they
    are. To `parts` the engine adds BOS when the model's metadata asks for it and they do not start with it.
    `thinking` says where the reply starts: "open" (the template has written `<think>`), "auto" (the model
    may open a block itself) or "off" (no splitting). `ignore_eog` goes on past end-of-generation tokens.
    `reuse_prefix` False evaluates the whole prompt, also the part that is in the KV cache (benchmarks).

    `chat_key` names the conversation: what was evaluated for it is kept on disk until `DropStates`.
    `speculation` guesses ahead and checks several tokens in one step, with the same distribution: "lookup"
    takes the guesses from what was said before, "draft" from the model of `LoadSettings.draft_path`.
    """

    request_id: int
    parts: list[Part] = []
    tokens: list[int] | None = None
    sampling: Sampling = Sampling()
    max_tokens: int = 0
    stop: list[str] = []
    thinking: Literal["open", "auto", "off"] = "auto"
    ignore_eog: bool = False
    reuse_prefix: bool = True
    chat_key: str = ""
    speculation: SpeculationMode = "off"


class Cancel(Message, frozen=True, kw_only=True):
    """Stop a load or a generation within one step; its own answer then ends it."""

    request_id: int


class Tokenize(Message, frozen=True, kw_only=True):
    """Token ids of a prompt, as `Generate` would evaluate it. Answered by `Tokenized`."""

    request_id: int
    parts: list[Part]


class ListDevices(Message, frozen=True, kw_only=True):
    """The compute devices with the memory that is free now, other computers' too. Answered by
    `DevicesListed`."""

    request_id: int
    rpc_servers: tuple[RpcServer, ...] = ()


class Shutdown(Message, frozen=True, kw_only=True):
    """Free everything and end the process."""


Request = Load | Unload | Generate | Cancel | Tokenize | ListDevices | Shutdown


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A compute device that this llama.cpp can use. `backend` is ggml's name ("CUDA", "Vulkan", "CPU")."""

    name: str
    description: str
    backend: str
    kind: Literal["cpu", "gpu", "igpu", "accel"]
    memory_total_bytes: int
    memory_free_bytes: int
    hardware_id: str = ""
    """The PCI address where it is known: a card that answers to CUDA and to Vulkan is one card."""


class RpcProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why another computer cannot be used; templates for `StillroomError` that `values` fills."""

    address: str
    message: str
    hint: str
    values: dict[str, str | int | float] = {}


class BackendState(msgspec.Struct, frozen=True, kw_only=True):
    """A back end of this llama.cpp; `library` is the one that was chosen, where it lies in one of its own.

    `reason` is the system's own word on why it did not load, or that it loaded and found no device.
    """

    name: str
    loaded: bool
    library: str = ""
    reason: str = ""


class DevicesListed(Message, frozen=True, kw_only=True):
    """Answer to `ListDevices`. A device of another computer has the back end "RPC" and its address as
    `description`."""

    request_id: int
    devices: list[Device]
    problems: list[RpcProblem] = []
    backends: list[BackendState] = []


class Ready(Message, frozen=True, kw_only=True):
    """First event of a fresh engine process."""

    llama_cpp_version: str
    system_info: str
    devices: list[Device]
    pid: int


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded and where it went."""

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
    buffers: dict[str, int]
    """Bytes that llama.cpp allocated, by buffer name (weights, KV cache and compute together)."""
    notices: list[str] = []
    """Sentences the user should see, such as a GPU that is present and not used."""


class LoadProgress(Message, frozen=True, kw_only=True):
    """`fraction` of the weights read so far, 0 to 1."""

    request_id: int
    fraction: float


class Loaded(Message, frozen=True, kw_only=True):
    """The model is ready."""

    request_id: int
    info: ModelInfo


class Unloaded(Message, frozen=True, kw_only=True):
    """The model's memory is free again."""

    request_id: int


class PromptProgress(Message, frozen=True, kw_only=True):
    """Prompt tokens evaluated so far."""

    request_id: int
    done_tokens: int
    total_tokens: int


class Delta(Message, frozen=True, kw_only=True):
    """New text of a reply. `tokens` counts the tokens of this channel since the last delta (a token can
    hold part of a character, so the text may lag behind)."""

    request_id: int
    channel: Channel
    text: str
    tokens: int


class GenerationStats(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on the engine's thread. Rates are tokens per second; `ttft_s` runs from the request's
    arrival to its first token; `decode_tok_per_s` leaves the first token out, as it belongs to the prompt."""

    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int
    ttft_s: float
    prompt_s: float
    decode_s: float
    thinking_s: float
    prompt_tok_per_s: float
    decode_tok_per_s: float
    context_tokens_used: int
    seed: int
    reused_tokens: int = 0
    """Prompt tokens that were in the KV cache already; the prompt's rate counts only the others."""
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    """Of the `drafted_tokens` that were guessed ahead, those that turned out right."""


class Finished(Message, frozen=True, kw_only=True):
    """The end of a reply, also of a cancelled one."""

    request_id: int
    reason: FinishReason
    stats: GenerationStats


class Tokenized(Message, frozen=True, kw_only=True):
    """Answer to `Tokenize`."""

    request_id: int
    tokens: list[int]


class Failed(Message, frozen=True, kw_only=True):
    """A request that could not be served. `message` and `hint` are templates for `StillroomError`,
    `values` fills them; `native` is llama.cpp's own reason."""

    request_id: int
    message: str
    hint: str = ""
    values: dict[str, str | int | float] = {}
    native: str = ""
    cancelled: bool = False


Event = (
    Ready
    | LoadProgress
    | Loaded
    | Unloaded
    | PromptProgress
    | Delta
    | Finished
    | Tokenized
    | DevicesListed
    | Failed
)
