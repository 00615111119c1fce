import email.utils
import time

import pytest

from models.hub.retry import RetryPolicy, is_temporary, server_wait_s


def test_waits_double_up_to_a_ceiling() -> None:
    policy = RetryPolicy(first_wait_s=1, longest_wait_s=5)
    assert [policy.wait_s(n) for n in (1, 2, 3, 4, 40)] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "99999"}, 300),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"RateLimit": '"resolvers";r=0;t=56'}, 56),
        ({"RateLimit": '"resolvers";r=12;t=56'}, None),
    ],
)
def test_server_wait(headers: dict[str, str], expected: float | None) -> None:
    assert server_wait_s(headers) == expected


def test_server_wait_as_a_date() -> None:
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert server_wait_s({"Retry-After": date}) == pytest.approx(60, abs=5)


def test_which_statuses_pass() -> None:
    assert [status for status in (200, 400, 403, 404, 408, 429, 500, 503) if is_temporary(status)] == [
        408,
        429,
        500,
        503,
    ]
