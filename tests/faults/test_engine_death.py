"""Two hundred deaths of the engine while it loads, reads a prompt and answers; each costs one reply."""

import itertools
import signal

import pytest

from app.base.children import child_command
from app.engine.client.client import EngineClient
from tests.support.faults import FATAL, MOMENTS, crash_and_ask_again, in_words

FAULTS = 200


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("sent", FATAL)
def test_the_next_message_is_answered_after_every_death(
    sent: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    client = EngineClient(child_command("engine"))
    client.start()
    noticed_s = []
    try:
        for moment in itertools.islice(itertools.cycle(MOMENTS), FAULTS // len(FATAL)):
            noticed_s.append(crash_and_ask_again(client, moment, sent))
    finally:
        client.close()
    with capsys.disabled():
        print("\n" + in_words(f"{sent.name} told after", noticed_s))
