"""Requests to the engine and events from it: the only vocabulary between the engine and the rest.

Every struct crosses the pipe as msgpack, so it holds plain values only. Times are seconds, sizes bytes,
`request_id` is chosen by the client and comes back in each event that belongs to the request.
"""

from typing import Literal

import msgspec

Pooling = Literal["", "mean", "cls", "last"]
Channel = Literal["thinking", "answer"]
FinishReason = Literal["stop", "length", "context", "cancelled"]
KvType = Literal["f16", "q8_0", "q4_0"]
FlashAttention = Literal["auto", "on", "off"]
Reload = Literal["", "memory", "gpu", "peer", "file", "unknown"]
Priority = Literal["front", "background"]
SpeculationMode = Literal["off", "lookup", "draft"]
ThinkingClosed = Literal["", "model", "budget", "loop", "asked"]
"""Who closed the thinking block: nobody, the model, the budget, the loop guard, or `AnswerNow`."""


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
    """How a model is loaded; zero, -1 layers and "auto" mean that the engine chooses and says what it chose.

    Each of `sequences` replies side by side has its own `context_tokens`; automatic, they are as many as cost
    neither layers on the graphics card nor much of the RAM. `threads` generate, `prompt_threads` evaluate
    prompts. `batch_tokens` are evaluated in one step (llama.cpp's n_batch and n_ubatch alike: the scheduler
    fills whole steps). `context_stretch` above 1 allows a context of that many times the model's limit, by
    YaRN.
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
    mmap: bool = True
    draft_path: str = ""
    """A small model of the same family (a GGUF file) that guesses ahead for this one."""
    rpc_servers: tuple[RpcServer, ...] = ()
    rpc_use: Literal["too_large", "always"] = "too_large"
    """Whether other computers help only with a model that is too large for this one, or with each."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn; the defaults are the DeepSeek-R1 authors' advice (temperature 0.6, top_p 0.95).

    `temperature` 0 is greedy. `top_k` 0, `min_p` 0, `typical_p` 1, `repeat_penalty` 1, the other penalties 0,
    `dry_multiplier` 0, `xtc_probability` 0 and `mirostat` 0 are off. Mirostat (1 or 2) takes the place of
    every sampler that leaves tokens out. `logit_bias` is added to the logits of token ids. `seed` None draws
    a fresh one.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_tokens: int = 64
    seed: int | None = None
    typical_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_tokens: int = 2
    dry_last_tokens: int = 1024
    dry_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: Literal[0, 1, 2] = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    logit_bias: dict[int, float] = {}


class ThinkingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When the engine closes the thinking block itself, so that the answer follows.

    `tokens` 0 is no thinking at all; None is no limit. `seconds` count from the first token. `loop_guard`
    cuts thoughts that only repeat themselves.
    """

    tokens: int | None = None
    seconds: float | None = None
    loop_guard: bool = True


class LoadNotice(msgspec.Struct, frozen=True):
    """A sentence about a loaded model, as an English template and what fills it; the window translates it."""

    message: str
    values: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


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


class Unload(Message, frozen=True, kw_only=True):
    """Free the model of the file `model`, or all of them, and their memory; their replies end as "cancelled".

    `rests` says that they come back with the next request. Answered by `Unloaded`.
    """

    request_id: int
    model: str = ""
    rests: bool = False


class Lora(msgspec.Struct, frozen=True):
    """An adapter, a GGUF file, that is added to the model's weights `scale` times."""

    path: str
    scale: float = 1.0


class Generate(Message, frozen=True, kw_only=True):
    """One reply. Answered by `PromptProgress`..., `Delta`..., then `Finished` or `Failed`.

    The prompt is `parts`, or the token ids `tokens` where given (benchmarks), which are evaluated as they
    are. To `parts` the engine adds BOS when the model's metadata asks for it and they do not start with it.
    `thinking` says where the reply starts: "open" (the template has written `<think>`), "auto" (the model
    may open a block itself) or "off" (no splitting). `ignore_eog` goes on past end-of-generation tokens.
    `reuse_prefix` False evaluates the whole prompt, also the part that is in the KV cache (benchmarks).

    `grammar` (GBNF, start symbol "root") or `json_schema` (its text) binds the answer; thinking stays free.
    `logprobs` asks for each token's log probability, with that many alternatives. Replies of the "background"
    leave the "front" at least half of the engine's time and its slots.

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
    priority: Priority = "front"
    thinking_limits: ThinkingLimits = ThinkingLimits()
    grammar: str = ""
    json_schema: str = ""
    logprobs: int | None = None
    chat_key: str = ""
    speculation: SpeculationMode = "off"
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""
    loras: tuple[Lora, ...] = ()
    token_times: bool = False
    """Give `GenerationStats.token_s` (benchmarks)."""


class Prepare(Message, frozen=True, kw_only=True):
    """Evaluate the beginning of a prompt that is to be expected, while there is nothing else to do.

    R1's templates leave the thinking out of the history, so the next prompt of a chat is not what is in the
    KV cache after a reply: the answer stands in another place, after other tokens. Evaluating it again ahead
    of the question leaves only the question to wait for. No answer.
    """

    parts: list[Part]
    chat_key: str = ""
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""
    loras: tuple[Lora, ...] = ()


class DropStates(Message, frozen=True, kw_only=True):
    """Delete what is kept on disk and in the KV cache of these chats. No answer."""

    chat_keys: list[str]


class AnswerNow(Message, frozen=True, kw_only=True):
    """Close the thinking block of a running reply; nothing happens where it is not thinking."""

    request_id: int


class Cancel(Message, frozen=True, kw_only=True):
    """Stop a load or a generation within one step; its own answer then ends it."""

    request_id: int


class Tokenize(Message, frozen=True, kw_only=True):
    """Token ids of a prompt, as `Generate` would evaluate it. Answered by `Tokenized`."""

    request_id: int
    parts: list[Part]
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""


class Embed(Message, frozen=True, kw_only=True):
    """A text as a vector, by a model that is made for it (`ModelInfo.pooling`). Answered by `Embedded` or
    `Failed`."""

    request_id: int
    tokens: list[int] = []
    """Token ids, in the place of the text."""
    parts: list[Part] = []
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""


class ListDevices(Message, frozen=True, kw_only=True):
    """The compute devices with the memory that is free now, other computers' too. Answered by
    `DevicesListed`."""

    request_id: int
    rpc_servers: tuple[RpcServer, ...] = ()


class PlanLoad(Message, frozen=True, kw_only=True):
    """What a load would come to with these settings, without loading. Answered by `Planned` or `Failed`."""

    request_id: int
    path: str
    settings: LoadSettings


class Measure(Message, frozen=True, kw_only=True):
    """Time a loaded model with other settings of its context; the weights stay where they are. `settings`
    must have no automatic values, flash attention aside. The tokens are fewer where they would take longer
    than `most_s`; the `depth_tokens` before them are not timed. `in_place` takes the context that serves,
    with its own settings, and empties it. Answered by `Measured` or `Failed`."""

    request_id: int
    settings: LoadSettings
    prompt_tokens: int
    decode_tokens: int
    most_s: float
    depth_tokens: int = 0
    in_place: bool = False
    model: str = ""


class Shutdown(Message, frozen=True, kw_only=True):
    """Free everything and end the process."""


Request = (
    Load
    | Unload
    | Generate
    | Prepare
    | DropStates
    | AnswerNow
    | Cancel
    | Tokenize
    | Embed
    | ListDevices
    | PlanLoad
    | Measure
    | Shutdown
)


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


class Alive(Message, frozen=True, kw_only=True):
    """The engine's process lives: comes every second. `step` counts what the engine's thread began so far,
    and `step_s` is how long it has been at the last of it, 0 when it waits for a request."""

    step: int
    step_s: float


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
    pooling: Pooling = ""
    """How the model makes one vector of a text's tokens; empty for one that only writes."""
    buffers: dict[str, int]
    """Bytes that llama.cpp allocated, by buffer name (weights, KV cache and compute together)."""
    notices: list[LoadNotice] = []
    """What the user should see, such as a GPU that is present and not used."""
    asked: LoadSettings = LoadSettings()
    plan: LoadSettings = LoadSettings()
    """What `asked` came to: nothing in it is automatic, except flash attention."""
    planned: LoadSettings = LoadSettings()
    """What `plan` was before memory turned out to be too short for it."""


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


class Unloaded(Message, frozen=True, kw_only=True):
    """The memory of the model of the file `path`, or of all (empty), is free again. The engine unloads by
    itself (`request_id` 0) what has to make room for another."""

    request_id: int
    path: str = ""
    rests: bool = False


class PromptProgress(Message, frozen=True, kw_only=True):
    """Prompt tokens evaluated so far."""

    request_id: int
    done_tokens: int
    total_tokens: int


class Candidate(msgspec.Struct, frozen=True):
    """A token with its natural-log probability, of the model's own distribution before any sampler."""

    token: int
    piece: bytes
    logprob: float


class TokenLogprob(msgspec.Struct, frozen=True):
    """The token that was drawn, and the likeliest ones at its place, best first."""

    drawn: Candidate
    top: list[Candidate] = []


class Delta(Message, frozen=True, kw_only=True):
    """New text of a reply. `tokens` counts the tokens of this channel since the last delta (a token can
    hold part of a character, so the text may lag behind)."""

    request_id: int
    channel: Channel
    text: str
    tokens: int
    logprobs: list[TokenLogprob] = []


class Notice(Message, frozen=True, kw_only=True):
    """Something the user should know about a running reply: a template and what fills it."""

    request_id: int
    message: str
    values: dict[str, str | int | float] = {}


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
    thinking_closed: ThinkingClosed = ""
    token_s: list[float] = []
    """Seconds between each token and the one before it, where `Generate.token_times` asked for them."""


class Finished(Message, frozen=True, kw_only=True):
    """The end of a reply, also of a cancelled one."""

    request_id: int
    reason: FinishReason
    stats: GenerationStats


class Planned(Message, frozen=True, kw_only=True):
    """Answer to `PlanLoad`: the plan, what it needs and what is free for it. `layers` counts the output too,
    0 where the file does not tell; `can_stretch` says that YaRN can go beyond `context_limit`."""

    request_id: int
    plan: LoadSettings
    notices: list[LoadNotice]
    ram_bytes: int
    ram_free_bytes: int
    vram_bytes: int
    vram_free_bytes: int
    layers: int
    context_limit: int
    can_stretch: bool


class Measured(Message, frozen=True, kw_only=True):
    """Answer to `Measure`: the seconds that the prompt took, and then the tokens one by one, and how many of
    each there were."""

    request_id: int
    prompt_tokens: int
    decode_tokens: int
    prompt_s: float
    decode_s: float


class Tokenized(Message, frozen=True, kw_only=True):
    """Answer to `Tokenize`."""

    request_id: int
    tokens: list[int]


class Embedded(Message, frozen=True, kw_only=True):
    """Answer to `Embed`: a vector of length 1 as little-endian 32-bit floats, made of so many tokens."""

    request_id: int
    vector: bytes
    tokens: int


class Failed(Message, frozen=True, kw_only=True):
    """A request that could not be served. `message` and `hint` are templates for `StillroomError`,
    `values` fills them; `native` is llama.cpp's own reason."""

    request_id: int
    message: str
    hint: str = ""
    values: dict[str, str | int | float] = {}
    native: str = ""
    cancelled: bool = False
    load: bool = False
    """It was a `Load`."""
    reload: Reload = ""
    """The model must be loaded again before it can answer, and why: what ended this reply."""


ReplyEvent = PromptProgress | Delta | Notice
"""What comes while a reply is on its way."""

Event = (
    Alive
    | Ready
    | LoadProgress
    | Loaded
    | Unloaded
    | ReplyEvent
    | Finished
    | Tokenized
    | Embedded
    | Measured
    | Planned
    | DevicesListed
    | Failed
)
