from app.base.errors import EngineError
from app.engine.supervision.restart_limit import CrashLimit

ERROR = EngineError("It died of {reason}.", native="the assertion", reason="x")


def test_the_third_crash_within_a_minute_is_the_last() -> None:
    limit = CrashLimit()
    assert limit.record(ERROR, 100.0) is None
    assert limit.record(ERROR, 130.0) is None
    told = limit.record(ERROR, 159.0)
    assert told is not None
    assert "3 times" in str(told)
    assert told.native == "the assertion"


def test_crashes_far_apart_do_not_count_together() -> None:
    limit = CrashLimit()
    assert [limit.record(ERROR, now) for now in (0.0, 50.0, 100.0, 150.0)] == [None] * 4


def test_a_reset_counts_from_zero() -> None:
    limit = CrashLimit()
    limit.record(ERROR, 0.0)
    limit.record(ERROR, 1.0)
    limit.reset()
    assert limit.record(ERROR, 2.0) is None
