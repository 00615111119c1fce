from pathlib import Path

import msgspec
import pytest

from app.bench.drift.comparison import compare_golden, item_drift
from app.bench.drift.golden import golden_set
from app.bench.drift.store import DriftStore
from app.bench.drift.words import drift_lines
from app.engine.protocol import LoadSettings, RpcServer
from tests.support.golden_runs import BASE, HERE, answer, run, several


def test_where_answers_part() -> None:
    found = item_drift(answer([1, 2, 3, 4]), answer([1, 2, 9, 4], text="a b d"))
    assert (found.first_difference, found.same_share) == (2, 0.75)
    assert found.rouge_l == pytest.approx(2 / 3)


def test_an_answer_that_ends_sooner_parts_at_its_end() -> None:
    found = item_drift(answer([1, 2, 3, 4]), answer([1, 2]))
    assert (found.first_difference, found.same_share) == (2, 0.5)


def test_equal_tokens_with_other_likelihoods_have_shifted() -> None:
    now = run(
        "now", [*several()[:-1], answer([1, 2, 3], [-0.5, -0.6, -0.5], number=8)], "2026-11-02T10:00:00Z"
    )
    report = compare_golden(BASE, [], now)
    assert report.answers == "shifted"
    assert report.items[-1].logprob_change == pytest.approx(0.1)
    assert report.since == now.started_at
    assert report.last_same == BASE.started_at


def test_what_is_below_the_noise_is_the_same() -> None:
    noisy = msgspec.structs.replace(BASE, noise=0.02)
    now = run(
        "now", [*several()[:-1], answer([1, 2, 3], [-0.5, -0.6, -0.5], number=8)], "2026-11-02T10:00:00Z"
    )
    assert compare_golden(noisy, [], now).answers == "same"


def test_since_when_and_what_else_is_new() -> None:
    newer = msgspec.structs.replace(HERE, llama_cpp_version="0.3.37", settings=LoadSettings(threads=2))
    others = [answer([1, 7, 7], number=number, text="a x x") for number in range(1, 9)]
    earlier = [
        run("same", several(), "2026-11-02T10:00:00Z"),
        run("first", others, "2026-11-03T10:00:00Z", newer),
    ]
    report = compare_golden(BASE, earlier, run("now", others, "2026-11-04T10:00:00Z", newer))
    assert (report.answers, report.since) == ("moved", "2026-11-03T10:00:00Z")
    assert report.last_same == "2026-11-02T10:00:00Z"
    assert [(one.field, one.before, one.now) for one in report.differences] == [
        ("llama_cpp_version", "0.3.36", "0.3.37"),
        ("threads", "4", "2"),
    ]
    assert any("8 of 8 answers are others" in line for line in drift_lines(report))


def test_instructions_of_the_processor_are_told_by_their_names() -> None:
    before = msgspec.structs.replace(HERE, system_info="CPU : SSE3 = 1 | AVX512 = 0 | AVX2 = 1 | ")
    now = msgspec.structs.replace(HERE, system_info="CPU : SSE3 = 1 | AVX512 = 1 | AVX2 = 1 | ")
    assert before.differences(now) == [("system_info", "SSE3, AVX2", "SSE3, AVX512, AVX2")]


def test_other_computers_are_told_by_their_addresses() -> None:
    lent = LoadSettings(threads=4, rpc_servers=(RpcServer("10.0.0.2:50052"), RpcServer("10.0.0.3:50052")))
    now = msgspec.structs.replace(HERE, settings=lent)
    assert HERE.differences(now) == [("rpc_servers", "none", "10.0.0.2:50052, 10.0.0.3:50052")]


def test_speed_that_is_clearly_lower_is_told_and_little_is_not() -> None:
    slow = compare_golden(BASE, [], run("now", several(35.0), "2026-11-02T10:00:00Z"))
    assert (slow.answers, slow.speed, slow.has_moved) == ("same", "slower", True)
    near = compare_golden(BASE, [], run("now", several(48.0), "2026-11-02T10:00:00Z"))
    assert (near.speed, near.has_moved) == ("same", False)


def test_speed_beside_other_programs_is_not_conclusive() -> None:
    busy = [msgspec.structs.replace(one, others_cpu_percent=40.0) for one in several(35.0)]
    report = compare_golden(BASE, [], run("now", busy, "2026-11-02T10:00:00Z"))
    assert (report.speed, report.has_moved) == ("not_conclusive", False)


def test_answers_to_other_questions_are_never_called_the_same() -> None:
    others = [msgspec.structs.replace(one, question="!") for one in several()]
    report = compare_golden(BASE, [], run("now", others, "2026-11-02T10:00:00Z"))
    assert (report.items, report.speed, report.has_moved) == ([], "not_conclusive", True)
    assert any("Not comparable" in line for line in drift_lines(report))


def test_the_store_finds_the_baseline_by_content_then_by_place(tmp_path: Path) -> None:
    store = DriftStore(tmp_path / "drift.sqlite3")
    store.add(BASE)
    assert store.baseline("/elsewhere.gguf", HERE.sha256) == BASE
    assert store.baseline("/m.gguf", "cd" * 32) == BASE
    assert store.baseline("/elsewhere.gguf", "cd" * 32) is None
    now = run("now", several(), "2026-11-02T10:00:00Z")
    store.add(now)
    assert store.history("base") == [BASE, now]
    store.accept("now")
    newest = store.baseline("/m.gguf", "cd" * 32)
    assert newest is not None
    assert (newest.id, newest.is_baseline) == ("now", True)
    store.close()


def test_the_golden_set_has_its_own_ids() -> None:
    questions = golden_set()
    assert len({question.id for question in questions}) == len(questions) == 8


def test_what_a_setting_stands_for_is_put_into_words() -> None:
    automatic = msgspec.structs.replace(HERE, settings=LoadSettings(gpu_layers=-1, threads=4))
    none = msgspec.structs.replace(automatic, settings=LoadSettings(gpu_layers=0, threads=4))
    before = run("before", several(), "2026-11-01T10:00:00Z", automatic)
    report = compare_golden(before, [], run("now", several(), "2026-11-02T10:00:00Z", none))
    assert "    gpu_layers: automatic, now 0" in drift_lines(report)
