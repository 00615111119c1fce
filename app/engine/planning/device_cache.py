"""What other computers said a moment ago, for plans that are made again and again."""

import time
from collections.abc import Sequence

from app.engine.planning.placement import FindsRemote
from app.engine.protocol import RpcProblem, RpcServer
from app.engine.rpc.rpc_devices import RemoteDevice

ASK_AGAIN_S = 10.0
"""Other computers are asked no more often: one that is gone takes seconds, and replies wait for it."""


class AskedLately:
    """What other computers said a moment ago, or say now."""

    def __init__(self, remote: FindsRemote) -> None:
        self._remote = remote
        self._asked: tuple[Sequence[RpcServer], float] = ((), 0.0)
        self._said: tuple[list[RemoteDevice], list[RpcProblem]] = ([], [])

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        """Devices of the computers that answer, and why the others cannot be used."""
        asked, at_s = self._asked
        if asked != servers or time.monotonic() - at_s > ASK_AGAIN_S:
            self._said = self._remote.find(servers)
            self._asked = (servers, time.monotonic())
        return self._said

    def forget(self) -> None:
        """Ask again: a model has left their memory."""
        self._asked = ((), 0.0)
