import pytest

from app.engine.batching.scheduler import fair_shares


@pytest.mark.parametrize(
    ("wanted", "room", "most", "shares"),
    [
        ([1000], 512, 512, [512]),
        ([1000], 2048, 512, [512]),
        ([1000, 1000], 512, 512, [256, 256]),
        ([1000, 10, 1000], 512, 512, [251, 10, 251]),
        ([3, 2, 1], 512, 512, [3, 2, 1]),
        ([5, 5, 5], 2, 512, [1, 1, 0]),
        ([5, 5], 0, 512, [0, 0]),
        ([], 512, 512, []),
    ],
)
def test_shares(wanted: list[int], room: int, most: int, shares: list[int]) -> None:
    assert fair_shares(wanted, room, most) == shares
