"""The panel hears of cards that NVML does not know from the engine's own messages."""

import msgspec

from app.base.errors import EngineError
from app.engine.protocol import (
    CardsRead,
    Device,
    DevicesFound,
    Event,
    Loaded,
    LoadProgress,
    ModelInfo,
    Ready,
    Unloaded,
)
from app.engine.protocol.engine_state import EngineState, after
from app.telemetry.nvml import GpuReading, GpuSample, GpuState
from app.telemetry.other_gpus import IDLE_PERIOD_S, LOADED_PERIOD_S, CardMonitor

GIB = 1 << 30
PATH = "/models/m.gguf"

RADEON = Device(
    name="Vulkan0",
    description="AMD Radeon RX 7800 XT (RADV NAVI32)",
    backend="Vulkan",
    kind="gpu",
    memory_total_bytes=16 * GIB,
    memory_free_bytes=15 * GIB,
    hardware_id="0000:03:00.0",
)
GEFORCE = Device(
    name="Vulkan1",
    description="NVIDIA GeForce RTX 3060",
    backend="Vulkan",
    kind="gpu",
    memory_total_bytes=12 * GIB,
    memory_free_bytes=11 * GIB,
    hardware_id="0000:01:00.0",
)
PROCESSOR = msgspec.structs.replace(RADEON, name="CPU", backend="CPU", kind="cpu", hardware_id="")
NO_DRIVER = GpuReading("no_driver")

INFO = ModelInfo(
    path=PATH,
    name="m",
    architecture="qwen2",
    quantisation="Q4_K_M",
    parameters=1,
    size_bytes=5 * GIB,
    layers=28,
    gpu_layers=29,
    context_tokens=256,
    context_limit=256,
    vocabulary=10,
    threads=1,
    batch_tokens=32,
    kv_type="f16",
    backend="Vulkan",
    chat_template="",
    bos_text="",
    eos_text="",
    adds_bos=False,
    load_s=0.1,
    buffers={"Vulkan0": 4 * GIB, "CPU_Mapped": GIB},
    draft_buffers={"Vulkan0": GIB, "Vulkan_Host": 1},
)


class Desk:
    """A monitor behind an engine of which only the events are real; it answers when the test says so."""

    def __init__(self, *devices: Device) -> None:
        self.now_s = 100.0
        self.asked = 0
        self.monitor = CardMonitor(self._ask, lambda: self.now_s)
        self._state = EngineState("starting")
        self.monitor.on_state(self._state)
        if devices:
            self.start(*devices)

    def start(self, *devices: Device, pid: int = 7) -> None:
        self.tell(Ready(llama_cpp_version="1", system_info="", devices=list(devices), pid=pid))

    def tell(self, event: Event) -> None:
        self.monitor.on_event(event)
        self.set_state(after(self._state, event))

    def set_state(self, state: EngineState) -> None:
        self._state = state
        self.monitor.on_state(state)

    def load(self) -> None:
        self.tell(LoadProgress(request_id=1, fraction=0.5, path=PATH))
        self.tell(Loaded(request_id=1, info=INFO))

    def later(self, passed_s: float, gpu: GpuReading = NO_DRIVER) -> tuple[GpuSample, ...] | None:
        self.now_s += passed_s
        return self.monitor.poll(gpu)

    def card(self) -> GpuSample:
        (card,) = self.monitor.poll(NO_DRIVER) or ()
        return card

    def _ask(self) -> None:
        self.asked += 1


def with_free(free_bytes: int) -> CardsRead:
    return CardsRead(cards=[msgspec.structs.replace(RADEON, memory_free_bytes=free_bytes)])


def test_nothing_is_known_before_the_engine_is_there() -> None:
    assert Desk().monitor.poll(NO_DRIVER) is None


def test_the_first_figures_come_with_the_engine_itself() -> None:
    desk = Desk(PROCESSOR, RADEON)
    card = desk.card()
    assert (card.name, card.vram_used_bytes, card.vram_total_bytes) == (RADEON.description, GIB, 16 * GIB)
    assert (card.utilisation_percent, card.temperature_c, card.power_w) == (None, None, None)
    assert card.own_vram_bytes == 0
    assert desk.asked == 0


def test_a_computer_without_a_card_is_told_apart_from_one_that_is_not_known() -> None:
    desk = Desk(PROCESSOR)
    assert desk.later(1000) == ()
    assert desk.asked == 0


def test_with_a_model_it_is_read_every_second_and_never_twice_at_once() -> None:
    desk = Desk(RADEON)
    desk.load()
    desk.later(LOADED_PERIOD_S)
    assert desk.asked == 1
    desk.later(60)
    assert desk.asked == 1, "the engine is in a long step"
    desk.tell(with_free(9 * GIB))
    assert desk.card().vram_used_bytes == 7 * GIB
    assert desk.asked == 1
    desk.later(LOADED_PERIOD_S)
    assert desk.asked == 2


def test_without_a_model_it_is_seldom_read() -> None:
    desk = Desk(RADEON)
    desk.later(IDLE_PERIOD_S - 1)
    assert desk.asked == 0
    desk.later(1)
    assert desk.asked == 1


def test_the_share_is_what_the_loaded_models_hold_there() -> None:
    desk = Desk(RADEON)
    desk.tell(LoadProgress(request_id=1, fraction=0.5, path=PATH))
    assert desk.card().own_vram_bytes is None
    desk.tell(Loaded(request_id=1, info=INFO))
    assert desk.card().own_vram_bytes == 5 * GIB
    desk.tell(Unloaded(request_id=2))
    assert desk.card().own_vram_bytes == 0


def test_what_is_loaded_is_used_even_where_the_driver_does_not_tell_what_is_free() -> None:
    desk = Desk(msgspec.structs.replace(RADEON, memory_free_bytes=16 * GIB))
    desk.load()
    assert desk.card().vram_used_bytes == 5 * GIB


def test_a_card_that_is_used_by_another_back_end_counts_what_that_holds() -> None:
    by_cuda = msgspec.structs.replace(GEFORCE, name="CUDA0", backend="CUDA")
    desk = Desk(by_cuda, GEFORCE)
    desk.tell(Loaded(request_id=1, info=msgspec.structs.replace(INFO, buffers={"CUDA0": 3 * GIB})))
    (card,) = desk.monitor.poll(GpuReading("failing")) or ()
    assert card.own_vram_bytes == 3 * GIB


def test_a_card_that_nvml_knows_is_shown_by_nvml_alone_and_not_read() -> None:
    desk = Desk(GEFORCE)
    desk.load()
    nvml = GpuReading("ok", (GpuSample(0, GEFORCE.description, GIB, 12 * GIB, 0, 1, 40, 20.0),))
    assert desk.later(60, nvml) == ()
    assert desk.asked == 0
    both = Desk(GEFORCE, RADEON)
    (other,) = both.later(0, nvml) or ()
    assert (other.index, other.name) == (1, RADEON.description)


def test_a_driver_that_hangs_is_kept_away_from_the_engine() -> None:
    desk = Desk(GEFORCE, RADEON)
    states: tuple[GpuState, ...] = ("pending", "hanging")
    for state in states:
        assert desk.later(60, GpuReading(state)) is None
    assert desk.asked == 0


def test_its_figures_end_with_the_engine_and_come_back_with_it() -> None:
    desk = Desk(RADEON)
    desk.load()
    desk.later(LOADED_PERIOD_S)
    desk.set_state(EngineState("dead", error=EngineError("gone")))
    assert desk.later(60) is None
    desk.start(RADEON, pid=8)
    assert desk.card().own_vram_bytes == 0
    desk.load()
    desk.later(LOADED_PERIOD_S)
    assert desk.asked == 2, "what the dead one had been asked is not waited for"


def test_a_card_that_slept_when_the_engine_started_is_shown_once_it_is_woken() -> None:
    desk = Desk(PROCESSOR)
    assert desk.monitor.poll(NO_DRIVER) == ()
    desk.tell(DevicesFound(devices=[PROCESSOR, RADEON]))
    samples = desk.monitor.poll(NO_DRIVER)
    assert samples is not None
    assert [sample.vram_total_bytes for sample in samples] == [16 * GIB]
    # Where it may sleep again, it is not asked.
    desk.now_s += IDLE_PERIOD_S
    assert desk.monitor.poll(GpuReading("asleep")) is None
    assert desk.asked == 0
    assert not desk.monitor.in_use
    desk.tell(Loaded(request_id=1, info=INFO))
    assert desk.monitor.in_use
