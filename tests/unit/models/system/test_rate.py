from models.system.rate import RateMeter


def test_rate_is_smoothed_over_the_last_seconds() -> None:
    now = 0.0
    meter = RateMeter(lambda: now)
    meter.update(0)
    assert meter.bytes_per_s == 0
    assert meter.remaining_s(100) is None
    for second in range(1, 21):
        now = float(second)
        meter.update(100 * second if second <= 10 else 1000 + 50 * (second - 10))
    assert meter.bytes_per_s == 50
    assert meter.remaining_s(500) == 10
