"""An engine process that is stopped (SIGSTOP) holds nobody who asks it, and not the end of the program."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled
from app.engine.client.client import EngineClient
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.protocol import LoadSettings, Part
from tests.support.engines import ANSWER_TIMEOUT_S
from tests.support.starter_variants import shallow_path
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here")

TEXT = "A megabyte that nobody reads. " * 35_000


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"), states=StatesPlace(tmp_path, lambda: 1 << 30))
    client.load(shallow_path(), LoadSettings(context_tokens=256, threads=1)).future.result(ANSWER_TIMEOUT_S)
    pid = client.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    yield client
    client.close()


def test_asking_a_stopped_engine_returns_at_once_and_closing_ends_it(stopped: EngineClient) -> None:
    pid = stopped.state.pid
    assert pid is not None
    generation = stopped.generate([Part(TEXT)])
    stopped.tokenize([Part(TEXT)])
    stopped.prepare([Part(TEXT)], "chat-1")
    generation.answer_now()
    generation.cancel()
    # Whoever waits for it gets on only when it is found hung, and ended.
    assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
    stopped.close()
    with pytest.raises(Cancelled):
        generation.future.result(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
