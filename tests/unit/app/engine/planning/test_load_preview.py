import statistics
from collections.abc import Iterator

import msgspec
import psutil
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, RpcServer
from tests.support.engines import starter_path
from tests.support.rpc_server import free_port, rpc_server

WAIT_S = 60


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    made = EngineClient(child_command("engine"))
    yield made
    made.close()


def test_a_plan_tells_what_a_load_would_take(client: EngineClient) -> None:
    small = client.plan(starter_path(), LoadSettings(context_tokens=4096, sequences=1)).result(WAIT_S)
    large = client.plan(starter_path(), LoadSettings(context_tokens=8192, sequences=1)).result(WAIT_S)
    # 22.5 KiB a token, and for each of 512 rows what it sees of it, in F32 and in F16.
    assert large.ram_bytes - small.ram_bytes == pytest.approx(4096 * (23040 + 512 * 6), rel=0.1)
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

    def counted_as_free() -> int:
        # Other processes take and give memory meanwhile.
        free = psutil.virtual_memory().available
        return client.plan(starter_path(), asked).result(WAIT_S).ram_free_bytes - free

    assert statistics.median(counted_as_free() for _ in range(5)) > 50_000_000


def test_impossible_settings_are_refused(client: EngineClient) -> None:
    with pytest.raises(EngineError):
        client.plan(starter_path(), LoadSettings(threads=-1)).result(WAIT_S)
    with pytest.raises(EngineError):
        client.plan("/nowhere.gguf", LoadSettings()).result(WAIT_S)


def test_the_model_that_guesses_ahead_counts(client: EngineClient) -> None:
    asked = LoadSettings(threads=1, context_tokens=2048, sequences=1)
    alone = client.plan(starter_path(), asked).result(WAIT_S)
    asked = msgspec.structs.replace(asked, draft_path=starter_path())
    both = client.plan(starter_path(), asked).result(WAIT_S)
    assert both.plan.draft_path == starter_path()
    assert both.ram_bytes == pytest.approx(2 * alone.ram_bytes, rel=0.1)
    info = client.load(starter_path(), asked).future.result(WAIT_S)
    assert info.plan == both.plan
    taken = sum(info.buffers.values()) + sum(info.draft_buffers.values())
    assert taken == pytest.approx(both.ram_bytes, rel=0.1)


@pytest.mark.rpc
def test_the_memory_of_other_computers_counts(client: EngineClient) -> None:
    with rpc_server() as den:
        asked = LoadSettings(
            threads=1,
            context_tokens=2048,
            sequences=1,
            rpc_servers=(RpcServer(den.endpoint),),
            rpc_use="always",
        )
        planned = client.plan(starter_path(), asked).result(WAIT_S)
        assert planned.plan.gpu_layers == planned.layers
        assert planned.vram_free_bytes > planned.vram_bytes > 0
        assert any("Other computers compute" in notice.message for notice in planned.notices)
        info = client.load(starter_path(), asked).future.result(WAIT_S)
        assert (info.plan, info.gpu_layers) == (planned.plan, planned.plan.gpu_layers)
        # What the model takes there now is free for the next load of it.
        assert client.plan(starter_path(), asked).result(WAIT_S).plan == info.plan
        client.unload().result(WAIT_S)


@pytest.mark.rpc
def test_a_computer_that_is_off_is_said_in_the_plan(client: EngineClient) -> None:
    gone = RpcServer(f"127.0.0.1:{free_port()}")
    asked = LoadSettings(threads=1, context_tokens=2048, rpc_servers=(gone,), rpc_use="always")
    planned = client.plan(starter_path(), asked).result(WAIT_S)
    assert planned.plan.gpu_layers == 0
    assert any(gone.address in str(notice) for notice in planned.notices)
