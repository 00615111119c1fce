"""Says when memory has become short while a model is in it. Pure."""

from app.engine.protocol import LoadNotice
from models.system.units import byte_count

SHORT_VRAM_BYTES = 200 << 20
"""Below this the next kernel or a larger matrix of another program can fail; a load leaves twice as much."""
SHORT_RAM_FRACTION = 0.03

MOST_SHORT_RAM_BYTES = 1 << 30

RECOVERED = 1.5
"""So many times the threshold must be free before the same thing is said again."""


def short_vram_bytes(total_bytes: int) -> int:
    """Return the bytes below which a card's free memory is too little."""
    return min(SHORT_VRAM_BYTES, total_bytes // 20)


class MemoryWatch:
    """Looks at what is free now, and says once when it is too little."""

    def __init__(self) -> None:
        self._short: set[str] = set()

    def card(self, name: str, free_bytes: int, total_bytes: int) -> LoadNotice | None:
        """Check a graphics card that layers are on. The usual reason is a game that was started meanwhile."""
        if not self._became_short(f"card {name}", free_bytes, short_vram_bytes(total_bytes)):
            return None
        return LoadNotice(
            "Another program takes memory of the graphics card ({card}): {free} are free. Replies can become "
            "slow or fail. Close that program, or load the model again so that it takes less.",
            {"card": name, "free": byte_count(free_bytes)},
        )

    def ram(self, free_bytes: int, total_bytes: int) -> LoadNotice | None:
        """Check the computer's memory."""
        threshold = min(MOST_SHORT_RAM_BYTES, int(total_bytes * SHORT_RAM_FRACTION))
        if not self._became_short("RAM", free_bytes, threshold):
            return None
        return LoadNotice(
            "The computer's memory is nearly full: {free} are free. Everything on it can become slow. Close "
            "other programs, or unload the model.",
            {"free": byte_count(free_bytes)},
        )

    def _became_short(self, what: str, free_bytes: int, threshold_bytes: int) -> bool:
        if free_bytes >= threshold_bytes * RECOVERED:
            self._short.discard(what)
            return False
        if free_bytes >= threshold_bytes or what in self._short:
            return False
        self._short.add(what)
        return True
