"""Requests to the engine and events from it: the only vocabulary between the engine and the rest.

Every struct crosses the pipe as msgpack, so it holds plain values only. Times are seconds, sizes bytes,
`request_id` is chosen by the client and comes back in each event that belongs to the request. They are
imported from here, wherever they are defined.
"""

from app.engine.protocol.devices import (
    BackendState,
    CardsRead,
    Device,
    DevicesFound,
    DevicesListed,
    ListDevices,
    ReadCards,
    RpcProblem,
    RpcServer,
)
from app.engine.protocol.lifecycle import Alive, Cancel, Failed, Ready, Reload, Shutdown
from app.engine.protocol.loading import (
    FlashAttention,
    KvType,
    Load,
    Loaded,
    LoadNotice,
    LoadProgress,
    LoadSettings,
    ModelInfo,
    Pooling,
    Unload,
    Unloaded,
    Weights,
)
from app.engine.protocol.message_base import Message, Part
from app.engine.protocol.planning import Measure, Measured, PlanLoad, Planned
from app.engine.protocol.replies import (
    AnswerNow,
    Candidate,
    Channel,
    Delta,
    DropStates,
    Finished,
    FinishReason,
    Generate,
    GenerationStats,
    Lora,
    Notice,
    PartialReply,
    Prepare,
    Priority,
    PromptProgress,
    SpeculationMode,
    ThinkingClosed,
    ThinkingLimits,
    TokenLogprob,
)
from app.engine.protocol.sampling import Sampling
from app.engine.protocol.texts import Embed, Embedded, Tokenize, Tokenized

__all__ = [
    "Alive",
    "AnswerNow",
    "BackendState",
    "Cancel",
    "Candidate",
    "CardsRead",
    "Channel",
    "Delta",
    "Device",
    "DevicesFound",
    "DevicesListed",
    "DropStates",
    "Embed",
    "Embedded",
    "Event",
    "Failed",
    "FinishReason",
    "Finished",
    "FlashAttention",
    "Generate",
    "GenerationStats",
    "KvType",
    "ListDevices",
    "Load",
    "LoadNotice",
    "LoadProgress",
    "LoadSettings",
    "Loaded",
    "Lora",
    "Measure",
    "Measured",
    "Message",
    "ModelInfo",
    "Notice",
    "Part",
    "PartialReply",
    "PlanLoad",
    "Planned",
    "Pooling",
    "Prepare",
    "Priority",
    "PromptProgress",
    "ReadCards",
    "Ready",
    "Reload",
    "ReplyEvent",
    "Request",
    "RpcProblem",
    "RpcServer",
    "Sampling",
    "Shutdown",
    "SpeculationMode",
    "ThinkingClosed",
    "ThinkingLimits",
    "TokenLogprob",
    "Tokenize",
    "Tokenized",
    "Unload",
    "Unloaded",
    "Weights",
]

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
    | ReadCards
    | PlanLoad
    | Measure
    | Shutdown
)

ReplyEvent = PromptProgress | Delta | Notice
"""Events of a reply that is not finished."""

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
    | CardsRead
    | DevicesFound
    | Failed
)
