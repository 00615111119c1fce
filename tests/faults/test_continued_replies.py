"""Replies that are cut at each of fifty places and go on: `make faults`."""

from collections.abc import Iterator

import pytest

from app.engine.protocol import LoadSettings, ModelInfo
from tests.support.continued import ALL_POINTS, KINDS, assert_same, say_whole
from tests.support.engines import Session, starter_path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    session = Session("thread")
    settings = LoadSettings(context_tokens=1024, batch_tokens=64, threads=1, sequences=2)
    folder = tmp_path_factory.mktemp("states")
    assert isinstance(session.load(starter_path(), settings, states_path=str(folder)), ModelInfo)
    yield session
    session.engine.close()


@pytest.mark.parametrize("kind", KINDS)
def test_cut_at_fifty_places_a_reply_is_the_one_that_was_never_cut(session: Session, kind: str) -> None:
    whole = say_whole(session, max_tokens=len(ALL_POINTS) + 2, **KINDS[kind])
    for at in ALL_POINTS:
        assert_same(session, whole, at, KINDS[kind])
    print(f"{kind}: {len(ALL_POINTS)} cuts of {len(whole.ids)} tokens, all the same")
