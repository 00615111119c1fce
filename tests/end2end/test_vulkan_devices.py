"""Two devices, the types of weights and caches, and a draft model through Vulkan, by lavapipe.

ggml lists a device twice that is named twice, and lavapipe tells no address by which both would be one card.
Models are tiny R1s with random weights: what is on which device is real, speed is not.
"""

from collections.abc import Iterator

import pytest

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.protocol import Generate, KvType, LoadSettings, ModelInfo, RpcServer, TokenLogprob
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from tests.end2end.test_gpu import BATCH_TOKENS, NEAR_TIE, WAIT_S, engine_with, reply
from tests.support.engines import GREEDY, STORY
from tests.support.rpc_server import rpc_server
from tests.support.tiny_models import make_tiny_model

pytestmark = [pytest.mark.vulkan, pytest.mark.timeout(3 * WAIT_S)]

TWICE = {"GGML_VK_VISIBLE_DEVICES": "0,0"}
BOTH = ("Vulkan0", "Vulkan1")
TYPES = ("Q8_0", "Q4_K_M", "Q6_K")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tiny R1 in each type; Q4_K_M holds Q4_K and Q6_K."""
    folder = tmp_path_factory.mktemp("tiny")
    request = BuildRequest(make_tiny_model("qwen2", folder), list(TYPES), folder, "tiny")
    outputs = build(request, child_command("build")).outputs
    return {kind: str(output.path) for kind, output in zip(TYPES, outputs, strict=True)}


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    client = engine_with(TWICE, child_command("engine"))
    client.start()
    try:
        listed = [device for device in client.list_devices().result(WAIT_S).devices if device.name in BOTH]
        if len(listed) < 2:
            pytest.skip("llama.cpp has no Vulkan device here")
        if len({device.hardware_id or device.name for device in listed}) < 2:
            pytest.skip("this driver tells that both are one card")
        yield client
    finally:
        client.close()


def load(client: EngineClient, model: str, **chosen: object) -> ModelInfo:
    settings = LoadSettings(
        **{"context_tokens": 256, "batch_tokens": BATCH_TOKENS, "sequences": 1, **chosen}  # type: ignore[arg-type]
    )
    return client.load(model, settings).future.result(WAIT_S)


def there(info: ModelInfo) -> tuple[str, ...]:
    """The devices that hold a part of the model."""
    return tuple(name for name in BOTH if info.buffers.get(name, 0) > 0)


def test_a_model_that_fits_one_device_is_on_one(client: EngineClient, models: dict[str, str]) -> None:
    info = load(client, models["Q8_0"])
    assert info.gpu_layers == info.layers + 1
    assert len(there(info)) == 1
    assert there(load(client, models["Q8_0"], card_use="one", main_card="Vulkan1")) == ("Vulkan1",)


def test_all_devices_share_a_model(client: EngineClient, models: dict[str, str]) -> None:
    info = load(client, models["Q8_0"], card_use="all")
    assert info.gpu_layers == info.layers + 1
    assert there(info) == BOTH
    assert len(reply(client, STORY, 2)) == 2
    first = load(client, models["Q8_0"], gpu_layers=1000, card_use="all", main_card="Vulkan1")
    assert there(first) == BOTH


def test_a_step_on_both_takes_the_memory_of_one_of_its_parts(
    client: EngineClient, models: dict[str, str]
) -> None:
    sizes = {"context_tokens": 4096, "gpu_layers": 1000, "card_use": "all"}
    part, whole = (load(client, models["Q8_0"], batch_tokens=tokens, **sizes) for tokens in (512, 2048))
    assert there(whole) == BOTH
    assert whole.buffers == part.buffers
    one = load(client, models["Q8_0"], batch_tokens=2048, **sizes | {"card_use": "one"})
    assert sum(one.buffers.values()) != sum(whole.buffers.values())


def test_a_device_that_is_not_chosen_gets_nothing(client: EngineClient, models: dict[str, str]) -> None:
    assert there(load(client, models["Q8_0"], cards=("Vulkan1",))) == ("Vulkan1",)
    assert there(load(client, models["Q8_0"], cards=("Vulkan0",), card_use="all")) == ("Vulkan0",)


def test_a_step_without_a_choice_is_by_the_kind_of_the_device(
    client: EngineClient, models: dict[str, str]
) -> None:
    settings = LoadSettings(context_tokens=4096, sequences=1)
    planned = client.plan(models["Q8_0"], settings).result(WAIT_S)
    kinds = {card.kind for card in planned.cards if card.name in BOTH}
    assert planned.plan.batch_tokens == (1024 if kinds == {"gpu"} else 512)


@pytest.mark.parametrize(
    ("kind", "kv_type", "flash_attention"),
    [("Q4_K_M", "f16", "auto"), ("Q6_K", "f16", "auto"), ("Q8_0", "q8_0", "on"), ("Q4_K_M", "q4_0", "on")],
)
def test_replies_are_the_processor_s_up_to_near_ties(
    kind: str, kv_type: KvType, flash_attention: str, client: EngineClient, models: dict[str, str]
) -> None:
    chosen = {"kv_type": kv_type, "flash_attention": flash_attention}
    load(client, models[kind], gpu_layers=0, **chosen)
    here = reply(client, STORY, 8)
    info = load(client, models[kind], gpu_layers=1000, cards=("Vulkan0",), **chosen)
    assert info.kv_type == kv_type
    assert there(info) == ("Vulkan0",)
    assert_alike(here, reply(client, STORY, 8))


def assert_alike(here: list[TokenLogprob], there: list[TokenLogprob]) -> None:
    """Up to a near tie both are the same tokens."""
    for ours, theirs in zip(here, there, strict=True):
        if ours.drawn.token != theirs.drawn.token:
            best, second = ours.top
            assert best.logprob - second.logprob < 2 * NEAR_TIE
            break
        assert abs(ours.drawn.logprob - theirs.drawn.logprob) < 2 * NEAR_TIE


def test_a_device_shares_a_model_with_another_computer(
    client: EngineClient, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(client, models["Q8_0"], gpu_layers=0)
    here = reply(client, STORY, 8)
    # The other computer has no card.
    monkeypatch.setenv("GGML_VK_VISIBLE_DEVICES", "")
    with rpc_server() as den:
        servers = (RpcServer(den.endpoint),)
        info = load(client, models["Q8_0"], cards=("Vulkan0",), rpc_servers=servers, rpc_use="always")
        assert info.backend == "RPC, Vulkan"
        assert info.gpu_layers == info.layers + 1
        assert there(info) == ("Vulkan0",)
        assert any(size for name, size in info.buffers.items() if name.startswith("RPC"))
        assert_alike(here, reply(client, STORY, 8))
        client.unload().result(WAIT_S)


def test_a_draft_model_guesses_on_the_device(client: EngineClient, models: dict[str, str]) -> None:
    info = load(client, models["Q8_0"], cards=("Vulkan0",), draft_path=models["Q8_0"])
    assert info.draft_buffers.get("Vulkan0", 0) > 0
    request = Generate(
        request_id=0, parts=STORY, sampling=GREEDY, max_tokens=12, ignore_eog=True, speculation="draft"
    )
    stats = client.ask(request).future.result(WAIT_S).stats
    assert stats.completion_tokens == 12
