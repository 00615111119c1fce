"""Choose which models step when several are busy. Pure."""


class Turns:
    """Models that somebody waits for step in every round. Those with replies of the background only get as
    much time as these took, so that the front keeps at least half of the engine's."""

    def __init__(self) -> None:
        self._front_s = self._background_s = 0.0

    def may_step(self, *, is_front: bool, any_front: bool) -> bool:
        """Tell whether a busy model steps in this round; `any_front` says that one in front is busy too."""
        if not any_front:
            self._front_s = self._background_s = 0.0
        return is_front or not any_front or self._background_s <= self._front_s

    def took(self, step_s: float, *, is_front: bool) -> None:
        """Note how long a step took."""
        if is_front:
            self._front_s += step_s
        else:
            self._background_s += step_s
