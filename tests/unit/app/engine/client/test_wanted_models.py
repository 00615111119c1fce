from pathlib import Path

import pytest

from app.engine.client.wanted_models import WantedModel, WantedModels
from app.engine.protocol import LoadSettings
from app.engine.supervision.exit_reason import Cause
from models.system.file_stamp import first_changed, mark

ASKED = LoadSettings()
PLAN = LoadSettings(
    context_tokens=16384, gpu_layers=20, threads=4, batch_tokens=512, sequences=1, kv_type="f16"
)


def wanted(*paths: str) -> WantedModels:
    models = WantedModels()
    for path in paths:
        models.want(path, ASKED, None)
        models.planned(path, PLAN)
    return models


def found(models: WantedModels, path: str = "") -> WantedModel:
    model = models.find(path)
    assert model is not None
    return model


def test_the_one_that_was_loaded_last_is_the_current_one() -> None:
    models = wanted("a", "b")
    assert found(models).path == "b"
    models.want("a", ASKED, None)
    assert found(models).path == "a"
    models.forget("a")
    assert found(models).path == "b"
    models.forget()
    assert models.find("") is None


def test_what_is_gone_from_memory_stays_wanted() -> None:
    models = wanted("a", "b")
    for path in ("a", "b"):
        found(models, path).present = True
    models.gone("a")
    assert (found(models, "a").present, found(models, "b").present) == (False, True)
    models.gone()
    assert not found(models, "b").present


def test_a_model_that_ran_out_of_memory_comes_back_with_less_and_says_so() -> None:
    models = wanted("a")
    contexts = []
    for _ in range(2):
        models.step_down("a", "memory", loading=False)
        model = found(models)
        contexts.append(model.settings.context_tokens)
        models.planned("a", model.settings)
    assert PLAN.context_tokens > contexts[0] > contexts[1]
    assert len(found(models).notices) == 2
    assert found(models).asked == ASKED


def test_loading_it_by_hand_starts_from_what_was_asked() -> None:
    models = wanted("a")
    models.step_down("a", "memory", loading=False)
    models.want("a", ASKED, None)
    assert found(models).settings == ASKED
    assert found(models).notices == ()


@pytest.mark.parametrize("cause", ["gpu", "hang", "unknown"])
def test_a_model_that_dies_twice_leaves_the_graphics_card(cause: Cause) -> None:
    models = wanted("a")
    models.step_down("a", cause, loading=False)
    assert found(models).settings == ASKED
    models.step_down("a", cause, loading=False)
    assert found(models).settings.gpu_layers == 0
    assert "processor" in str(found(models).notices[0])


@pytest.mark.parametrize("cause", ["peer", "outside"])
def test_a_death_that_is_nothing_of_the_models_changes_nothing(cause: Cause) -> None:
    models = wanted("a")
    for _ in range(4):
        models.step_down("a", cause, loading=False)
    assert found(models).settings == ASKED
    assert found(models).notices == ()


def test_an_answer_in_between_forgives_a_death() -> None:
    models = wanted("a")
    for _ in range(4):
        models.step_down("a", "unknown", loading=False)
        models.answered("a")
    assert found(models).settings == ASKED


def test_a_death_before_the_plan_is_known_changes_nothing() -> None:
    models = WantedModels()
    models.want("a", ASKED, None)
    models.step_down("a", "memory", loading=True)
    assert found(models).settings == ASKED
    models.step_down("b", "memory", loading=True)


def test_the_file_that_was_written_into_is_named(tmp_path: Path) -> None:
    path = tmp_path / "Q8_0.gguf"
    path.write_bytes(b"weights")
    models = WantedModels()
    models.want(str(path), ASKED, mark(str(path)))
    assert first_changed(models.mapped_files()) == ""
    path.write_bytes(b"w")
    assert first_changed(models.mapped_files()) == "Q8_0.gguf"
