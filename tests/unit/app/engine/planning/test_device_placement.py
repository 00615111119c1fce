from collections.abc import Sequence

from app.engine.planning.device_placement import Placement, place
from app.engine.planning.file_shape import ModelShape
from app.engine.protocol import Device, LoadSettings, RpcProblem, RpcServer
from app.engine.rpc.rpc_devices import RemoteDevice

GIB = 1 << 30
SHAPE = ModelShape(
    layer_bytes=(100 << 20,) * 32,
    output_bytes=400 << 20,
    input_bytes=400 << 20,
    hidden=4096,
    feed_forward=14336,
    heads=32,
    kv_heads=8,
    key_length=128,
    value_length=128,
    vocabulary=128256,
    context_limit=131072,
)
CPU = Device(
    name="CPU",
    description="processor",
    backend="CPU",
    kind="cpu",
    memory_total_bytes=32 * GIB,
    memory_free_bytes=16 * GIB,
)
CARD = Device(
    name="Vulkan0",
    description="a card",
    backend="Vulkan",
    kind="gpu",
    memory_total_bytes=4 * GIB,
    memory_free_bytes=3 * GIB,
)
THERE = Device(
    name="RPC0",
    description="den-pc",
    backend="RPC",
    kind="gpu",
    memory_total_bytes=16 * GIB,
    memory_free_bytes=12 * GIB,
)
LOCAL = [(11, CPU), (12, CARD)]
DEN = RpcServer("den-pc")


class Network:
    """Stands in for other computers, which a unit test has not."""

    def __init__(self, found: Sequence[RemoteDevice] = (), problems: Sequence[RpcProblem] = ()) -> None:
        self.asked: list[RpcServer] = []
        self._answer = list(found), list(problems)

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        self.asked += servers
        return self._answer


def den() -> Network:
    return Network([RemoteDevice(99, "192.168.1.20:50052", THERE)])


def test_without_other_computers_llama_cpp_chooses_among_the_cards() -> None:
    network = den()
    assert place(LoadSettings(), SHAPE, LOCAL, 8 * GIB, network) == Placement((CARD,))
    assert not network.asked


def test_a_model_that_fits_here_asks_nobody() -> None:
    network = den()
    settings = LoadSettings(rpc_servers=(DEN,))
    assert place(settings, SHAPE, LOCAL, 16 * GIB, network) == Placement((CARD,))
    assert not network.asked


def test_a_model_that_is_too_large_here_goes_to_both_by_their_free_memory() -> None:
    placement = place(LoadSettings(rpc_servers=(DEN,)), SHAPE, LOCAL, 2 * GIB, den())
    assert placement.devices == (THERE, CARD)
    assert placement.handles == (99, 12)
    assert placement.endpoints == {"192.168.1.20:50052"}
    there, card = placement.split
    assert 4 < there / card < 6
    assert "den-pc" in str(placement.notices[-1])


def test_other_computers_help_always_where_that_is_asked_for() -> None:
    settings = LoadSettings(rpc_servers=(DEN,), rpc_use="always")
    assert place(settings, SHAPE, LOCAL, 16 * GIB, den()).devices == (THERE, CARD)
    assert place(settings, None, LOCAL, 16 * GIB, den()).devices == (THERE, CARD)


def test_the_processor_alone_means_this_one() -> None:
    network = den()
    settings = LoadSettings(rpc_servers=(DEN,), rpc_use="always", gpu_layers=0)
    assert place(settings, SHAPE, LOCAL, 2 * GIB, network).handles == ()
    assert not network.asked


def test_a_computer_that_is_gone_is_said_and_left_out() -> None:
    problem = RpcProblem(
        address="den-pc", message="{address} is gone.", hint="", values={"address": "den-pc"}
    )
    settings = LoadSettings(rpc_servers=(DEN,), rpc_use="always")
    placement = place(settings, SHAPE, LOCAL, 2 * GIB, Network(problems=[problem]))
    assert placement.devices == (CARD,)
    assert placement.handles == ()
    assert [str(notice) for notice in placement.notices] == ["den-pc is gone."]
