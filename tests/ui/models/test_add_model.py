"""Adding a model by what is typed or chosen: a repository, a file, a folder."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QMenu, QPushButton

from app.ui.models.list.models_table import ON_DISK
from models.hub.hub_access import TokenError
from tests.support.models_room import FILE, KEY, NAME, REPO, Room, Run
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen, seen_button, seen_words


def test_what_cannot_be_added_is_told_where_it_was_asked_for(room: Room, run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"no model")

    async def scenario() -> None:
        card = room.tab.add_card
        card.paths_chosen.emit([tmp_path / "broken.gguf"])
        await until(lambda: "broken.gguf is not a GGUF file" in seen_words(card))
        assert len(card.failures.texts) == 1

    run(scenario())


def test_a_gated_repository_leads_to_the_settings_of_the_hub(room: Room, run: Run) -> None:
    room.hub.repos[REPO].gated = True
    opened: list[None] = []
    room.notices.offer(TokenError, "Open settings", lambda _: opened.append(None))

    async def scenario() -> None:
        room.jobs.start()
        room.jobs.add(REPO, [])
        await until(lambda: "accept its terms" in seen_words(room.tab), "the refusal")
        click(seen_button(room.page.jobs[0], "Open settings"))
        assert opened == [None]

    run(scenario())


def test_what_cannot_be_added_is_said(room: Room, run: Run) -> None:
    async def scenario() -> None:
        for text in ("r1-qwen7b", "owner/missing"):
            room.tab.add_card.field.setText(text)
            room.tab.add_card.field.returnPressed.emit()
            await until(lambda text=text: any(text in told for told in room.errors))
        assert len(room.errors) == 1, "the one before is of no use any more"
        assert room.tab.add_card.field.text() == "owner/missing"

    run(scenario())


def test_several_gguf_files_are_offered_in_a_menu(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        write_tiny_gguf(tmp_path / "repository" / "tiny.Q4_0.gguf")
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.tab.findChildren(QMenu))
        [menu] = room.tab.findChildren(QMenu)
        menu.actions()[0].trigger()
        menu.close()
        assert [job.model for job in room.jobs.jobs()] == [f"{REPO}:tiny.Q4_0.gguf"]

    run(scenario())


def test_a_finished_file_of_a_repository_is_taken_where_builds_are_measured(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.settings.update(measure_builds=True, weigh_builds=True)
        room.jobs.start()
        room.tab.add_card.field.setText(f"{REPO}:{FILE}")
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")

    run(scenario())
    assert room.errors == []


def test_a_gguf_file_is_added_where_it_lies(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "Mine.Q5_K_M.gguf"
        write_tiny_gguf(file)
        room.tab.add_card.paths_chosen.emit([file])
        await until(lambda: room.tab.table.number_of("disk:Mine.Q5_K_M") >= 0)
        await until(lambda: f"Stays where it is: {file}" in seen_words(room.tab.detail))
        assert "Its file stays where it is" in seen_words(room.notices)
        file.with_name("broken.gguf").write_bytes(b"GGUF")
        room.tab.add_card.paths_chosen.emit([file.with_name("broken.gguf")])
        await until(lambda: room.errors)

    run(scenario())


def test_files_and_folders_are_added_where_they_lie(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "publisher" / "repository"
        folder.mkdir(parents=True)
        for name in ("one", "two"):
            write_tiny_gguf(folder / f"{name}.gguf")
        (folder / "broken.gguf").write_bytes(b"GGUF")
        # The card with the line about the broken one is out of sight: a toast tells of it, too.
        room.tab.add_models([folder.parent])
        await until(lambda: room.tab.table.number_of("disk:two") >= 0)
        assert room.tab.table.number_of("disk:one") >= 0
        await until(lambda: "broken.gguf" in seen_words(room.notices), "the refusal")
        assert "2 models were added" in seen_words(room.notices)

    run(scenario())
    assert len(room.errors) == 1
    assert "broken.gguf" in room.errors[0]


def test_a_server_that_does_not_answer_is_told_while_it_is_asked(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.fail("metadata", status=503, headers={"Retry-After": "1"})
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: "does not answer (attempt 1 of 2)" in seen_words(room.tab.add_card))
        await until(lambda: bool(room.jobs.jobs()))
        assert "does not answer" not in seen_words(room.tab.add_card)

    run(scenario())


def test_a_question_to_the_server_can_be_stopped(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.fail("metadata", status=503, headers={"Retry-After": "60"})
        card = room.tab.add_card
        card.field.setText(REPO)
        seen_button(card, "Get").click()
        await until(lambda: "does not answer (attempt 1 of 2)" in seen_words(card))
        seen_button(card, "Stop").click()
        await until(lambda: bool(all_seen(card, QPushButton, "Get")), "the end of the question")
        # It can be mended, or asked again.
        assert card.field.text() == REPO
        assert not card.field.isReadOnly()
        assert "does not answer" not in seen_words(card)
        seen_button(card, "Get").click()
        await until(lambda: bool(room.jobs.jobs()))

    run(scenario())
    assert room.errors == []


def test_a_build_of_a_folder_of_weights_shows_in_the_row_of_its_model(
    room: Room, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home" / NAME
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(folder.parent))

    async def scenario() -> None:
        # The jobs are not started: it waits.
        room.tab.add_card.field.setText(f"~/{NAME}")
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "getting…", "the row")
        [job] = room.jobs.jobs()
        # Its path, also when the program starts in another folder.
        assert (job.model, job.title) == (str(folder), NAME)
        [card] = room.page.jobs
        assert f"Getting {NAME} → Q4_K_M" in seen_words(card)
        assert "A pause or a restart loses nothing" in seen_words(card)
        room.tab.select(KEY)
        await until(lambda: not seen(room.tab.detail, QCheckBox, "Get Q4_K_M").isEnabled(), "the type")

    run(scenario())
    assert room.errors == []
