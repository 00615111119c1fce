"""Each model's own load settings, and the default of the others."""

import json
import shutil
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.engine.protocol import LoadSettings, RpcServer
from app.load_choices import LoadChoices
from app.settings import LoadChoice, SettingsFile
from tests.support.tiny_gguf import write_tiny_gguf

EARLIER = Path(__file__).parents[2] / "data" / "earlier_version" / "settings" / "settings.json"
LONG = LoadChoice(load=LoadSettings(context_tokens=32_768, kv_type="q8_0"), speculation="off")
SHORT = LoadChoice(load=LoadSettings(context_tokens=2048), speculation="lookup")


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "settings.json")


@pytest.fixture
def choices(settings: SettingsFile) -> LoadChoices:
    return LoadChoices(settings)


def model(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.gguf"
    write_tiny_gguf(path, texts={"general.name": name})
    return path


def test_each_model_has_its_own_and_the_others_the_default(choices: LoadChoices, tmp_path: Path) -> None:
    one, other, new = (model(tmp_path, name) for name in ("one", "other", "new"))
    choices.choose(one, LONG)
    choices.choose(other, SHORT)
    assert (choices.of(one), choices.of(str(other)), choices.of(new)) == (LONG, SHORT, LoadChoice())
    again = LoadChoices(SettingsFile(tmp_path / "settings.json"))
    assert (again.of(one), again.of(other)) == (LONG, SHORT)


def test_a_file_that_is_moved_and_renamed_keeps_its_own(choices: LoadChoices, tmp_path: Path) -> None:
    path = model(tmp_path / "here", "one")
    choices.choose(path, LONG)
    moved = tmp_path / "there" / "another name.gguf"
    moved.parent.mkdir()
    shutil.move(path, moved)
    assert choices.of(moved) == LONG
    # What takes its place is another model.
    write_tiny_gguf(path, texts={"general.name": "two"})
    assert choices.of(path) == LoadChoice()


def test_the_settings_of_the_version_before_are_the_default(tmp_path: Path) -> None:
    kept = tmp_path / "settings.json"
    shutil.copy(EARLIER, kept)
    choices = LoadChoices(SettingsFile(kept))
    before = LoadSettings(context_tokens=4096, threads=3)
    assert choices.default.load == before
    assert choices.of(model(tmp_path, "one")).load == before


def test_a_new_default_is_for_new_models_only(choices: LoadChoices, tmp_path: Path) -> None:
    own, present = model(tmp_path, "own"), model(tmp_path, "present")
    choices.choose(own, SHORT)
    choices.make_default(LONG, [own, present, tmp_path / "gone.gguf"])
    assert choices.default == LONG
    assert choices.of(own) == SHORT
    assert choices.of(present) == LoadChoice()
    assert choices.of(model(tmp_path, "new")) == LONG


def test_a_model_that_guesses_ahead_is_for_one_model(choices: LoadChoices, tmp_path: Path) -> None:
    path = model(tmp_path, "one")
    drafted = LoadChoice(load=LoadSettings(threads=2, draft_path="/small.gguf"), speculation="draft")
    choices.choose(path, drafted)
    assert choices.of(path) == drafted
    choices.make_default(drafted, [path])
    assert choices.default == LoadChoice(load=LoadSettings(threads=2), speculation="lookup")


def test_other_computers_are_the_programs(
    choices: LoadChoices, settings: SettingsFile, tmp_path: Path
) -> None:
    path = model(tmp_path, "one")
    choices.choose(path, LONG)
    servers = (RpcServer("192.168.1.20:50052"),)
    settings.update(load=LoadSettings(rpc_servers=servers, rpc_use="always"))
    assert choices.of(path).load.rpc_servers == servers
    assert choices.of(path).load.rpc_use == "always"
    choices.make_default(SHORT, [])
    assert choices.default.load.rpc_servers == servers
    assert choices.built_in.load == LoadSettings(rpc_servers=servers, rpc_use="always")


def test_what_is_forgotten_can_be_put_back(choices: LoadChoices, tmp_path: Path) -> None:
    path = model(tmp_path, "one")
    assert choices.forget(path) is None
    choices.choose(path, LONG)
    own = choices.forget(path)
    assert own is not None
    assert choices.of(path) == LoadChoice()
    choices.choose(path, own)
    assert choices.of(path) == LONG


def test_what_is_chosen_stays_while_a_copy_of_the_model_does(choices: LoadChoices, tmp_path: Path) -> None:
    path, other = model(tmp_path, "one"), model(tmp_path, "two")
    copy = tmp_path / "copy.gguf"
    shutil.copy(path, copy)
    choices.choose(path, LONG)
    assert choices.forget(path, [other, copy]) is None
    assert choices.of(copy) == LONG


def test_nothing_can_be_kept_for_a_file_that_is_gone(choices: LoadChoices, tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match="nothing can be kept for it"):
        choices.choose(tmp_path / "gone.gguf", LONG)
    assert choices.of(tmp_path / "gone.gguf") == LoadChoice()


def test_a_wrong_choice_costs_only_itself(tmp_path: Path, told: list[StillroomError]) -> None:
    one, other = model(tmp_path, "one"), model(tmp_path, "other")
    file = tmp_path / "settings.json"
    choices = LoadChoices(SettingsFile(file))
    choices.choose(one, LONG)
    choices.choose(other, SHORT)
    document = json.loads(file.read_text())
    [key] = [key for key, own in document["model_loads"].items() if own["name"] == "one.gguf"]
    document["model_loads"][key]["load"]["context_tokens"] = -5
    file.write_text(json.dumps(document))
    again = LoadChoices(SettingsFile(file))
    assert (again.of(one), again.of(other)) == (LoadChoice(), SHORT)
    assert any("model_loads" in str(notice) for notice in told)


def test_the_window_asks_for_what_is_chosen_without_the_disk(
    choices: LoadChoices, settings: SettingsFile, tmp_path: Path
) -> None:
    path, other = model(tmp_path, "one"), LoadChoices(settings)
    choices.choose(path, LONG)
    assert other.known(path) == LoadChoice()
    assert other.of(path) == LONG
    path.unlink()
    assert choices.known(path) == choices.known(str(path)) == other.known(path) == LONG
    assert other.of(path) == LoadChoice()
