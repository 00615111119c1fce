"""Messages to plan a load, and to time other settings."""

from app.engine.protocol.devices import Device
from app.engine.protocol.loading import LoadNotice, LoadSettings
from app.engine.protocol.message_base import Message


class PlanLoad(Message, frozen=True, kw_only=True):
    """Plan a load with these settings, without loading. Answered by `Planned` or `Failed`."""

    request_id: int
    path: str
    settings: LoadSettings


class Planned(Message, frozen=True, kw_only=True):
    """Answer to `PlanLoad`: the plan, what it needs and what is free for it. `layers` counts the output too,
    0 where the file does not tell; `can_stretch` says that YaRN can go beyond `context_limit`. `cards` are
    this computer's graphics cards, whether the plan takes them or not."""

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
    cards: tuple[Device, ...] = ()


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


class Measured(Message, frozen=True, kw_only=True):
    """Answer to `Measure`: the seconds that the prompt took, and then the tokens one by one, and how many of
    each there were."""

    request_id: int
    prompt_tokens: int
    decode_tokens: int
    prompt_s: float
    decode_s: float
