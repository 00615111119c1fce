"""`make gpu-check` without a card: the processor stands in, and it goes on where it was ended."""

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.engine.protocol import LoadSettings
from tests.perf.gpu_check.__main__ import copy_report
from tests.perf.gpu_check.card import Card
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import AnotherComputerError, Figures, OutOfTime, Points, shown
from tests.perf.gpu_check.report import JSON, LOOKS, MARKDOWN, write_report
from tests.perf.gpu_check.scales import SCALES
from tests.perf.gpu_check.stages import STAGES, run_stages

ROOT = Path(__file__).parents[2]
FACTS = {"card": "Stand-in GPU", "back end": "CUDA", "stands in": "", "scale": "least", "Stillroom": "abc"}
TITLES = {name: title for name, (title, _) in STAGES.items()}
QUICK = ("kernels", "models", "filled", "ends")
"""The stages of the everyday test."""


def check(
    report: Path, *stages: str, minutes: float = 0.0, copy: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.perf.gpu_check", "--report", str(report), "--card", "CPU"]
    command += ["--scale", "least", "--minutes", str(minutes), *stages]
    command += ["--copy", str(copy)] if copy is not None else []
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def report_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode((folder / JSON).read_bytes())
    return document


def test_the_processor_in_the_cards_place_is_checked_and_named(tmp_path: Path) -> None:
    done = check(tmp_path, *QUICK, copy=tmp_path / "copy")
    assert done.returncode == 0, done.stdout + done.stderr
    document = report_of(tmp_path)
    assert report_of(tmp_path / "copy") == document
    assert list(document["stages"]) == list(QUICK)
    assert document["facts"]["stands in"] == "the processor"
    text = (tmp_path / MARKDOWN).read_text()
    assert "No graphics card was here: the processor stood in for it." in text
    killed = next(point for point in document["stages"]["ends"] if point["key"] == "killed in a reply")
    assert killed["figures"]["its tokens"] == 4
    (filled,) = document["stages"]["filled"]
    assert filled["figures"]["in the middle of a reply"]
    before = (tmp_path / "points.json").read_bytes()
    # Nothing is measured twice.
    assert check(tmp_path, *QUICK).returncode == 0
    assert (tmp_path / "points.json").read_bytes() == before


@pytest.mark.perf
@pytest.mark.timeout(3000)
def test_all_stages_come_to_their_end(tmp_path: Path) -> None:
    """In calls of a quarter of a minute, as on a computer that allows only short commands."""
    for _ in range(100):
        done = check(tmp_path, minutes=0.25)
        if done.returncode != 3:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    document = report_of(tmp_path)
    # Of these the processor has nothing to show.
    assert set(STAGES) - set(document["stages"]) <= {"two devices", "vulkan", "tests", "operations"}
    assert document["unfinished"] == []
    assert {path.name for path in tmp_path.glob("*.svg")} == {"llama-bench-small.svg", "partial-small.svg"}


def test_figures_are_kept_and_not_measured_again(tmp_path: Path) -> None:
    calls = []

    def work() -> Figures:
        calls.append(1)
        return {"tok/s": 12.5}

    assert Points(tmp_path, FACTS, math.inf).measure("partial", "a", work) == {"tok/s": 12.5}
    again = Points(tmp_path, FACTS, math.inf)
    assert again.measure("partial", "a", work) == {"tok/s": 12.5}
    assert len(calls) == 1
    with pytest.raises(AnotherComputerError):
        Points(tmp_path, FACTS | {"card": "another"}, math.inf)


def test_figures_stay_where_the_program_was_mended_meanwhile(tmp_path: Path) -> None:
    Points(tmp_path, FACTS, math.inf).measure("partial", "a", lambda: {"tok/s": 12.5})
    points = Points(tmp_path, FACTS | {"Stillroom": "def", "driver": "581"}, math.inf)
    points.measure("partial", "b", lambda: {"tok/s": 13.5})
    write_report(tmp_path, points, TITLES)
    assert [point["commit"] for point in report_of(tmp_path)["stages"]["partial"]] == ["abc", "def"]
    assert "Measured with several Stillrooms: abc, def." in (tmp_path / MARKDOWN).read_text()


def test_a_stage_that_is_as_long_as_the_time_that_is_left_is_not_begun(tmp_path: Path) -> None:
    points = Points(tmp_path, FACTS, time.monotonic() + 3600)
    slow = msgspec.json.decode(msgspec.json.encode(points.measure("ends", "held", dict)))
    assert slow == {}
    kept = msgspec.json.decode((tmp_path / "points.json").read_bytes())
    kept["points"][0]["seconds"] = 7200.0
    (tmp_path / "points.json").write_bytes(msgspec.json.encode(kept))
    again = Points(tmp_path, FACTS, time.monotonic() + 3600)
    with pytest.raises(OutOfTime):
        again.measure("ends", "killed", dict)
    assert again.measure("given back", "a", lambda: {"MB": 1.0})
    assert not again.is_over


def test_the_report_is_written_after_each_stage_and_copied_without_the_models(tmp_path: Path) -> None:
    points = Points(tmp_path / "report", FACTS, time.monotonic() - 1)
    card = Card("CUDA", "CUDA0", "Stand-in GPU", 1 << 30)
    written: list[list[str]] = []
    left = run_stages(
        Check(card, SCALES["least"], points, tmp_path / "report" / "work"),
        ["operations", "models", "ends"],
        lambda: written.append(list(points.finished)),
    )
    # Without llama.cpp's tool the first has nothing to measure, and for the others there is no time.
    assert left[-2:] == ["models", "ends"]
    assert len(written) == 2 if len(left) == 2 else 1
    write_report(tmp_path / "report", points, TITLES)
    (tmp_path / "report" / "work").mkdir(exist_ok=True)
    copy_report(tmp_path / "report", tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").iterdir()} <= {JSON, MARKDOWN, "points.json"}


def test_a_point_that_fails_costs_no_other_and_is_tried_again(tmp_path: Path) -> None:
    def fails() -> Figures:
        raise RuntimeError("the card | was lost")

    points = Points(tmp_path, FACTS, math.inf)
    assert points.measure("ends", "killed", fails) == {}
    points.measure("ends", "held", lambda: {"same process": True})
    write_report(tmp_path, points, TITLES)
    text = (tmp_path / MARKDOWN).read_text()
    assert "| killed |  | 0.0 | RuntimeError: the card / was lost |" in text
    assert "| held | yes | 0.0 |  |" in text
    assert "1 points failed" in text
    again = Points(tmp_path, FACTS, math.inf)
    assert not again.has("ends", "killed")
    assert again.has("ends", "held")


def test_no_point_is_begun_after_the_time_is_over(tmp_path: Path) -> None:
    points = Points(tmp_path, FACTS, time.monotonic() - 1)
    with pytest.raises(OutOfTime):
        points.measure("ends", "killed", dict)
    for stage in set(STAGES) - {"ends", "tests"}:
        points.finish(stage)
    write_report(tmp_path, points, TITLES)
    assert report_of(tmp_path)["unfinished"] == ["ends", "tests"]
    text = (tmp_path / MARKDOWN).read_text()
    assert "Not finished: ends, tests." in text
    assert text.count("Nothing to measure with CUDA.") == len(STAGES) - 2


def test_the_plots_have_a_line_for_the_engine_and_one_for_llama_bench(tmp_path: Path) -> None:
    points = Points(tmp_path, FACTS, math.inf)
    plan = msgspec.json.encode(LoadSettings()).decode()
    points.measure("llama-bench", "m, engine", lambda: {"tg8 at 0": 9.0, "tg8 at 32": 8.0, "plan": plan})
    points.measure("llama-bench", "m, llama-bench at 0", lambda: {"tg8 at 0": 8.5})
    points.measure("llama-bench", "m, llama-bench at 32", lambda: {"tg8 at 32": 7.5})
    write_report(tmp_path, points, TITLES)
    svg = (tmp_path / "llama-bench-m.svg").read_text()
    assert svg.count("<path") == svg.count("stroke=")
    assert svg.count(LOOKS["line main"]) == svg.count(LOOKS["line before"]) == 1
    text = (tmp_path / MARKDOWN).read_text()
    assert "![Speed, and llama-bench's](llama-bench-m.svg)" in text
    assert "gpu_layers" not in text
    assert "| m, engine / llama-bench | tg8 at 0 1.059, tg8 at 32 1.067 |" in text


def test_figures_are_shown_as_people_read_them() -> None:
    assert [shown(value) for value in (1234.5, 0.98765, 7, True, "CUDA", None)] == [
        "1234", "0.9877", "7", "yes", "CUDA", "",
    ]  # fmt: skip
