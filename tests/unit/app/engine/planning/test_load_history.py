from pathlib import Path

import msgspec
import pytest

from app.engine.planning.load_history import (
    LoadMemory,
    Lowered,
    Recalled,
    Remembered,
    Tuned,
    fingerprint,
    lowered_by,
    this_machine,
    with_tuned,
)
from app.engine.protocol import LoadSettings

TUNED = Tuned(threads=6, prompt_threads=12, batch_tokens=1024, flash_attention="on", kv_type="q8_0")
PLAN = LoadSettings(context_tokens=4096, gpu_layers=10, kv_type="q8_0", sequences=1)


@pytest.fixture
def model(tmp_path: Path) -> str:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" + bytes(1000))
    return str(file)


@pytest.fixture
def memory(tmp_path: Path) -> LoadMemory:
    return LoadMemory(tmp_path / "data" / "loads.json", "this machine")


def lowered(asked: LoadSettings, *given_up: str) -> Lowered:
    return Lowered(asked=asked, plan=PLAN, given_up=given_up)


def test_an_unknown_model_is_loaded_as_asked(memory: LoadMemory, model: str) -> None:
    assert memory.recall(model, LoadSettings()) == Recalled(LoadSettings())


def test_only_what_was_given_up_is_lowered_the_next_time(memory: LoadMemory, model: str) -> None:
    memory.note_lowered(model, lowered(LoadSettings(), "context_tokens", "kv_type"))
    recalled = memory.recall(model, LoadSettings())
    assert recalled.settings == LoadSettings(context_tokens=4096, kv_type="q8_0")
    assert [str(notice) for notice in recalled.notices] == [
        "More failed the last time, so the context has 4,096 tokens.",
        "More failed the last time, so the cache is kept in q8_0.",
        "“Try again from the start” in the load settings forgets that.",
    ]


def test_another_wish_is_tried_afresh(memory: LoadMemory, model: str) -> None:
    memory.note_lowered(model, lowered(LoadSettings(), "context_tokens"))
    asked = LoadSettings(context_tokens=8192)
    assert memory.recall(model, asked) == Recalled(asked)


def test_a_second_step_adds_to_the_first(memory: LoadMemory, model: str) -> None:
    memory.note_lowered(model, lowered(LoadSettings(), "kv_type"))
    memory.note_lowered(model, lowered(LoadSettings(), "context_tokens"))
    known = memory.of(model).lowered
    assert known is not None
    assert known.given_up == ("context_tokens", "kv_type")


def test_it_is_kept_by_the_file_and_not_by_its_name(memory: LoadMemory, model: str) -> None:
    memory.note_tuned(model, TUNED)
    moved = Path(model).rename(Path(model).with_name("renamed.gguf"))
    assert memory.of(str(moved)).tuned == TUNED
    moved.write_bytes(moved.read_bytes() + b"more")
    assert memory.of(str(moved)) == Remembered()


def test_another_machine_knows_nothing(memory: LoadMemory, model: str, tmp_path: Path) -> None:
    memory.note_tuned(model, TUNED)
    assert LoadMemory(tmp_path / "data" / "loads.json", "another").of(model) == Remembered()
    assert LoadMemory(tmp_path / "data" / "loads.json", "this machine").of(model).tuned == TUNED


def test_forgetting_leaves_the_other_half(memory: LoadMemory, model: str) -> None:
    memory.note_tuned(model, TUNED)
    memory.note_lowered(model, lowered(LoadSettings(), "kv_type"))
    memory.forget(model, "lowered")
    assert memory.of(model) == Remembered(name="model.gguf", tuned=TUNED)
    memory.forget(model)
    assert memory.of(model) == Remembered()


def test_a_damaged_file_or_a_model_that_is_gone_stops_no_load(memory: LoadMemory, model: str) -> None:
    memory.note_tuned(model, TUNED)
    [kept] = Path(model).parent.rglob("loads.json")
    kept.write_text("{")
    assert memory.of(model) == Remembered()
    memory.note_tuned(model, TUNED)
    assert memory.of(model).tuned == TUNED
    assert fingerprint("/nowhere.gguf") == ""
    memory.note_tuned("/nowhere.gguf", TUNED)
    assert memory.recall("/nowhere.gguf", LoadSettings()) == Recalled(LoadSettings())


def test_tuning_fills_what_is_automatic() -> None:
    assert with_tuned(LoadSettings(), TUNED) == LoadSettings(
        threads=6, prompt_threads=12, batch_tokens=1024, flash_attention="on", kv_type="q8_0"
    )


def test_what_the_user_chose_goes_before_tuning() -> None:
    asked = LoadSettings(threads=2, batch_tokens=32, flash_attention="off", kv_type="f16", gpu_layers=3)
    assert with_tuned(asked, msgspec.structs.replace(TUNED, gpu_layers=20)) == asked
    # A cache in q8_0 would need what the user has switched off.
    without = LoadSettings(flash_attention="off")
    assert with_tuned(without, TUNED).kv_type == "auto"


def test_tuned_layers_hold_for_the_same_context_only() -> None:
    tuned = msgspec.structs.replace(TUNED, gpu_layers=20, context_tokens=0)
    assert with_tuned(LoadSettings(), tuned).gpu_layers == 20
    assert with_tuned(LoadSettings(context_tokens=32768), tuned).gpu_layers == -1


def test_nothing_is_noted_where_nothing_was_given_up() -> None:
    assert lowered_by(LoadSettings(), PLAN, PLAN) is None
    before = msgspec.structs.replace(PLAN, context_tokens=8192, threads=9)
    assert lowered_by(LoadSettings(), before, PLAN) == lowered(LoadSettings(), "context_tokens")


def test_the_machine_is_named_by_what_decides() -> None:
    assert "threads" in this_machine()
    assert "GiB" in this_machine()


def test_the_window_asks_for_what_is_known_without_the_disk(memory: LoadMemory, model: str) -> None:
    assert memory.known(model) == Remembered()
    memory.note_tuned(model, TUNED)
    other = LoadMemory(Path(model).parent / "data" / "loads.json", "this machine")
    assert other.known(model) == Remembered()
    other.recall(model, LoadSettings())
    for path in (Path(model), Path(model).parent / "data" / "loads.json"):
        path.unlink()
    assert memory.known(model).tuned == other.known(model).tuned == TUNED
