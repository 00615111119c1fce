"""Measurements are kept and found again, whatever happens to the file."""

import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.protocol import Finished, GenerationStats, Loaded, ModelInfo, Unloaded
from app.machine.measurements import LoadMeasurement, Measurements
from app.machine.memory_speed import (
    Span,
    SpeedReading,
    busy_blocks_per_s,
    fastest_window,
    measure_memory_speed,
    read_memory_speed,
    usual_window,
)
from app.machine.memory_speed_worker import read_weights
from app.machine.sample_reply import reply_bytes_per_s
from tests.support.waiting import wait_until

MIB = 1 << 20


MOST_BYTES_PER_S = 1e12
"""Two threads read no more than that from their caches."""


def info(path: Path, **changes: object) -> ModelInfo:
    made = ModelInfo(
        path=str(path),
        name="m",
        architecture="llama",
        quantisation="Q4_0",
        parameters=1,
        size_bytes=4,
        layers=2,
        gpu_layers=0,
        context_tokens=4096,
        context_limit=8192,
        vocabulary=10,
        threads=2,
        batch_tokens=512,
        kv_type="f16",
        backend="CPU",
        chat_template="",
        bos_text="",
        eos_text="",
        adds_bos=False,
        load_s=0.1,
        buffers={"CPU_Mapped": 3 * MIB, "CPU": MIB, "CUDA0": 2 * MIB, "CUDA_Host": MIB},
    )
    return msgspec.structs.replace(made, **changes)


def finished(tok_per_s: float, tokens: int = 100) -> Finished:
    stats = GenerationStats(
        prompt_tokens=1,
        completion_tokens=tokens,
        thinking_tokens=0,
        ttft_s=0.1,
        prompt_s=0.1,
        decode_s=1.0,
        thinking_s=0.0,
        prompt_tok_per_s=10.0,
        decode_tok_per_s=tok_per_s,
        context_tokens_used=100,
        seed=1,
    )
    return Finished(request_id=2, reason="stop", stats=stats)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_a_load_and_its_fastest_reply_are_kept(tmp_path: Path, file: Path) -> None:
    kept = tmp_path / "data" / "measured.json"
    measured = Measurements(kept)
    measured.on_event(Loaded(request_id=1, info=info(file)))
    for rate in (20.0, 30.0, 25.0):
        measured.on_event(finished(rate))
    measured.on_event(finished(99.0, tokens=5))
    [load] = Measurements(kept).loads()
    assert (load.path, load.file_bytes, load.decode_tok_per_s) == (str(file), 4, 30.0)
    assert (load.ram_bytes, load.device_bytes) == (5 * MIB, 2 * MIB)
    for copy in ("CPU_REPACK", "AMX"):
        repacked = msgspec.structs.replace(load, buffers={"CPU_Mapped": 9, copy: 8, "CPU": 1})
        assert (repacked.ram_bytes, repacked.device_bytes) == (10, 0)
    # Loaded again in the same way, the rate is remembered; with another context it is another measurement.
    measured.on_event(Loaded(request_id=3, info=info(file)))
    measured.on_event(Loaded(request_id=4, info=info(file, context_tokens=8192)))
    assert [load.decode_tok_per_s for load in Measurements(kept).loads()] == [30.0, 0.0]


def test_who_asks_for_the_loads_does_not_wait_for_a_disk_that_is_written_to(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window asks for them while it judges its list of models."""
    measured = Measurements(tmp_path / "measured.json")
    assert measured.loads() == ()
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(path: Path, value: object) -> None:
        hangs.set()
        goes_on.wait()

    # A stand-in for a disk that is busy.
    monkeypatch.setattr("app.machine.measurements.write_json", hang)
    with ThreadPoolExecutor() as threads:
        writing = threads.submit(measured.on_event, Loaded(request_id=1, info=info(file)))
        hangs.wait()
        asking = threads.submit(measured.loads)
        try:
            wait_until(asking.done, "the loads while they are written")
        finally:
            goes_on.set()
        writing.result()
    assert [load.path for load in asking.result()] == [str(file)]


def test_replies_count_only_where_their_model_is_known(tmp_path: Path, file: Path) -> None:
    other = tmp_path / "n.gguf"
    measured = Measurements(tmp_path / "measured.json")
    measured.on_event(Loaded(request_id=1, info=info(file)))
    measured.on_event(Loaded(request_id=2, info=info(other)))
    measured.on_event(finished(50.0))
    assert [load.decode_tok_per_s for load in measured.loads()] == [0.0, 0.0]
    measured.on_event(Unloaded(request_id=0, path=str(other)))
    measured.on_event(finished(50.0))
    assert {load.path: load.decode_tok_per_s for load in measured.loads()} == {
        str(file): 50.0,
        str(other): 0.0,
    }
    measured.on_event(Unloaded(request_id=3))
    measured.on_event(finished(60.0))
    assert max(load.decode_tok_per_s for load in measured.loads()) == 50.0


class Readings:
    """Stands in for the memory of a computer that is busy at times."""

    def __init__(self, *readings: SpeedReading) -> None:
        self._readings = list(readings)
        self.calls = 0

    def __call__(self, threads: int) -> SpeedReading:
        self.calls += 1
        return self._readings.pop(0)


def quiet(gb_per_s: float) -> SpeedReading:
    return SpeedReading(gb_per_s * 1e9, is_quiet=True)


def busy(gb_per_s: float) -> SpeedReading:
    return SpeedReading(gb_per_s * 1e9, is_quiet=False)


def test_memory_speed_is_measured_once_on_a_quiet_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "measured.json"
    readings = Readings(quiet(7), quiet(6))
    for _ in range(3):
        found = Measurements(kept, readings).memory_speed()
        assert (found.bytes_per_s, found.is_provisional) == (7e9, False)
    assert readings.calls == 1
    monkeypatch.setattr("app.machine.measurements.computer_identity", lambda: "with other memory")
    assert Measurements(kept, readings).memory_speed().bytes_per_s == 6e9
    assert readings.calls == 2


def test_a_busy_computers_speed_is_provisional_until_it_is_quiet(tmp_path: Path) -> None:
    kept = tmp_path / "measured.json"
    readings = Readings(busy(9.6), busy(11), busy(17.7), busy(21.3), busy(12), quiet(31.1))
    said = [Measurements(kept, readings).memory_speed() for _ in range(7)]
    assert [(one.bytes_per_s / 1e9, one.is_provisional) for one in said] == [
        (9.6, True),
        (9.6, True),
        (17.7, True),
        (17.7, True),
        (17.7, True),
        (31.1, False),
        (31.1, False),
    ]


def test_a_later_day_replaces_what_was_measured_and_a_busy_one_does_not(tmp_path: Path) -> None:
    kept = tmp_path / "measured.json"
    for day, reading, gb_per_s in (
        ("2026-01-01", quiet(31), 31),
        ("2026-01-02", busy(12), 31),
        ("2026-01-03", quiet(20), 20),
        ("2026-01-04", quiet(40), 40),
        # Within what the same memory differs by from time to time.
        ("2026-01-05", quiet(30), 40),
        ("2026-01-06", quiet(55), 40),
    ):
        noon = f"{day}T12:00:00+00:00"
        found = Measurements(kept, Readings(reading), lambda noon=noon: noon).memory_speed()
        assert (found.bytes_per_s / 1e9, found.is_provisional) == (gb_per_s, False)


def test_a_speed_that_was_kept_without_a_word_on_quiet_is_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "measured.json"
    Measurements(kept, Readings(quiet(9))).memory_speed()
    document = msgspec.json.decode(kept.read_bytes())
    del document["reply_speed"]["quiet"], document["checksum"]
    kept.write_bytes(msgspec.json.encode(document))
    assert Measurements(kept, Readings(quiet(31))).memory_speed().bytes_per_s == 31e9


@pytest.mark.parametrize("earlier", ["memory_speed", "weights_speed"])
def test_a_speed_of_memory_alone_that_was_kept_is_not_that_of_replies(tmp_path: Path, earlier: str) -> None:
    kept = tmp_path / "measured.json"
    Measurements(kept, Readings(quiet(31))).memory_speed()
    document = msgspec.json.decode(kept.read_bytes())
    document[earlier] = document.pop("reply_speed") | {"bytes_per_s": 67e9}
    del document["checksum"]
    kept.write_bytes(msgspec.json.encode(document))
    assert Measurements(kept, Readings(quiet(31))).memory_speed().bytes_per_s == 31e9


def blocks(*each_s: float, waited_s: Mapping[int, float] | None = None, began_s: float = 0.0) -> list[Span]:
    """A thread's blocks one after the other; `waited_s` says by their numbers how long it waited in some."""
    spans = []
    for number, block_s in enumerate(each_s):
        spans.append(Span(began_s, began_s + block_s, block_s - (waited_s or {}).get(number, 0.0)))
        began_s += block_s
    return spans


def test_the_fastest_window_is_that_in_which_all_threads_ran() -> None:
    # Two threads of six blocks: the second waits for its processor in its third block.
    first = blocks(*[1.0] * 6)
    second = blocks(1.0, 1.0, 6.0, waited_s={2: 5.0})
    assert fastest_window([first]) == 1.0
    assert fastest_window([first, second]) == pytest.approx((4 + 2 + 2 / 6) / 4)
    assert fastest_window([first, first]) == 2.0


def test_the_usual_window_is_neither_a_lucky_nor_an_unlucky_one() -> None:
    spans = [blocks(*[1.0] * 6, 9.0, *[1.0] * 6, *[0.5] * 6)]
    assert (usual_window(spans), fastest_window(spans)) == (1.0, 2.0)
    assert usual_window([[]]) == 0.0


def test_beside_other_programs_the_blocks_count_that_no_thread_waited_in() -> None:
    # Each thread waits at other times; now and then both read, at times with luck.
    first = blocks(*[1.0] * 40, *[0.5] * 4, *[9.0] * 20, waited_s=dict.fromkeys(range(44, 64), 8.0))
    second = blocks(*[9.0] * 2, *[1.0] * 300, waited_s={0: 8.0, 1: 8.0})
    assert busy_blocks_per_s([first, second], 99.0) == 2.0
    assert fastest_window([first, second]) == 3.0


def test_where_threads_hardly_run_at_once_each_counts_for_as_long_as_it_ran() -> None:
    first = blocks(*[9.0] * 30, waited_s=dict.fromkeys(range(30), 8.0))
    second = blocks(*[4.5] * 60, waited_s=dict.fromkeys(range(60), 4.0))
    assert fastest_window([first, second]) == pytest.approx(1 / 9 + 1 / 4.5)
    assert busy_blocks_per_s([first, second], 99.0) == pytest.approx(1 / 1 + 1 / 0.5)
    assert busy_blocks_per_s([first, second], 2.5) == 2.5, "each may have had the memory for itself"


def test_threads_whose_time_is_not_counted_have_their_fastest_window() -> None:
    # Windows counts in ticks, of which there may have been none.
    spans = [blocks(*[1.0] * 9, waited_s=dict.fromkeys(range(9), 1.0))] * 2
    assert busy_blocks_per_s(spans, 99.0) == fastest_window(spans) == 2.0


def test_the_real_memory_is_read_at_a_real_speed() -> None:
    # A ceiling that any computer keeps, however busy it is; the exact figure is its own.
    assert 0 < measure_memory_speed(2) < MOST_BYTES_PER_S
    # In the cache, and over before a thread that waits for it would be woken.
    assert 0 < measure_memory_speed(2, 4 << 20) < MOST_BYTES_PER_S


def test_weights_are_read_with_the_kernels_of_a_reply_at_a_real_speed() -> None:
    assert 0 < read_memory_speed(2).bytes_per_s < MOST_BYTES_PER_S


def test_the_steps_of_a_reply_are_taken_of_a_model_that_takes_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Backend(NativeLog(), wakes=False)
    for found in reply_bytes_per_s(backend, 2, ("Q4_K_M", "Q8_0"), round_s=0.05):
        assert 0 < found < MOST_BYTES_PER_S
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        reply_bytes_per_s(backend, 2, ("Q4_K_M",))


def test_a_quiet_computer_is_measured_by_steps_and_a_busy_one_by_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy_percent = {"now": 0.0}
    taken: list[tuple[str, ...]] = []

    def steps(backend: object, threads: int, kinds: tuple[str, ...]) -> list[float]:
        taken.append(kinds)
        return [20e9, 25e9]

    monkeypatch.setattr(
        "app.telemetry.host.CpuClock.percent_since", lambda clock, before: (busy_percent["now"], 0.0)
    )
    monkeypatch.setattr("app.machine.memory_speed_worker.reply_bytes_per_s", steps)
    assert read_weights(2, os.getpid()) == SpeedReading(20e9, True, 25e9)
    busy_percent["now"] = 50.0
    busy = read_weights(2, os.getpid())
    assert (busy.is_quiet, busy.eight_bit_bytes_per_s, taken) == (False, 0.0, [("Q4_K_M", "Q8_0")])
    assert busy.bytes_per_s > 0

    def fails(*_: object) -> list[float]:
        raise OSError("the disk is full")

    busy_percent["now"] = 0.0
    monkeypatch.setattr("app.machine.memory_speed_worker.reply_bytes_per_s", fails)
    by_products = read_weights(2, os.getpid())
    assert by_products.is_quiet
    assert 0 < by_products.bytes_per_s < MOST_BYTES_PER_S


def test_a_child_that_cannot_measure_leaves_the_speed_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.machine.memory_speed.child_command", lambda name: [sys.executable, "-c", "raise SystemExit(3)"]
    )
    assert read_memory_speed(2) == SpeedReading(0.0, is_quiet=False)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_child_that_is_ended_with_the_program_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr("app.machine.memory_speed.child_command", lambda name: [sys.executable, "-c", killed])
    with caplog.at_level("INFO"):
        assert read_memory_speed(2) == SpeedReading(0.0, is_quiet=False)
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize("content", [b"", b"{ half", b'{"loads": 3}'])
def test_a_damaged_file_is_put_aside(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "measured.json"
    kept.write_bytes(content)
    assert Measurements(kept).loads() == ()
    [aside] = tmp_path.glob("measured.damaged-*.json")
    assert aside.read_bytes() == content


def test_a_folder_that_cannot_be_written_ends_no_reply(tmp_path: Path, file: Path) -> None:
    (tmp_path / "blocked").write_bytes(b"")
    measured = Measurements(tmp_path / "blocked" / "measured.json")
    measured.on_event(Loaded(request_id=1, info=info(file)))
    assert isinstance(measured.loads()[0], LoadMeasurement)
