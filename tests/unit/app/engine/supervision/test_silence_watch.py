"""The engine's process that gives no sign of life, by looks that are counted."""

from app.engine.supervision.silence_watch import LOOK_S, SILENCE_S, SilenceWatch

LOOKS = round(SILENCE_S / LOOK_S)


def test_it_is_silent_after_looks_without_a_beat_and_not_before() -> None:
    watch = SilenceWatch()
    watch.look(7, listening=True)
    assert [watch.look(7, listening=True) for _ in range(LOOKS)] == [False] * (LOOKS - 1) + [True]


def test_a_beat_begins_anew() -> None:
    watch = SilenceWatch()
    for beats in range(3):
        assert not any(watch.look(beats, listening=True) for _ in range(LOOKS))


def test_while_nobody_listens_it_is_not_silent() -> None:
    watch = SilenceWatch()
    assert not any(watch.look(7, listening=False) for _ in range(3 * LOOKS))
