"""Replies: what is asked for, and what comes of it."""

from typing import Literal

import msgspec

from app.engine.protocol.message_base import Message, Part
from app.engine.protocol.sampling import Sampling

Channel = Literal["thinking", "answer"]
FinishReason = Literal["stop", "length", "context", "cancelled", "loop"]
"""The model's own end or a stop string, the limit of tokens, the end of the context, `Cancel`, or an answer
that only repeated itself."""
Priority = Literal["front", "background"]
SpeculationMode = Literal["off", "lookup", "draft"]
ThinkingClosed = Literal["", "model", "budget", "room", "loop", "asked"]
"""The cause that closed the thinking block: none, the model, the budget, the room that an answer needs in the
context, the loop guard, or `AnswerNow`."""


class ThinkingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits at which the engine closes the thinking block itself, so that the answer follows.

    `tokens` 0 is no thinking at all; None is no limit. `seconds` count from the first token. `loop_guard`
    cuts thoughts that only repeat themselves, `answer_room` those that would leave no room in the context
    for an answer.
    """

    tokens: int | None = None
    seconds: float | None = None
    loop_guard: bool = True
    answer_room: bool = True


class Lora(msgspec.Struct, frozen=True):
    """An adapter, a GGUF file, that is added to the model's weights `scale` times."""

    path: str
    scale: float = 1.0


class PartialReply(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a reply that was cut off, as its deltas told it.

    `closed` says that the thinking had come to its end, as any `answer` does. `thinking_s` counts for
    `ThinkingLimits.seconds`.
    """

    thinking: str = ""
    answer: str = ""
    closed: bool = False
    thinking_s: float = 0.0


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
    takes the guesses from what was said before, "draft" from the model of `LoadSettings.draft_path`. A greedy
    reply, or one with a seed, is the same text as without: it only guesses where that was seen to hold.

    With `partial` the reply goes on where that one was cut off. Its own tokens are used where they are known
    for the `chat_key`, and a greedy reply then says what it would have said uncut; else its text is
    tokenised. Limits of thinking, the loop guard, penalties and the grammar count it as said; `max_tokens`,
    deltas and figures are of what is new, and `prompt_tokens` hold it.
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
    answer_guard: bool = False
    """End an answer that only repeats itself, as `ThinkingLimits.loop_guard` ends such thoughts."""
    partial: PartialReply | None = None
    token_times: bool = False
    """Give `GenerationStats.token_s` (benchmarks)."""
    unasked: bool = False
    """Nobody has asked for this reply: a check of Stillroom's own, a proposal while typing. It counts as work
    while it runs, and is nobody's last reply."""


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
    ttft_s: float = 0.0
    """Of the first delta of a reply: this and `prompt_tok_per_s` as its `GenerationStats` will have them."""
    prompt_tok_per_s: float = 0.0


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
    resumed_tokens: int = 0
    """Of the prompt's tokens, those that the reply itself had said before it was cut off."""
    is_partly: bool = False
    """The figures but for the tokens are of a part of the reply: nobody measured the other."""
    token_s: list[float] = []
    """Seconds between each token and the one before it, where `Generate.token_times` asked for them."""


class Finished(Message, frozen=True, kw_only=True):
    """The end of a reply, also of a cancelled one."""

    request_id: int
    reason: FinishReason
    stats: GenerationStats
