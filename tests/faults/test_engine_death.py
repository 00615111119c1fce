"""SIGABRT, SIGSEGV and SIGKILL to the engine while it loads, reads a prompt and answers: ten each."""

import signal

import pytest

from app.children import child_command
from app.engine.client import EngineClient
from tests.support.faults import crash_and_ask_again

ROUNDS = 10


@pytest.mark.faults
@pytest.mark.parametrize("moment", ["loading", "prefill", "decode"])
@pytest.mark.parametrize("sent", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_the_next_message_is_answered_after_every_death(moment: str, sent: signal.Signals) -> None:
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        for _ in range(ROUNDS):
            crash_and_ask_again(client, moment, sent)
    finally:
        client.close()
