"""The page of the local API in the real window: switched on, used, its key renewed, switched off."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.server.access.addresses import addresses_for_others
from app.server.access.discovery import Discovery, find_server
from app.server.access.key_file import KeyFile
from app.ui.settings.server_dialog import ServerDialog
from app.ui.shell.window_application import WindowApplication
from tests.support.held_disk import held_disk
from tests.support.late_answers import Late
from tests.support.rpc_server import free_port
from tests.support.waiting import until
from tests.support.window import run_with_window, settle


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def get(url: str, key: str, path: str = "/v1/models") -> int:
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "an editor"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        return (await http.get(f"{url}{path}")).status_code


async def ask(url: str, key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "an editor"}
    async with httpx.AsyncClient(headers=headers, timeout=120) as http:
        answer = await http.post(f"{url}/generate", json={"prompt": "Hi", "max_tokens": 3})
        return dict(answer.json())


def test_it_is_switched_on_used_renewed_and_switched_off(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        parts, session = application.parts, application.server
        await until(lambda: application.session.info is not None, "the model")
        assert session.running is None
        dialog = application.dialogs.open_server()
        dialog.port.setValue(free_port())
        dialog.on.click()
        await until(lambda: session.running is not None and not session.busy, "the server")
        found = find_server(parts.paths)
        assert found is not None
        assert found.url in dialog.state.text()
        assert dialog.url.text() == found.url
        assert found.key not in (dialog.key.text(), dialog.example.text())
        dialog.show_key.click()
        await until(lambda: dialog.key.text() == found.key, "the key")
        reply = await ask(found.url, found.key)
        assert reply["completion_tokens"] == 3
        await until(lambda: dialog.clients.index(0, 3).data() == "3", "the client's tokens")
        assert dialog.clients.index(0, 0).data() == "an editor"
        dialog.renew.click()
        await until(lambda: session.running is not None and session.running.key != found.key, "the new key")
        fresh = find_server(parts.paths)
        assert fresh is not None
        await until(lambda: dialog.key.text() == fresh.key, "the new key in its field")
        assert await get(fresh.url, found.key) == 401
        assert await get(fresh.url, fresh.key) == 200
        dialog.on.click()
        await until(lambda: session.running is None and not session.busy, "the end")
        assert find_server(parts.paths) is None
        with pytest.raises(httpx.ConnectError):
            await get(found.url, fresh.key)

    run_with_window(scene)


def test_changes_at_once_start_it_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog, session = application.dialogs.open_server(), application.server
        listened: list[Discovery] = []

        def note() -> None:
            if session.running is not None and not any(each is session.running for each in listened):
                listened.append(session.running)

        session.changed.connect(note)
        dialog.port.setValue(free_port())
        dialog.on.click()
        dialog.loads.click()
        dialog.renew.click()
        await until(lambda: session.running is not None and not session.busy, "the server")
        assert len(listened) == 1

    run_with_window(scene)


def test_a_port_that_is_taken_is_said_and_another_one_helps(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        taken = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        dialog, session = application.dialogs.open_server(), application.server
        dialog.port.setValue(taken.sockets[0].getsockname()[1])
        dialog.on.click()
        await until(lambda: session.error is not None and not session.busy, "the refusal")
        assert "Choose another port" in dialog.state.text()
        dialog.port.setValue(free_port())
        await until(lambda: session.running is not None and not session.busy, "the server")
        assert session.error is None
        taken.close()
        await taken.wait_closed()

    run_with_window(scene)


def test_a_port_that_is_taken_at_the_start_is_a_notice(qapp: QApplication, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = home / "config" / "settings.json"
        settings.parent.mkdir()
        settings.write_text(f'{{"api_enabled": true, "api_port": {taken.getsockname()[1]}}}')

        async def scene(application: WindowApplication) -> None:
            await until(lambda: application.server.error is not None, "the refusal")
            await until(lambda: any("cannot listen" in text for text in texts(application)), "the notice")

        run_with_window(scene)


def texts(application: WindowApplication) -> list[str]:
    return [each.text() for each in application.window.findChildren(QLabel)]


def test_opening_it_to_the_network_warns_until_there_is_a_certificate(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog, session = application.dialogs.open_server(), application.server
        dialog.show()
        assert not dialog.warning.isVisible()
        dialog.reach.setCurrentIndex(1)
        dialog.reach.activated.emit(1)
        await until(lambda: not session.busy and dialog.warning.isVisible(), "the warning")
        assert dialog.certificate.isVisible()
        for field, name in ((dialog.certificate, "a.pem"), (dialog.private_key, "b.pem")):
            field.setText(str(application.parts.paths.data / name))
            field.editingFinished.emit()
        await until(lambda: not session.busy and not dialog.warning.isVisible(), "its end")
        dialog.port.setValue(free_port())
        dialog.on.click()
        await until(lambda: session.error is not None and not session.busy, "the refusal")
        assert "certificate" in dialog.state.text()
        assert not dialog.others.isVisible()
        for field in (dialog.certificate, dialog.private_key):
            field.setText("")
            field.editingFinished.emit()
        await until(lambda: session.running is not None and not session.busy, "the server")
        running = session.running
        assert running is not None
        found = addresses_for_others(running)
        assert all(address in dialog.others.text() for address in found)
        assert dialog.others.isVisible() == bool(found)
        for address in found:
            assert await get(address, await session.key()) == 200
        dialog.reach.setCurrentIndex(0)
        dialog.reach.activated.emit(0)
        await until(lambda: not session.busy and not dialog.others.isVisible(), "the addresses' end")

    run_with_window(scene)


def test_it_is_found_by_its_name_and_gives_an_example(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        palette = application.commands.open_palette()
        titles = palette.titles
        palette.close()
        assert "Local API" in titles
        dialog = application.dialogs.open_server()
        clipboard = QGuiApplication.clipboard()
        clipboard.clear()
        button_of(dialog, "example").click()
        await until(lambda: bool(clipboard.text()), "the example")
        assert await application.server.key() in clipboard.text()
        assert clipboard.text().startswith("curl http://127.0.0.1:")

    run_with_window(scene)


def test_the_window_goes_on_while_the_disk_takes_a_new_key(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session, clipboard = application.server, QGuiApplication.clipboard()
        before = await session.key()
        dialog = application.dialogs.open_server()
        dialog.show_key.click()
        await until(lambda: dialog.key.text() == before, "the key")
        clipboard.clear()
        with held_disk() as disk:
            dialog.renew.click()
            disk.wait_for_writer()
            await settle(20)
            assert session.busy
            button_of(dialog, "Copy the key").click()
            await settle(20)
            assert (dialog.key.text(), clipboard.text()) == (before, "")
        await until(lambda: not session.busy and dialog.key.text() != before, "the new key")
        await until(lambda: clipboard.text() == dialog.key.text(), "its copy")
        assert application.parts.paths.server_key_file.read_text().strip() == await session.key()
        assert dialog.key.text() == await session.key()

    run_with_window(scene)


def test_a_key_that_comes_late_is_not_shown_or_copied_over_what_was_done_since(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        clipboard = QGuiApplication.clipboard()
        reading = Late(KeyFile.read_or_make)
        monkeypatch.setattr(KeyFile, "read_or_make", lambda file: reading(file))
        dialog = application.dialogs.open_server()
        hidden = dialog.key.text()
        dialog.show_key.click()
        button_of(dialog, "Copy the key").click()
        await until(lambda: reading.waiting == 2, "the reads")
        dialog.show_key.click()
        clipboard.setText("copied since")
        reading.let_all()
        await settle(20)
        assert (dialog.key.text(), clipboard.text()) == (hidden, "copied since")

    run_with_window(scene)


def test_a_key_that_cannot_be_renewed_is_told_and_the_old_one_stays(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.server
        before = await session.key()
        dialog = application.dialogs.open_server()
        with held_disk() as disk:
            dialog.renew.click()
            disk.wait_for_writer()
            file = application.parts.paths.server_key_file
            for part in file.parent.glob(f"{file.name}.*.part"):
                part.unlink()
        await until(lambda: any("could not be saved" in text for text in texts(application)), "the refusal")
        assert not session.busy
        assert await session.key() == before

    run_with_window(scene)


def test_a_key_whose_window_is_closed_at_once_is_new(qapp: QApplication, home: Path) -> None:
    keys: list[str] = []

    async def scene(application: WindowApplication) -> None:
        keys.append(await application.server.key())
        application.dialogs.open_server().renew.click()

    run_with_window(scene)
    kept = (home / "data" / "server.key").read_text().strip()
    assert kept not in ("", *keys)


def button_of(dialog: ServerDialog, words: str) -> QPushButton:
    [found] = [each for each in dialog.findChildren(QPushButton) if words in each.accessibleName()]
    return found
