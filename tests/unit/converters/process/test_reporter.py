"""Progress is told at its beginning, at its end and about ten times a second between."""

from converters.process.reporter import Reporter
from models.system.progress import Progress


def test_progress_is_thinned_out_but_never_loses_its_end() -> None:
    told: list[Progress] = []
    now_s = 0.0
    reporter = Reporter(told.append, "convert", 1000, clock=lambda: now_s)
    for _ in range(1000):
        now_s += 0.001
        reporter.advance(1, "tensor")
    assert len(told) == 11
    assert [step.done for step in told[:3]] == [1, 101, 201]
    assert told[-1].done == told[-1].total == 1000
    assert 990 < told[-1].bytes_per_s < 1010
    assert told[5].remaining_s is not None
    assert 0.4 < told[5].remaining_s < 0.6
    assert told[-1].remaining_s == 0
