"""Runs from other programs and other people: llama-bench's JSON, and Stillroom's own reports."""

import errno
import hashlib
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from app.base.errors import StillroomError
from app.bench.results.report import (
    SCHEMA,
    EngineFacts,
    GpuFacts,
    MachineFacts,
    Measure,
    ModelFacts,
    Report,
    Sample,
    measure_of,
    report_from_json,
)
from app.bench.results.report_checks import check_numbers, checked_report, with_shown_texts
from app.engine.protocol import LoadSettings
from models.store.manifest import type_in_name
from models.system.foreign_json import check_values
from models.system.regular_file import read_regular

LLAMA_BENCH = "llama-bench"

LARGEST_BYTES = 16 << 20
_MOST_VALUES = 1 << 19
"""A test of llama-bench has some fifty: enough for ten thousand."""
MOST_RUNS = 1000

# "qwen2 7B Q4_K - Medium", as `llama_model_desc` writes it.
_TYPE = re.compile(r"\b([A-Z]+\d\w*)(?: - ([SML])(?:mall|edium|arge))?")


class _LlamaBenchTest(msgspec.Struct, frozen=True):
    """A test of llama-bench -o json (tools/llama-bench/llama-bench.cpp of llama.cpp); older versions have
    fewer fields."""

    model_filename: str
    n_prompt: int
    n_gen: int
    samples_ts: list[float]
    avg_ts: float
    samples_ns: list[int] = []
    build_commit: str = ""
    build_number: int = 0
    cpu_info: str = ""
    gpu_info: str = ""
    backends: str = ""
    model_type: str = ""
    model_size: int = 0
    model_n_params: int = 0
    n_batch: int = 0
    n_ubatch: int = 0
    n_threads: int = 0
    type_k: str = ""
    n_gpu_layers: int = 0
    n_depth: int = 0
    test_time: str = ""

    @property
    def key(self) -> str:
        """Our key of the figure; empty for a test that Stillroom has no word for."""
        if bool(self.n_prompt) == bool(self.n_gen):
            return ""
        depth = f"@{self.n_depth}" if self.n_depth else ""
        return f"pp{self.n_prompt}{depth}" if self.n_prompt else f"tg{self.n_gen}{depth}"


def read_runs(path: Path) -> bytes:
    """The content of a file to import. Raises `StillroomError` where it cannot be read or is too large."""
    try:
        return read_regular(path, LARGEST_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _unknown("it is too large") from error
        raise StillroomError(
            "The file {name} could not be read: {reason}.",
            "Check that it is there and that you may read it.",
            name=path.name,
            reason=error.strerror or "unknown",
        ) from error


def imported_reports(data: bytes) -> list[Report]:
    """The runs in a file: `llama-bench -o json` or `-o jsonl`, or a report of `stillroom bench --json` or the
    window. The same file gives the same ids, so that nothing is there twice.

    No folder of the other computer is taken over. Raises `StillroomError` where it is none of them.
    """
    try:
        check_values(data, _MOST_VALUES)
        found = _documents(data)
        if len(found) == 1 and isinstance(found[0], dict) and found[0].get("schema") == SCHEMA:
            return [checked_report(report_from_json(data))]
        tests = [
            with_shown_texts(test)
            for test in msgspec.convert(found, type=list[_LlamaBenchTest], strict=False)
        ]
        check_numbers(msgspec.to_builtins(tests))
        return [checked_report(report) for report in _reports(tests)]
    except RecursionError as error:
        raise _unknown("it is nested too deeply") from error
    # A text that is no UTF-8 is one of them, and so is what msgspec refuses.
    except ValueError as error:
        raise _unknown(str(error)) from error


def _reports(tests: Sequence[_LlamaBenchTest]) -> list[Report]:
    groups: dict[tuple[object, ...], list[_LlamaBenchTest]] = {}
    for test in tests:
        if test.key and test.samples_ts:
            groups.setdefault(_group(test), []).append(test)
    if not groups:
        raise ValueError("it has no test of a prompt or of a generation")
    if len(groups) > MOST_RUNS:
        raise ValueError(f"it has more than {MOST_RUNS} runs")
    return [_report(group) for group in groups.values()]


def _documents(data: bytes) -> list[object]:
    """The objects of a JSON list, of one object, or of lines with one each."""
    try:
        whole = msgspec.json.decode(data)
    except msgspec.DecodeError:
        # One after the other: a list of all lines may take many times the file's size.
        return [msgspec.json.decode(line) for line in BytesIO(data) if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _group(test: _LlamaBenchTest) -> tuple[object, ...]:
    """Return the fields that tests of one run share."""
    return (
        test.model_filename,
        test.n_threads,
        test.n_gpu_layers,
        test.n_batch,
        test.n_ubatch,
        test.type_k,
        test.build_commit,
        test.cpu_info,
        test.gpu_info,
        test.backends,
    )


def _report(tests: Sequence[_LlamaBenchTest]) -> Report:
    first = tests[0]
    file = PureWindowsPath(PurePosixPath(first.model_filename).name).name
    quantisation = type_in_name(file)
    if quantisation == "GGUF" and (stated := _TYPE.search(first.model_type)) is not None:
        quantisation = "_".join(filter(None, stated.groups()))
    started_at = min(test.test_time for test in tests) or "1970-01-01T00:00:00Z"
    measures = {test.key: _measure(test) for test in tests}
    identity = hashlib.sha256(msgspec.json.encode([msgspec.structs.asdict(test) for test in tests]))
    return Report(
        id=f"llama-bench-{identity.hexdigest()[:24]}",
        started_at=started_at,
        duration_s=sum(sum(test.samples_ns) for test in tests) / 1e9,
        stillroom_version="",
        suite=LLAMA_BENCH,
        source=LLAMA_BENCH,
        machine=MachineFacts(
            processor=first.cpu_info,
            cores=0,
            threads=0,
            memory_total_bytes=0,
            system="",
            python="",
            gpus=[
                GpuFacts(name=name.strip(), vram_total_bytes=0) for name in first.gpu_info.split(",") if name
            ],
        ),
        model=ModelFacts(
            name=_name_without_type(file, quantisation),
            file=file,
            sha256="",
            size_bytes=first.model_size,
            quantisation=quantisation,
            architecture=first.model_type.partition(" ")[0],
            parameters=first.model_n_params,
            layers=0,
        ),
        engine=EngineFacts(
            llama_cpp_version=f"b{first.build_number} ({first.build_commit})",
            system_info="",
            backend=first.backends,
            # llama-bench's default is all layers, where there is a card at all.
            gpu_layers=first.n_gpu_layers if first.gpu_info else 0,
            threads=first.n_threads,
            context_tokens=0,
            batch_tokens=first.n_ubatch,
            kv_type=first.type_k,
            asked=LoadSettings(),
        ),
        measures=list(measures.values()),
    )


def _measure(test: _LlamaBenchTest) -> Measure:
    seconds = [count / 1e9 for count in test.samples_ns] or [0.0] * len(test.samples_ts)
    return measure_of(
        test.key,
        "tok/s",
        [
            Sample(value=value, duration_s=duration_s)
            for value, duration_s in zip(test.samples_ts, seconds, strict=False)
        ],
        warmups=1,
        prompt_tokens=test.n_prompt,
        generated_tokens=test.n_gen,
        depth_tokens=test.n_depth,
    )


def _name_without_type(file: str, quantisation: str) -> str:
    stem = file.rsplit(".", 1)[0] if file.lower().endswith(".gguf") else file
    for separator in "-._":
        ending = separator + quantisation
        if stem.upper().endswith(ending.upper()):
            return stem[: -len(ending)]
    return stem


def _unknown(reason: str) -> StillroomError:
    return StillroomError(
        "This file has no benchmark that Stillroom can read: {reason}.",
        "Choose the output of “llama-bench -o json”, or a report that Stillroom saved as JSON.",
        reason=reason.rstrip("."),
    )
