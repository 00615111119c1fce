"""Decide when to try a server again, and how often."""

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` tries without progress, with waits that double from `first_wait_s` to `longest_wait_s`."""

    attempts: int = 10
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """Return the wait after `failures` (>= 1) failures in a row."""
        return float(min(self.longest_wait_s, self.first_wait_s * 2.0 ** (failures - 1)))


QUESTIONS = RetryPolicy(attempts=5)
"""For what a hub is asked about a repository; a download takes the policy as it comes."""
WATCHED_ATTEMPTS = 2
LONGEST_WATCHED_WAIT_S = 10.0
"""For a question whose answer somebody waits for in front of the screen."""


def is_temporary(status: int) -> bool:
    """Tell whether an HTTP status means "later" rather than "no"."""
    return status in (408, 425, 429) or status >= 500


def server_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the delay that the server asks for, at most five minutes; None where it asks for none.

    `Retry-After` is seconds or a date (RFC 9110, 10.2.3); the hub says `RateLimit: "api";r=0;t=56`, where t
    is the seconds until the next window (https://huggingface.co/docs/hub/rate-limits).
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT_S)
    if value:
        try:
            asked_s = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
        return min(max(0.0, asked_s), _LONGEST_WAIT_S)
    limit = re.search(r"\br=0\b.*\bt=(\d+)", headers.get("RateLimit", ""))
    return min(float(limit[1]), _LONGEST_WAIT_S) if limit else None
