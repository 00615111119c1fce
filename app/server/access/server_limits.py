"""The figures that bound the local API: bytes and values of a request, replies at once, connections, time.

`admission.py` refuses what is above them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request; a client that wants more gets an error and nothing else."""

    body_bytes: int = 8 * 1024 * 1024
    json_depth: int = 64
    json_values: int = 400_000
    """Texts are one each; of a prompt of token ids each is one."""
    head_bytes: int = 32 * 1024
    connections: int = 256
    requests: int = 32
    """Replies that run or wait at once, each of several choices counted; beyond that the answer is 429."""
    head_s: float = 10.0
    """From a connection's first moment, or the end of the answer before, to the end of the headers."""
    body_s: float = 30.0
    drain_s: float = 2.0
    """For reading on after a body was refused, so that the client hears why."""
    send_s: float = 60.0
    """For a client to take one piece of its answer."""
