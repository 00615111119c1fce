"""Choose the graphics cards for a model: one where it fits, several where not, or as the user says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.planning.cards import card_key, offload_devices, usable_bytes
from app.engine.planning.file_shape import DEFAULT_BATCH_TOKENS, ModelShape
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.load_plan import choose_context
from app.engine.protocol import Device, LoadNotice, LoadSettings
from models.memory.memory_request import Demand

SMALLEST_SHARE_BYTES = 512 << 20
"""A card with less than this beside others is left out: its buffers alone would take most of it."""


@dataclass(frozen=True, slots=True)
class CardChoice:
    """`devices` are for layers, the main one first; `is_own` says that llama.cpp would choose others, so that
    it must be told."""

    devices: tuple[Device, ...]
    is_own: bool = False
    notices: tuple[LoadNotice, ...] = ()


def choose_cards(
    settings: LoadSettings, shape: ModelShape | None, devices: Sequence[Device], ram_bytes: int
) -> CardChoice:
    """Choose among this computer's `devices` for a model of `shape` (None where its file does not tell).

    Of several cards one is taken where it holds all of the model with as long a context as all of them would,
    since each further one costs its buffers and the way between them.
    """
    present = [device for device in devices if device.kind in ("gpu", "igpu")]
    notices: list[LoadNotice] = []
    wanted = _wanted(settings, devices, present, notices)
    if settings.gpu_layers == 0:
        return CardChoice(tuple(wanted))
    chosen = [device for device in wanted if usable_bytes(device) >= SMALLEST_SHARE_BYTES] or wanted[:1]
    if settings.card_use == "one":
        chosen = chosen[:1] if settings.main_card or settings.cards else _roomiest(chosen)
    elif settings.card_use == "auto" and len(chosen) > 1 and shape is not None:
        chosen = _alone(settings, shape, chosen, ram_bytes) or chosen
    if chosen and chosen[0].kind == "igpu":
        notices.append(
            LoadNotice(
                "There is no graphics card, so the processor's own graphics compute ({card}); they share "
                "the computer's RAM.",
                {"card": chosen[0].description or chosen[0].name},
            )
        )
    return CardChoice(tuple(chosen), chosen != _by_llama_cpp(present), tuple(notices))


def _wanted(
    settings: LoadSettings, devices: Sequence[Device], present: Sequence[Device], notices: list[LoadNotice]
) -> list[Device]:
    wanted = offload_devices(devices)
    if settings.cards:
        # The user may also name one that would be left out.
        by_key = {card_key(device): device for device in reversed([*wanted, *present])}
        named = [by_key[key] for key in settings.cards if key in by_key]
        if not named:
            notices.append(
                LoadNotice("The graphics card that was chosen for this model is not there; others are used.")
            )
        wanted = named or wanted
    # sorted is stable: the main one first, the others in their order.
    return sorted(wanted, key=lambda device: card_key(device) != settings.main_card)


def _roomiest(cards: Sequence[Device]) -> list[Device]:
    return sorted(cards, key=usable_bytes, reverse=True)[:1]


def _alone(
    settings: LoadSettings, shape: ModelShape, cards: Sequence[Device], ram_bytes: int
) -> list[Device]:
    """Return the first card that holds the model with what all of them would hold; empty where none does."""
    together = _whole_context(settings, shape, cards, ram_bytes)
    for card in cards if settings.main_card or settings.cards else sorted(cards, key=_likely_speed):
        if together and _whole_context(settings, shape, [card], ram_bytes) == together:
            return [card]
    return []


def _likely_speed(card: Device) -> int:
    """Sort CUDA's cards first, in their order, which is that of their memory's speed. Vulkan tells no speed,
    but the better card has mostly more memory."""
    return -(1 << 62) if card.backend == "CUDA" else -card.memory_total_bytes


def _whole_context(settings: LoadSettings, shape: ModelShape, cards: Sequence[Device], ram_bytes: int) -> int:
    """Return the context with which the whole model is on `cards`; 0 where a part of it is left over."""
    need = LoadNeed(shape, cards)
    sequences, batch_tokens = settings.sequences or 1, settings.batch_tokens or DEFAULT_BATCH_TOKENS
    kv_type = "f16" if settings.kv_type == "auto" else settings.kv_type
    tokens = settings.context_tokens or choose_context(
        need,
        sequences=sequences,
        batch_tokens=batch_tokens,
        kv_type=kv_type,
        host_free_bytes=ram_bytes,
        copies_weights=settings.weights == "copied",
    )
    layers = need.layers if settings.gpu_layers < 0 else min(settings.gpu_layers, need.layers)
    fitting = need.layers_that_fit(Demand(tokens, sequences, batch_tokens, kv_type))
    return tokens if fitting >= layers else 0


def _by_llama_cpp(present: Sequence[Device]) -> list[Device]:
    """Return the devices that llama.cpp takes by itself (llama_model_load_from_file in src/llama.cpp)."""
    cards: dict[str, Device] = {}
    for device in present:
        if device.kind == "gpu":
            cards.setdefault(card_key(device), device)
    integrated = [device for device in present if device.kind == "igpu"]
    return list(cards.values()) or [one for one in integrated if one.backend == integrated[0].backend]
