"""The window on a full disk: it opens, says what is needed and what can be deleted, and goes on after."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QCheckBox

from app.base.paths import app_paths
from app.chat.store.store import ChatStore
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.make_room_dialog import MakeRoomDialog
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from models.system.disk_space import disk_full, require_room
from tests.support.full_disk import fill, read_only_disk, small_disk
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen_button, seen_words
from tests.support.window import run_with_window, told

MODEL_BYTES = 30 << 20


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with small_disk(tmp_path / "home", 64 << 20) as home:
        monkeypatch.setenv("STILLROOM_HOME", str(home))
        yield home


def chat_tab(application: WindowApplication) -> ChatTab:
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    return tab


def has_draft(application: WindowApplication, text: str) -> bool:
    return any(chat.draft == text for chat in application.parts.chats.conversations())


def test_it_starts_on_a_full_disk_and_goes_on_when_there_is_space(qapp: QApplication, disk: Path) -> None:
    filler = fill(disk)

    async def scene(application: WindowApplication) -> None:
        await until(lambda: "16.8 MB more are needed, and 0 B are free" in told(application), "the sentence")
        assert seen_button(application.window, "Make room…")
        tab = chat_tab(application)
        tab.composer.set_text("typed on a full disk")
        tab.drafts.keep()
        filler.unlink()
        await until(lambda: "more are needed" not in told(application), "the end of the sentence")
        await until(lambda: has_draft(application, "typed on a full disk"), "the draft")
        assert "everything is kept" in told(application)

    run_with_window(scene)


def test_a_line_about_too_little_space_goes_once_there_is_enough(qapp: QApplication, disk: Path) -> None:
    """The disk is not full for what the window itself keeps."""

    async def scene(application: WindowApplication) -> None:
        await until((app_paths().data / "reserve").exists, "the reserve")
        filler = fill(disk, left_bytes=30 << 20)
        tab = chat_tab(application)

        async def fail() -> None:
            require_room(disk, 40 << 20)

        tab.start(fail())
        notices = application.window.findChild(Notices)
        assert notices is not None
        notices.error(disk_full(disk, 45 << 20))
        await until(lambda: "41.9 MB more are needed" in told(application), "the line of the page")
        notices.dismiss()
        assert "47.2 MB more are needed" in told(application), "the line of the window"
        # Another page is shown when there is space.
        application.window.show_page("benchmark")
        filler.unlink()
        await until(lambda: "more are needed" not in told(application), "the end of the window's line")
        application.window.show_page("chat")
        assert "more are needed" not in told(application)

    run_with_window(scene)


def test_the_card_of_a_job_says_when_there_is_space_for_it(
    qapp: QApplication, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in has the gigabytes that the disk of these tests never has."""

    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("models")
        application.parts.jobs.add("r1-qwen-1.5b", ["Q4_K_M"])
        await until(lambda: "more are needed" in seen_words(tab), "the failure")
        usage = shutil.disk_usage(disk)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 40))
        await until(lambda: "The disk has space again." in seen_words(tab), "space")
        assert "more are needed" not in seen_words(tab)

    run_with_window(scene)


def test_a_disk_that_refuses_more_than_it_has_is_not_taken_for_a_free_one(disk: Path) -> None:
    """The user's share of it may be used up, or what was to be written is larger than the free space."""
    need = disk_full(disk, 1 << 20).need
    assert need is not None
    assert not need.is_met()
    filler = fill(disk)
    need = disk_full(disk, 1 << 20).need
    assert need is not None
    assert not need.is_met()
    filler.unlink()
    assert need.is_met()


def test_what_is_typed_is_kept_when_the_window_closes_on_a_full_disk(qapp: QApplication, disk: Path) -> None:
    async def fill_and_close(application: WindowApplication) -> None:
        await until((app_paths().data / "reserve").exists, "the reserve")
        tab = chat_tab(application)
        fill(disk)
        tab.composer.set_text("typed just before the end")

    async def look(application: WindowApplication) -> None:
        assert has_draft(application, "typed just before the end")

    run_with_window(fill_and_close)
    run_with_window(look)


def test_a_model_is_deleted_to_make_room(qapp: QApplication, disk: Path) -> None:
    store = ModelStore(app_paths().models)
    made = disk / "made.gguf"
    write_tiny_gguf(made, MODEL_BYTES)
    store.add("owner/model", [BuiltFile("Q8_0", made, "ab", made.stat().st_size)])
    fill(disk)

    async def scene(application: WindowApplication) -> None:
        await until(lambda: "more are needed" in told(application), "the sentence")
        click(seen_button(application.window, "Make room…"))
        dialogs: list[MakeRoomDialog] = []
        await until(lambda: dialogs or dialogs.extend(application.window.findChildren(MakeRoomDialog)))
        [dialog] = dialogs
        await until(lambda: all_seen(dialog, QCheckBox), "the list")
        [box] = [each for each in all_seen(dialog, QCheckBox) if "owner/model Q8_0" in each.text()]
        assert box.accessibleName().endswith(", 31.5 MB")
        box.click()
        click(seen_button(dialog, "Delete 31.5 MB for good"))
        await until(lambda: not store.listing().models[:-1], "the model's end")
        await until(lambda: "more are needed" not in told(application), "space")
        assert not list(app_paths().models.rglob("*.gguf"))

    run_with_window(scene)


def test_room_is_made_on_the_disk_that_is_full(qapp: QApplication, disk: Path, tmp_path: Path) -> None:
    """The models were moved to another disk than that of the rest."""
    with small_disk(tmp_path / "models", 64 << 20) as models:
        app_paths().config.mkdir(parents=True)
        SettingsFile(app_paths().settings).update(models_folder=str(models))
        made = models / "made.gguf"
        write_tiny_gguf(made, MODEL_BYTES)
        ModelStore(models).add("owner/model", [BuiltFile("Q8_0", made, "ab", made.stat().st_size)])

        async def scene(application: WindowApplication) -> None:
            notices = application.window.findChild(Notices)
            assert notices is not None
            notices.error(disk_full(models / ".making", 1 << 40))
            notices.dismiss()
            click(seen_button(application.window, "Make room…"))
            [dialog] = application.window.findChildren(MakeRoomDialog)
            await until(lambda: all_seen(dialog, QCheckBox), "the list")
            [box] = all_seen(dialog, QCheckBox)
            assert "owner/model Q8_0" in box.text()
            assert str(models) in seen_words(dialog)
            dialog.reject()

        run_with_window(scene)


def test_it_opens_where_nothing_may_be_written_and_goes_on_when_it_may(
    qapp: QApplication, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ui.shell.disk_watch.SELDOM", 1)

    with closing(ChatStore(app_paths().chats)) as store:
        store.create_conversation(title="before")

    async def scene(application: WindowApplication) -> None:
        await until(lambda: "The chats could not be read or saved" in told(application), "the sentence")
        assert [chat.title for chat in application.parts.chats.conversations()] == ["before"]
        read_only_disk(disk, is_read_only=False)
        await until(lambda: "could not be read or saved" not in told(application), "the end of the sentence")
        application.parts.chats.create_conversation(title="after")

    read_only_disk(disk)
    run_with_window(scene)
