"""How prompts share the room of a batch. Pure."""

from collections.abc import Sequence


def fair_shares(wanted: Sequence[int], room: int, most: int) -> list[int]:
    """What each gets of `room`: the same, and what the short ones leave goes to the long ones. Nobody gets
    over `most`; where there is less than one for each, the first ones get it."""
    if room < len(wanted):
        return [1] * room + [0] * (len(wanted) - room)
    shares = [0] * len(wanted)
    by_need = sorted(range(len(wanted)), key=lambda place: wanted[place])
    for index, place in enumerate(by_need):
        left = len(wanted) - index
        shares[place] = min(wanted[place], room // left, most)
        room -= shares[place]
    return shares
