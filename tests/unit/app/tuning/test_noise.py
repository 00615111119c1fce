from app.tuning.search import compare


def test_a_gain_beyond_the_noise_is_clear() -> None:
    compared = compare([110, 111, 109], [100, 101, 99])
    assert round(compared.gain, 3) == 0.1
    assert compared.noise == 0.01
    assert compared.is_clear()


def test_the_same_gain_within_the_noise_is_not() -> None:
    assert not compare([110, 125, 95], [100, 101, 99]).is_clear()
    assert not compare([110, 111, 109], [100, 115, 85]).is_clear()


def test_a_small_gain_is_not_worth_leaving_the_default() -> None:
    assert not compare([102, 102, 102], [100, 100, 100]).is_clear()
    assert not compare([109, 109, 109], [100, 100, 100]).is_clear(least=0.1)
    assert not compare([90], [100]).is_clear()
