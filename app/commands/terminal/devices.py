"""What the engine can compute on, for commands that judge this computer."""

import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError

from app.base.errors import StillroomError
from app.commands.terminal.console import WAKE_S
from app.engine.client.client import EngineClient
from app.engine.protocol import DevicesListed, RpcServer
from models.system.progress import raise_if_cancelled


def listed_devices(
    client: EngineClient, servers: Sequence[RpcServer], cancel: threading.Event
) -> DevicesListed | StillroomError:
    """What the engine's process can compute on, or why it does not start."""
    listed = client.list_devices(servers)
    while True:
        raise_if_cancelled(cancel)
        try:
            return listed.result(WAKE_S)
        except FutureTimeoutError:
            continue
        except StillroomError as error:
            return error
