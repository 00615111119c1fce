from collections.abc import Iterator

import pytest

from app.children import child_command
from app.engine.client import EngineClient
from app.engine.messages import LoadSettings
from app.errors import EngineError
from tests.support.engines import starter_path

WAIT_S = 60


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    made = EngineClient(child_command("engine"))
    yield made
    made.close()


def test_a_plan_tells_what_a_load_would_take(client: EngineClient) -> None:
    small = client.plan(starter_path(), LoadSettings(context_tokens=4096, sequences=1)).result(WAIT_S)
    large = client.plan(starter_path(), LoadSettings(context_tokens=8192, sequences=1)).result(WAIT_S)
    # 22.5 KiB a token, and without flash attention 512 rows of nine heads in F32.
    assert large.ram_bytes - small.ram_bytes == pytest.approx(4096 * (23040 + 512 * 9 * 4), rel=0.1)
    assert (small.context_limit, small.layers) == (8192, 31)
    assert small.can_stretch
    assert small.ram_free_bytes > 0
    assert client.state.model is None


def test_the_plan_is_what_the_load_does(client: EngineClient) -> None:
    asked = LoadSettings(threads=1)
    planned = client.plan(starter_path(), asked).result(WAIT_S)
    info = client.load(starter_path(), asked).future.result(WAIT_S)
    assert planned.plan == info.plan
    assert sum(info.buffers.values()) == pytest.approx(planned.ram_bytes, rel=0.1)
    # What the model takes now is free for the next load of it.
    again = client.plan(starter_path(), asked).result(WAIT_S)
    assert again.plan == info.plan
    assert again.ram_free_bytes > planned.ram_free_bytes - 300_000_000


def test_impossible_settings_are_refused(client: EngineClient) -> None:
    with pytest.raises(EngineError):
        client.plan(starter_path(), LoadSettings(threads=-1)).result(WAIT_S)
    with pytest.raises(EngineError):
        client.plan("/nowhere.gguf", LoadSettings()).result(WAIT_S)
