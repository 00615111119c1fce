"""The estimate against llama.cpp's own figures, at the true shapes of the whole catalogue."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.base.children import child_command
from app.engine.devices.buffer_names import ram_bytes, without_rows
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.planning.file_shape import shape_from_summary
from app.engine.planning.gguf_shape import read_facts
from converters.build.build_client import build
from converters.gguf.gguf_reader import inspect
from converters.gguf.hollow_gguf import write_hollow_gguf
from converters.process.messages import BuildRequest
from models.catalogue.catalogue import CatalogueModel, catalogue, find
from models.memory.compute_buffer import compute_buffer_bytes, output_buffer_bytes
from models.memory.kv_cache import kv_cache_bytes
from models.memory.layer_split import gpu_layers_that_fit
from models.memory.memory_need import memory_need
from models.memory.memory_request import Demand, whole_lines
from models.memory.memory_reserve import usable_vram_bytes
from models.quantisation.file_size import weights_of
from models.quantisation.quantisation_types import QUANTISATIONS
from models.quantisation.weights import SMALL_TABLE_BYTES, TABLE, Weights, weights_by_place
from tests.support.contexts import load_model
from tests.support.dry_run import dry_run
from tests.support.engines import starter_path
from tests.support.tiny_models import make_tied_model, make_tiny_model

GIB = 1 << 30
LOG_ROUNDING_BYTES = 16 << 10  # the log has two decimals of a MiB

DEMANDS = [
    Demand(512),
    Demand(8192),
    Demand(16384, kv_type="q8_0"),
    Demand(1000, batch_tokens=64, kv_type="q4_0"),
    Demand(2048, sequences=4, batch_tokens=2048),
    Demand(4096, sequences=3, batch_tokens=512, kv_type="q8_0"),
    Demand(4096, flash_attention=False),
    Demand(2048, sequences=2, batch_tokens=256, flash_attention=False),
    Demand(8192, sequences=4, shared=True, kv_type="q8_0"),
    Demand(4096, sequences=2, shared=True, outputs=16),
    Demand(4096, sequences=4, shared=True, batch_tokens=2048, flash_attention=False),
]

R1_MODELS = [model for model in catalogue() if model.thinks]


@pytest.mark.parametrize("model", R1_MODELS, ids=lambda model: model.key)
def test_what_llama_cpp_would_allocate_is_known_before(model: CatalogueModel, tmp_path: Path) -> None:
    file = tmp_path / "hollow.gguf"
    write_hollow_gguf(file, model, "Q4_K_M")
    for demand, theirs in zip(DEMANDS, dry_run(file, DEMANDS), strict=True):
        cache = kv_cache_bytes(model.shape, demand.total_tokens, demand.kv_type)
        assert cache == pytest.approx(theirs.cache, abs=LOG_ROUNDING_BYTES), demand
        assert output_buffer_bytes(model.shape, demand) == pytest.approx(
            theirs.output, abs=LOG_ROUNDING_BYTES
        ), demand
        compute = compute_buffer_bytes(model.shape, demand)
        assert compute == pytest.approx(theirs.compute, rel=0.002, abs=LOG_ROUNDING_BYTES), demand


CONTEXTS = (512, 2048, 4096, 8192, 16384, 32768, 65536, 131072)
COMBINATIONS = [
    Demand(tokens, kv_type=kv_type, flash_attention=flash)
    for tokens in CONTEXTS
    for kv_type, flash in (("f16", True), ("q8_0", True), ("f16", False))
]


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_every_model_type_and_setting_is_within_five_percent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    off = {}
    for model in R1_MODELS:
        for kind in (*QUANTISATIONS, "BF16"):
            file = tmp_path / "hollow.gguf"
            write_hollow_gguf(file, model, kind)
            weights = sum(tensor.bytes for tensor in inspect(file).tensors)
            for demand, theirs in zip(COMBINATIONS, dry_run(file, COMBINATIONS), strict=True):
                demand = replace(demand, copies_weights=True)
                ours = memory_need(model.shape, weights_of(model.shape, kind), demand).total
                allocated = weights + theirs.cache + theirs.compute + theirs.output
                off[model.key, kind, demand] = abs(ours / allocated - 1)
            file.unlink()
    worst = max(off, key=lambda combination: off[combination])
    with capsys.disabled():
        print(f"\n{len(off)} combinations: at most {100 * off[worst]:.3f}% off, {worst}")
    assert off[worst] < 0.05


@pytest.mark.parametrize("quantisation", [*QUANTISATIONS, "BF16"])
def test_a_files_tensors_lie_where_the_catalogue_says(quantisation: str, tmp_path: Path) -> None:
    model = find("r1-llama-8b")
    assert model is not None
    file = tmp_path / "hollow.gguf"
    write_hollow_gguf(file, model, quantisation)
    sizes = {tensor.name: tensor.bytes for tensor in inspect(file).tensors}
    [table] = [tensor.type for tensor in inspect(file).tensors if tensor.name == TABLE]
    assert weights_by_place(sizes, model.shape.layers, table) == weights_of(model.shape, quantisation)


def test_the_starters_table_of_tokens_is_copied_once_more_as_it_is_its_output_too() -> None:
    file, log = Path(starter_path()), NativeLog()
    shape = shape_from_summary(inspect(file))
    assert shape is not None
    load_model(Backend(log), file).free()
    copied = shape.need(Demand(512, copies_weights=True)).ram.weights
    assert copied == pytest.approx(sum(log.buffers().values()), rel=0.005)
    assert shape.need(Demand(512)).ram.weights == shape.weight_bytes < copied


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of a model whose table of tokens is its output, by the type of that table."""
    folder = tmp_path_factory.mktemp("tied")
    return built(make_tied_model(folder), folder)


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same of a model with a table of its own."""
    folder = tmp_path_factory.mktemp("untied")
    return built(make_tiny_model("qwen2", folder), folder)


def built(model: Path, folder: Path) -> dict[str, Path]:
    request = BuildRequest(model, ["BF16", "Q8_0", "Q6_K"], folder, "built")
    files = [output.path for output in build(request, child_command("build")).outputs]
    return {tensor.type: path for path in files for tensor in inspect(path).tensors if tensor.name == TABLE}


@pytest.mark.parametrize("kind", ["BF16", "Q8_0", "Q6_K"])
def test_a_table_that_is_the_output_is_copied_once_more_only_where_its_rows_are_laid_anew(
    tied: dict[str, Path], kind: str
) -> None:
    log = NativeLog()
    backend = Backend(log)
    shapes = [shape_from_summary(inspect(tied[kind])), read_facts(backend.ggml, tied[kind]).shape]
    load_model(backend, tied[kind]).free()
    allocated = sum(log.buffers().values())
    for shape in shapes:
        assert shape is not None
        assert shape.need(Demand(512, copies_weights=True)).ram.weights == pytest.approx(allocated, rel=0.005)


@pytest.mark.parametrize("kind", ["BF16", "Q8_0", "Q6_K"])
@pytest.mark.parametrize("as_in_file", [False, True])
def test_what_is_read_of_a_mapped_file_is_known_before(
    tied: dict[str, Path], untied: dict[str, Path], kind: str, as_in_file: bool
) -> None:
    log = NativeLog()
    backend = Backend(log)
    for file in (tied[kind], untied[kind]):
        shape = shape_from_summary(inspect(file))
        assert shape is not None
        load_model(backend, file, mmap=True, as_in_file=as_in_file).free()
        read = ram_bytes(without_rows(log.buffers(), shape.weights.looked_up(0)))
        # What is mapped for the norms alone, some KB each, is in no copy.
        assert shape.need(Demand(512)).ram.weights == pytest.approx(read, rel=0.02)


def test_a_large_table_of_tokens_is_copied_once_unless_llama_cpp_lays_it_anew() -> None:
    size = SMALL_TABLE_BYTES + 1
    assert Weights((1 << 20,), size, size, tied=True, table_type="Q6_K").held_twice == 0
    assert Weights((1 << 20,), size, size, tied=True, table_type="Q4_K").held_twice == size
    assert Weights((1 << 20,), size, size, table_type="Q4_K").held_twice == 0


def test_ram_and_card_together_hold_everything_once() -> None:
    model = find("r1-qwen-7b")
    assert model is not None
    weights, demand = weights_of(model.shape, "Q4_K_M"), Demand(8192, copies_weights=True)
    alone = memory_need(model.shape, weights, demand)
    for gpu_layers in (1, 10, 29):
        need = memory_need(model.shape, weights, demand, gpu_layers)
        assert need.ram.weights + need.device.weights == weights.total
        assert need.ram.cache + need.device.cache == alone.ram.cache
    whole = memory_need(model.shape, weights, demand, 29)
    assert whole.ram.weights == weights.embedding
    assert whole.ram.cache == 0


def test_the_table_of_tokens_is_no_need_where_the_file_is_mapped_and_only_rows_are_read() -> None:
    untied = Weights((100,) * 3, 40, 30)
    assert [untied.in_ram(layers, copied=True) for layers in (0, 2, 4)] == [370, 230, 30]
    assert [untied.in_ram(layers, copied=False) for layers in (0, 2, 4)] == [340, 200, 0]
    # As the output it is read as a whole, if not on a card.
    tied = Weights((100,) * 3, 30, 30, tied=True, table_type="Q4_K")
    assert [tied.in_ram(layers, copied=True) for layers in (0, 2, 4)] == [360, 230, 30]
    assert [tied.in_ram(layers, copied=False) for layers in (0, 2, 4)] == [330, 200, 0]


def test_a_step_on_several_cards_takes_the_memory_of_one_of_its_parts() -> None:
    model = find("r1-qwen-7b")
    assert model is not None
    weights = weights_of(model.shape, "Q4_K_M")
    large, part = Demand(8192, batch_tokens=2048), Demand(8192, batch_tokens=512)

    def need(demand: Demand, gpu_layers: int, cards: int) -> int:
        return memory_need(model.shape, weights, demand, gpu_layers, cards=cards).total

    assert need(large, 29, 2) == need(part, 29, 2)
    # One card computes all of it at once, and so do several that borrow the layers in RAM.
    assert need(large, 29, 1) > need(part, 29, 1)
    assert need(large, 14, 2) > need(part, 14, 2)


def test_the_layers_that_fit_take_no_more_than_the_room() -> None:
    model = find("r1-qwen-14b")
    assert model is not None
    weights, demand = weights_of(model.shape, "Q4_K_M"), Demand(16384)
    before = 0
    for gib in range(1, 24):
        room = usable_vram_bytes(gib * GIB, gib * GIB)
        layers = gpu_layers_that_fit(model.shape, weights, demand, [room])
        assert layers >= before
        before = layers
        assert memory_need(model.shape, weights, demand, layers).device.total <= room
    assert before == model.shape.layers + 1


MIB = 1 << 20


@pytest.mark.parametrize(
    ("key", "gpu_layers", "demand", "card_mib", "host_mib"),
    [
        # llama-cpp-python 0.3.36 with one RPC device: graphics memory of its own, nothing borrowed.
        ("r1-qwen-7b", 29, Demand(8192), 140.0, 22.0),
        ("r1-qwen-7b", 29, Demand(4096, batch_tokens=2048, kv_type="q8_0"), 516.1, 72.1),
        ("r1-qwen-7b", 29, Demand(4096, flash_attention=False), 262.0, 24.0),
        ("r1-llama-8b", 33, Demand(8192), 116.0, 24.0),
        ("r1-llama-8b", 33, Demand(4096, batch_tokens=2048, kv_type="q8_0"), 416.1, 80.1),
        ("r1-llama-8b", 33, Demand(4096, flash_attention=False), 300.0, 28.0),
        # The same with Vulkan, which borrows the layers in RAM one matrix at a time.
        ("r1-qwen-7b", 14, Demand(8192), 198.3, 22.0),
        ("r1-qwen-7b", 14, Demand(4096, batch_tokens=256), 94.3, 9.0),
        ("r1-llama-8b", 16, Demand(8192), 135.5, 24.0),
        ("r1-llama-8b", 16, Demand(4096, batch_tokens=256), 84.9, 10.0),
        ("r1-qwen-14b", 24, Demand(8192), 146.1, 28.0),
        ("r1-qwen-14b", 24, Demand(8192, batch_tokens=16), 3.4, 4.0),
    ],
)
def test_the_parts_on_a_card_and_beside_it_are_as_llama_cpp_logged_them(
    key: str, gpu_layers: int, demand: Demand, card_mib: float, host_mib: float
) -> None:
    model = find(key)
    assert model is not None
    weights = weights_of(model.shape, "Q4_K_M")
    need = memory_need(model.shape, weights, demand, gpu_layers)
    theirs = need.device.weights + need.device.cache + card_mib * MIB
    assert need.device.total == pytest.approx(theirs, rel=0.05)
    host = host_mib * MIB + output_buffer_bytes(model.shape, demand)
    assert need.ram.compute == pytest.approx(host, rel=0.01, abs=MIB // 2)
    if gpu_layers > model.shape.layers:
        assert need.device.compute == pytest.approx(card_mib * MIB, rel=0.002)


def test_outputs_fill_whole_cache_lines() -> None:
    assert [whole_lines(outputs) for outputs in (1, 16, 17, 33, 48)] == [16, 16, 32, 48, 48]
