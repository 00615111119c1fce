"""The jobs above the list, with real downloads from a hub on loopback."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton

from app.ui.models.list.models_table import ON_DISK
from tests.support.models_room import REPO, Room, Run
from tests.support.waiting import until
from tests.support.widgets import all_seen, seen_button, seen_words


def test_two_ticked_types_become_one_job(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.tab.select("r1-qwen-7b")
        for box in room.tab.detail.findChildren(QCheckBox):
            if box.text() in ("Q4_K_M", "Q6_K"):
                box.setChecked(True)
        seen_button(room.tab.detail, "Get Q4_K_M + Q6_K · 15.2 GB to download").click()
        [job] = room.jobs.jobs()
        assert (job.model, job.types) == ("r1-qwen-7b", ("Q4_K_M", "Q6_K"))
        await until(lambda: room.cell("r1-qwen-7b", ON_DISK) == "getting…")
        await until(lambda: "On its way" in seen_words(room.tab.detail))

    run(scenario())


def test_a_hub_id_is_downloaded_with_progress_pause_resume_and_then_offered(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.bytes_per_s = 4e6
        room.jobs.start()
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.page.jobs and "of 6.3 MB" in seen_words(room.page.jobs[0]))
        [card] = room.page.jobs
        assert "Downloading" in seen_words(card)
        assert "tiny.Q8_0.gguf" in seen_words(card)
        seen_button(card, "Pause").click()
        await until(lambda: "Paused" in seen_words(card))
        assert "Getting" not in seen_words(card)
        room.hub.bytes_per_s = 0
        seen_button(card, "Resume").click()
        await until(lambda: not room.page.jobs and room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")
        assert "is ready" in seen_words(room.notices)
        seen_button(room.notices, "Load").click()
        assert [model.name for model in room.loads] == [REPO]
        assert room.tab.add_card.field.text() == ""

    run(scenario())
    assert room.errors == []


def test_a_job_that_ended_before_the_tab_was_made_leaves_no_card(room: Room, run: Run) -> None:
    async def scenario() -> None:
        gone: list[bool] = []
        room.tab.destroyed.connect(lambda: gone.append(True))
        room.tab.deleteLater()
        await until(lambda: gone)
        room.jobs.start()
        room.jobs.add(REPO, ["Q8_0"])
        await until(lambda: [view.state for view in room.jobs.jobs()] == ["done"])
        room.make_tab()
        await until(lambda: room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")
        assert not room.page.jobs
        assert not room.jobs.jobs()

    run(scenario())
    assert room.errors == []


def test_a_failed_job_says_why_and_can_be_cancelled(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.jobs.start()
        room.jobs.add("owner/missing", ["Q4_K_M"])
        await until(lambda: room.page.jobs and "has no model owner/missing" in seen_words(room.page.jobs[0]))
        [card] = room.page.jobs
        assert "Check the spelling" in seen_words(card)
        seen_button(card, "Cancel").click()
        await until(lambda: not room.page.jobs)
        assert "owner/missing is not fetched any more." in seen_words(room.notices)
        seen_button(room.notices, "Undo").click()
        await until(lambda: bool(room.page.jobs))

    run(scenario())


def test_what_is_asked_for_again_is_no_more_said_to_be_cancelled(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.jobs.hold()
        room.jobs.start()
        for _ in range(3):
            room.tab.add_card.field.setText(REPO)
            room.tab.add_card.field.returnPressed.emit()
            await until(lambda: bool(room.page.jobs), "the job")
            assert "is not fetched any more" not in seen_words(room.notices)
            assert len(room.jobs.jobs()) == len(room.page.jobs) == 1
            seen_button(room.page.jobs[0], "Cancel").click()
            await until(lambda: not room.page.jobs, "its end")
            assert f"{REPO} is not fetched any more." in seen_words(room.notices)
            assert len(all_seen(room.notices, QPushButton, "Undo")) == 1
        seen_button(room.notices, "Undo").click()
        await until(lambda: bool(room.page.jobs), "the job again")
        assert not seen_words(room.notices).strip()

    run(scenario())


def test_a_destroyed_tab_hears_of_no_job(room: Room, run: Run) -> None:
    async def scenario() -> None:
        destroyed: list[bool] = []
        room.tab.destroyed.connect(lambda: destroyed.append(True))
        room.tab.deleteLater()
        await until(lambda: destroyed)
        room.jobs.add(REPO, [])
        seen: list[object] = []
        room.bridge.post(seen.append, None)
        await until(lambda: seen)

    run(scenario())
    assert room.errors == []


def test_what_is_got_below_shows_its_card_above(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        room.hub.bytes_per_s = 1e5
        room.jobs.start()
        room.tab.resize(1000, 400)
        room.tab.ensureWidgetVisible(room.tab.add_card)
        await until(lambda: room.tab.verticalScrollBar().value() > 0)
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: bool(room.page.jobs))
        [card] = room.page.jobs
        await until(lambda: not card.visibleRegion().isEmpty(), "the job's card in view")

    run(scenario())


def test_a_key_that_is_pressed_twice_gets_a_model_and_does_not_pause_it(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        room.hub.bytes_per_s = 1e5
        room.jobs.start()
        room.host.activateWindow()
        await until(room.host.isActiveWindow, "the keyboard")
        room.tab.add_card.field.setText(REPO)
        room.tab.add_card.field.setFocus()
        QTest.keyClick(room.tab.add_card.field, Qt.Key.Key_Return)
        await until(lambda: bool(room.page.jobs), "the job")
        for _ in range(3):
            focused = QApplication.focusWidget()
            assert focused is not None
            QTest.keyClick(focused, Qt.Key.Key_Return)
        [job] = room.jobs.jobs()
        assert job.state in ("waiting", "running")
        [card] = room.page.jobs
        assert card.hasFocus()
        QTest.keyClick(card, Qt.Key.Key_Tab)
        pause = QApplication.focusWidget()
        assert isinstance(pause, QPushButton)
        assert pause.text() == "Pause"

    run(scenario())
