"""Notices about the graphics card that a model was loaded onto, or was not."""

from collections.abc import Sequence

from app.engine.devices.gpu_presence import graphics_cards
from app.engine.protocol import Device, LoadNotice, ModelInfo
from models.system.units import GIGABYTE


def gpu_notices(info: ModelInfo, devices: Sequence[Device], *, supports_gpu: bool) -> list[LoadNotice]:
    """Return notices on `devices`, those that layers could go to, as they were before the load."""
    if info.asked.gpu_layers == 0:
        return []
    if not devices:
        return _unused_cards(supports_gpu)
    values: dict[str, str | int | float] = {
        "cards": ", ".join(device.description or device.name for device in devices),
        "free_gb": sum(device.memory_free_bytes for device in devices) / GIGABYTE,
        "gpu_layers": info.gpu_layers,
        "layers": info.layers + 1,
    }
    if info.gpu_layers == 0 and info.planned.gpu_layers == 0:
        return [
            LoadNotice(
                "The graphics card ({cards}) has too little free memory ({free_gb:.1f} GB) for even one "
                "layer of this model, so it runs on the processor. Close other programs that use the card, "
                "or choose a smaller model or context.",
                values,
            )
        ]
    if 0 < info.gpu_layers <= info.layers and info.asked.gpu_layers < 0:
        return [
            LoadNotice(
                "{gpu_layers} of {layers} layers run on the graphics card ({cards}, {free_gb:.1f} GB "
                "free), the rest on the processor, which is slower. A smaller quantisation or context would "
                "fit more.",
                values,
            )
        ]
    return []


def _unused_cards(supports_gpu: bool) -> list[LoadNotice]:
    cards = graphics_cards()
    if not cards:
        return []
    values: dict[str, str | int | float] = {"cards": ", ".join(cards)}
    if supports_gpu:
        return [
            LoadNotice(
                "This machine has a graphics card ({cards}), but llama.cpp cannot use it, so the model runs "
                "on the processor. The driver is missing or too old: run “stillroom doctor”.",
                values,
            )
        ]
    return [
        LoadNotice(
            "This machine has a graphics card ({cards}), but the installed llama.cpp has no CUDA or Vulkan "
            "back end, so the model runs on the processor. Run “stillroom doctor” for what to install.",
            values,
        )
    ]
