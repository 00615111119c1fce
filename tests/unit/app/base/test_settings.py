"""The settings file: nothing the user set is lost."""

import json
import threading
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.engine.protocol import LoadSettings, Sampling
from app.settings import LIMITS, Settings, SettingsFile
from tests.support.held_disk import at_once, held_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_no_file_gives_the_defaults_and_writes_nothing(path: Path) -> None:
    assert SettingsFile(path).values == Settings()
    assert not path.exists()


def test_changes_survive_a_restart(path: Path) -> None:
    SettingsFile(path).update(theme="dark", sampling=Sampling(temperature=0.2), load=LoadSettings(threads=3))
    again = SettingsFile(path).values
    assert (again.theme, again.sampling.temperature, again.load.threads) == ("dark", 0.2, 3)
    assert json.loads(path.read_text())["version"] == 2
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_unknown_keys_are_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"version": 1, "of_a_later_version": [1, 2], "theme": "light"}')
    SettingsFile(path).update(language="zh_CN")
    assert json.loads(path.read_text())["of_a_later_version"] == [1, 2]
    assert SettingsFile(path).values.theme == "light"


def test_the_version_of_a_later_program_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"version": 7}')
    SettingsFile(path).update(theme="dark")
    assert json.loads(path.read_text())["version"] == 7


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"theme": "da'])
def test_a_damaged_file_is_set_aside(path: Path, content: bytes, told: list[StillroomError]) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    settings = SettingsFile(path)
    assert settings.values == Settings()
    (aside,) = path.parent.iterdir()
    assert aside.read_bytes() == content
    [notice] = told
    assert "settings.json is damaged" in str(notice)
    assert aside.name in str(notice)


def test_one_wrong_value_costs_only_itself(path: Path, told: list[StillroomError]) -> None:
    path.parent.mkdir()
    path.write_text('{"theme": "pink", "language": "en", "sampling": {"temperature": 99}, "telemetry_hz": 3}')
    settings = SettingsFile(path)
    assert settings.values == Settings(language="en", telemetry_hz=3)
    assert "theme, sampling" in str(told[0])
    (aside,) = path.parent.glob("*.damaged-*")
    assert str(aside) in told[0].hint_text()
    assert json.loads(aside.read_text())["theme"] == "pink"
    assert SettingsFile(path).values == Settings(language="en", telemetry_hz=3)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("hub_proxy", "socks5://host:1080"),
        ("hub_proxy", "http://host/path"),
        ("hub_proxy", "http://me:secret@host"),
        ("hub_mirror", "ftp://host"),
        ("hub_mirror", "https://host:99999"),
    ],
)
def test_an_address_that_cannot_be_used_is_dropped_and_told(
    path: Path, told: list[StillroomError], name: str, address: str
) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({name: address, "language": "en"}))
    assert SettingsFile(path).values == Settings(language="en")
    assert name in str(told[0])
    assert "secret" not in str(told[0])


def test_an_address_that_was_written_by_hand_is_completed(path: Path, told: list[StillroomError]) -> None:
    path.parent.mkdir()
    path.write_text('{"hub_mirror": "hub.example/", "hub_proxy": "here:3128"}')
    values = SettingsFile(path).values
    assert (values.hub_mirror, values.hub_proxy) == ("https://hub.example", "http://here:3128")
    assert told == []


def test_an_edited_file_is_used_and_told_of_once(path: Path, told: list[StillroomError]) -> None:
    SettingsFile(path).update(theme="dark", zoom_percent=110)
    path.write_text(path.read_text().replace("110", "111"))
    assert SettingsFile(path).values.zoom_percent == 111
    assert "changed outside Stillroom" in str(told[0])
    told.clear()
    assert SettingsFile(path).values.zoom_percent == 111
    assert told == []


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "pink"},
        {"telemetry_hz": 0.0},
        {"telemetry_hz": 50.0},
        {"live_panel_open": "yes"},
        {"no_such_setting": 1},
        {"sampling": Sampling(temperature=-1.0)},
        {"sampling": Sampling(seed=-1)},
        {"load": LoadSettings(context_tokens=-5)},
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(path: Path, change: dict[str, object]) -> None:
    settings = SettingsFile(path)
    with pytest.raises(StillroomError):
        settings.update(**({"last_model": "r1-qwen-1.5b"} | change))
    assert settings.values == Settings()
    assert not path.exists()


def test_observers_hear_changes_until_they_stop(path: Path) -> None:
    settings = SettingsFile(path)
    heard: list[str] = []
    stop = settings.observe(lambda values: heard.append(values.theme))
    settings.update(theme="dark")
    settings.update(theme="dark")
    stop()
    settings.update(theme="light")
    assert heard == ["dark"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = SettingsFile(tmp_path / "file" / "settings.json")
    with pytest.raises(StillroomError, match="could not be saved"):
        settings.update(theme="dark")
    assert settings.values == Settings()


def test_every_limit_names_a_field_and_holds_its_default() -> None:
    fields = {
        name: getattr(struct, name)
        for struct in (LoadSettings(), Sampling())
        for name in struct.__struct_fields__
    }
    for name, (low, high) in LIMITS.items():
        assert fields[name] is None or low <= fields[name] <= high


def test_every_setting_says_what_it_is() -> None:
    for field in Settings.__annotations__.values():
        assert field.__metadata__[0].description


def test_defaults_that_an_earlier_version_wrote_down_are_automatic_now(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    load = '{"threads": 3, "batch_tokens": 512, "sequences": 1, "kv_type": "f16"}'
    path.write_text('{"version": 1, "load": ' + load + "}")
    assert SettingsFile(path).values.load == LoadSettings(threads=3)
    path.write_text('{"version": 2, "load": ' + load + "}")
    assert SettingsFile(path).values.load.batch_tokens == 512
    path.write_text('{"version": 1, "load": {"batch_tokens": 64, "kv_type": "q8_0"}}')
    assert SettingsFile(path).values.load == LoadSettings(batch_tokens=64, kv_type="q8_0")


def test_the_window_changes_settings_while_another_thread_writes_them(path: Path) -> None:
    settings, heard = SettingsFile(path), list[Settings]()
    settings.observe(heard.append)
    with held_disk() as disk:
        choosing = threading.Thread(target=settings.update, kwargs={"models_folder": "/there"})
        choosing.start()
        disk.wait_for_writer()
        assert at_once(lambda: settings.change(theme="dark")).theme == "dark"
        at_once(lambda: settings.note(last_page="code"))
        at_once(settings.observe(lambda _: None))
        # What waits for the disk holds only once it is there.
        assert (settings.values.theme, settings.values.models_folder) == ("dark", "")
        assert choosing.is_alive()
        closing = threading.Thread(target=settings.close)
        closing.start()
        assert closing.is_alive()
    closing.join()
    assert SettingsFile(path).values.models_folder == "/there"
    choosing.join()
    assert [values.models_folder for values in heard] == ["", "", "/there"]
    for values in (settings.values, SettingsFile(path).values):
        assert (values.theme, values.last_page, values.models_folder) == ("dark", "code", "/there")


def test_of_changes_that_came_while_the_disk_was_slow_the_newest_is_kept(path: Path) -> None:
    settings = SettingsFile(path)
    with held_disk() as disk:
        settings.change(zoom_percent=110)
        disk.wait_for_writer()
        for zoom in (120, 130, 90):
            settings.change(zoom_percent=zoom, audit=zoom == 90)
    settings.close()
    assert SettingsFile(path).values == settings.values == Settings(zoom_percent=90, audit=True)


def test_what_is_made_of_the_settings_is_made_of_the_newest(path: Path) -> None:
    settings = SettingsFile(path)
    with held_disk() as disk:
        adding = threading.Thread(
            target=settings.revise, args=(lambda values: {"hub_liked": (*values.hub_liked, "b/b")},)
        )
        adding.start()
        disk.wait_for_writer()
        at_once(lambda: settings.change(hub_liked=("a/a",)))
    adding.join()
    settings.close()
    assert settings.values.hub_liked == SettingsFile(path).values.hub_liked == ("a/a", "b/b")


def test_a_change_that_the_disk_refuses_holds_and_is_told_and_tried_again(
    tmp_path: Path, told: list[StillroomError]
) -> None:
    (tmp_path / "config").write_text("no folder")
    settings = SettingsFile(tmp_path / "config" / "settings.json")
    settings.note(last_page="code")
    settings.close()
    assert told == []
    assert settings.change(theme="dark") == settings.values
    settings.close()
    assert "could not be saved" in str(told[0])
    (tmp_path / "config").unlink()
    settings.close()
    assert SettingsFile(tmp_path / "config" / "settings.json").values == settings.values
