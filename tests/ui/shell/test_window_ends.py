"""A window whose engine is stopped goes on and closes; what is promised in seconds is in `tests/faults`."""

import signal
from pathlib import Path

import pytest

from tests.support.ends import end_program, window


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here")
def test_nothing_waits_for_a_stopped_engine(tmp_path: Path) -> None:
    end = end_program(window("prefill", "stopped"), tmp_path)
    assert end.status == 0
    assert not {"failed", "errors"} & set(end.told), end.told
    assert end.figures is not None
