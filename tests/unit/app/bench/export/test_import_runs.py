"""llama-bench's JSON, as it printed it, and our own reports from elsewhere."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from app.base.errors import Cancelled, StillroomError
from app.bench.export.import_runs import imported_reports, read_runs
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import NotMeasured, Report, report_to_json
from tests.support.bench_reports import make_report

TEST = {
    "build_commit": "0c1e570",
    "build_number": 1,
    "cpu_info": "A CPU",
    "gpu_info": "NVIDIA A, NVIDIA B",
    "backends": "CUDA",
    "model_filename": "C:\\Users\\someone\\models\\DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf",
    "model_type": "qwen2 7B Q4_K - Medium",
    "model_size": 4683073536,
    "model_n_params": 7615616512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_threads": 8,
    "type_k": "f16",
    "n_gpu_layers": 99,
    "n_prompt": 512,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2026-11-26T04:54:07Z",
    "avg_ts": 2000.0,
    "stddev_ts": 10.0,
    "samples_ns": [256000000, 256000000],
    "samples_ts": [1990.0, 2010.0],
}
GENERATION = {**TEST, "n_prompt": 0, "n_gen": 128, "samples_ts": [99.0, 101.0], "avg_ts": 100.0}


def encoded(*tests: dict[str, object]) -> bytes:
    return json.dumps(list(tests)).encode()


def test_llama_bench_s_tests_become_one_run() -> None:
    deep = {**GENERATION, "n_depth": 2048}
    both = {**TEST, "n_gen": 128}
    (report,) = imported_reports(encoded(TEST, GENERATION, deep, both))
    assert [measure.key for measure in report.measures] == ["pp512", "tg128", "tg128@2048"]
    assert report.generation is not None
    assert report.generation.values == [99.0, 101.0]
    assert (report.source, report.suite) == ("llama-bench", "llama-bench")
    assert (report.model.name, report.model.quantisation) == ("DeepSeek-R1-Distill-Qwen-7B", "Q4_K_M")
    assert [gpu.name for gpu in report.machine.gpus] == ["NVIDIA A", "NVIDIA B"]
    assert report.started_at == "2026-11-26T04:54:07Z"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("qwen2 7B Q4_K - Medium", "Q4_K_M"),
        ("llama 8B Q3_K - Large", "Q3_K_L"),
        ("llama 134M Q4_1", "Q4_1"),
        ("qwen3 8B IQ4_XS - 4.25 bpw", "IQ4_XS"),
        ("llama 8B BF16", "BF16"),
        ("qwen2 1.5B Q8_0 (guessed)", "Q8_0"),
        ("", "GGUF"),
    ],
)
def test_a_file_whose_name_states_no_type_has_the_tests(words: str, name: str) -> None:
    (report,) = imported_reports(encoded({**TEST, "model_filename": "model.gguf", "model_type": words}))
    assert report.model.quantisation == name


def test_no_folder_of_the_other_computer_is_kept() -> None:
    (report,) = imported_reports(encoded(TEST))
    assert b"someone" not in report_to_json(report)
    (report,) = imported_reports(encoded({**TEST, "model_filename": "/home/someone/x-Q8_0.gguf"}))
    assert b"someone" not in report_to_json(report)
    assert report.model.file == "x-Q8_0.gguf"


def test_other_settings_make_another_run_and_the_same_file_the_same_ids() -> None:
    data = encoded(TEST, {**TEST, "n_threads": 4})
    first, second = imported_reports(data), imported_reports(data)
    assert len(first) == 2
    assert [report.id for report in first] == [report.id for report in second]


def test_lines_of_json_are_read_too() -> None:
    data = "\n".join(json.dumps(test) for test in (TEST, GENERATION)).encode()
    (report,) = imported_reports(data)
    assert len(report.measures) == 2


def test_fields_that_an_older_version_lacks_do_not_matter() -> None:
    old = {key: TEST[key] for key in ("model_filename", "n_prompt", "n_gen", "avg_ts", "samples_ts")}
    (report,) = imported_reports(encoded(old))
    assert report.prompt is not None


def test_our_own_report_comes_as_it_is() -> None:
    report = make_report()
    assert imported_reports(report_to_json(report, indent=2)) == [report]


@pytest.mark.parametrize(
    "data",
    [b"", b"no json", b"\xff\xfe", b"[]", b"[1, 2]", b'{"schema": "other"}', b'[{"n_prompt": "x"}]', b"null"],
)
def test_anything_else_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(StillroomError, match="no benchmark that Stillroom can read"):
        imported_reports(data)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match=r"gone\.json could not be read"):
        read_runs(tmp_path / "gone.json")


def test_a_later_format_of_ours_is_refused() -> None:
    later = msgspec.structs.replace(make_report(), schema_version=99)
    with pytest.raises(StillroomError, match="99"):
        imported_reports(report_to_json(later))


@pytest.mark.parametrize(
    "change",
    [
        {"samples_ns": [10**400]},
        {"samples_ts": ["nan"]},
        {"samples_ts": ["inf"]},
        {"samples_ts": [1e308, 1e308]},
        {"samples_ts": [1e300, -1e300]},
        {"samples_ts": [-1.0]},
        {"samples_ts": [1.0] * 2000, "samples_ns": []},
        {"n_prompt": -5},
        {"model_size": 10**300},
        {"test_time": "yesterday"},
    ],
)
def test_a_figure_that_cannot_be_measured_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(StillroomError, match="no benchmark that Stillroom can read"):
        imported_reports(encoded({**TEST, **change}))


@pytest.mark.parametrize(
    "data", [b"[" * (1 << 20), b"[" * 1000 + b"]" * 1000, b"{}\n" * (5 << 20), b"x\n" * (8 << 20)]
)
def test_json_that_takes_the_memory_is_refused(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(StillroomError, match="no benchmark that Stillroom can read"):
            imported_reports(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "reason", ["{a:>1999999999}", "{b}", "{", "{0}", "{a.__class__.__mro__}", "{a[0]}", "{a!r:>99999999}"]
)
def test_a_reason_that_is_a_program_is_refused(reason: str) -> None:
    item = NotMeasured(key="pp512", reason=reason, values={"a": "x"})
    report = msgspec.structs.replace(make_report(), not_measured=[item])
    with pytest.raises(StillroomError, match="a reason in it is no sentence"):
        imported_reports(report_to_json(report))


def test_texts_of_others_come_as_lines_that_can_be_shown() -> None:
    (report,) = imported_reports(
        encoded({**TEST, "cpu_info": "\x1b]0;x\x07A\u202eB", "gpu_info": "N" * 1_000_000})
    )
    assert report.machine.processor == "·]0;x·A·B"
    assert len(report.machine.gpus[0].name) == 2000
    own = msgspec.structs.replace(make_report(), suite="quick\x1b[2J")
    (report,) = imported_reports(report_to_json(own))
    assert report.suite == "quick·[2J"


def test_no_run_of_the_users_is_replaced_by_one_that_has_its_id(tmp_path: Path) -> None:
    history = BenchmarkHistory(tmp_path / "history.sqlite3")
    own = make_report()
    history.add(own)
    (same,) = imported_reports(report_to_json(own))
    assert history.take_in([same]) == [own]
    (forged,) = imported_reports(report_to_json(msgspec.structs.replace(own, duration_s=1.0)))
    for _ in range(2):
        [kept] = history.take_in([forged])
    assert kept == msgspec.structs.replace(forged, id=kept.id)
    assert {report.id for report in history.reports()} == {own.id, kept.id}
    assert own in history.reports()
    history.close()


@pytest.mark.parametrize("given_up_at", [0, 5])
def test_runs_that_are_given_up_while_they_are_kept_leave_nothing(given_up_at: int, tmp_path: Path) -> None:
    cancel = threading.Event()

    def reports() -> Iterator[Report]:
        for number in range(10):
            if number == given_up_at:
                cancel.set()
            yield make_report(str(number))

    with closing(BenchmarkHistory(tmp_path / "history.sqlite3")) as history:
        history.add(make_report("own"))
        with pytest.raises(Cancelled):
            history.take_in(reports(), cancel)  # type: ignore[arg-type]  # it goes through them once
        assert [report.id for report in history.reports()] == ["own"]
