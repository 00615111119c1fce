"""An answer to an earlier question that comes late changes nothing of what the user has done since."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import qasync
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.audit.entries import AuditTrail
from app.audit.gate import Gate
from app.audit.log import AuditLog
from app.audit.reading import newest_entries
from app.engine.batching.prefix import Held
from app.engine.kv_states.saved_states import StateFolder, kept_bytes
from app.engine.protocol import Device, DevicesListed, LoadSettings, RpcServer
from app.engine.rpc.rpc_address import NotLocal
from app.filters.filter_file import FilterFile
from app.remote.remote_server import ElsewhereModel, ElsewhereServer
from app.remote.server_keys import ServerKeys
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.settings import audit_dialog, chat_states_card, models_folder_card
from app.ui.settings.audit_dialog import AuditDialog
from app.ui.settings.chat_states_card import ChatStatesCard
from app.ui.settings.models_folder_card import ModelsFolderCard
from app.ui.settings.other_computers_page import OtherComputersPage
from app.ui.settings.remote_servers_page import ServersElsewherePage
from tests.support.event_loop import run_step
from tests.support.late_answers import Late
from tests.support.waiting import until
from tests.support.widgets import seen_button, seen_words

Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture
def run(loop: qasync.QEventLoop) -> Run:
    def step(work: Coroutine[None, None, None]) -> None:
        run_step(loop, work, 100.0)

    return step


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[SettingsFile]:
    made = SettingsFile(tmp_path / "settings.json")
    yield made
    made.close()


@pytest.fixture
def bridge(loop: qasync.QEventLoop) -> Bridge:
    def fail(error: BaseException) -> None:
        raise error

    return Bridge(fail)


def says(page: QWidget, text: str) -> bool:
    return any(text in label.text() for label in page.findChildren(QLabel))


def test_what_was_in_use_before_clearing_is_not_shown_after_it(
    run: Run,
    qtbot: QtBot,
    theme: Theme,
    settings: SettingsFile,
    bridge: Bridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    StateFolder(tmp_path / "states", "model", 1 << 30).write(Held([1], "chat"), bytearray(1_000_000))
    looking = Late(kept_bytes)
    monkeypatch.setattr(chat_states_card, "kept_bytes", looking)

    async def scene() -> None:
        card = ChatStatesCard(settings, tmp_path / "states", bridge)
        qtbot.addWidget(card)
        await until(lambda: looking.waiting == 1)
        [clear] = [one for one in card.findChildren(QPushButton) if one.objectName() == "clear-states"]
        clear.setEnabled(True)
        clear.click()
        await until(lambda: looking.waiting == 2)
        looking.let(1)
        await until(lambda: says(card, "0 B are in use"))
        looking.let(0)
        await settled()
        assert says(card, "0 B are in use")
        assert not clear.isEnabled()

    run(scene())


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)


@pytest.fixture
def audit(
    run: Run,
    qtbot: QtBot,
    theme: Theme,
    settings: SettingsFile,
    bridge: Bridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[AuditDialog, AuditLog, Late[[Path], object]]]:
    log = AuditLog(tmp_path / "audit", 1 << 20)
    log.add("request", {"source": "chat"})
    assert log.flush(30)
    reading = Late(newest_entries)
    monkeypatch.setattr(audit_dialog, "newest_entries", reading)
    gate = Gate(FilterFile(tmp_path / "f.json"), AuditTrail(log, settings, lambda path: ""))
    dialog = AuditDialog(gate, settings, bridge)
    qtbot.addWidget(dialog)
    yield dialog, log, reading  # type: ignore[misc]
    reading.let_all()
    log.close()


def test_the_lines_that_come_late_leave_what_verifying_has_found(
    run: Run, audit: tuple[AuditDialog, AuditLog, Late[[Path], object]]
) -> None:
    dialog, _, reading = audit

    async def scene() -> None:
        await until(lambda: reading.waiting == 1)
        dialog.verify_button.click()
        await until(lambda: "complete and unchanged" in dialog.said.text())
        reading.let(0)
        await until(lambda: dialog.lines.rowCount() == 1)
        assert "complete and unchanged" in dialog.said.text()

    run(scene())


def test_older_lines_do_not_take_the_place_of_newer_ones(
    run: Run, audit: tuple[AuditDialog, AuditLog, Late[[Path], object]]
) -> None:
    dialog, log, reading = audit

    async def scene() -> None:
        await until(lambda: reading.waiting == 1)
        log.add("reply", {"source": "chat"})
        dialog.refresh_button.click()
        await until(lambda: reading.waiting == 2)
        reading.let(1)
        await until(lambda: dialog.lines.rowCount() == 2)
        reading.let(0)
        await settled()
        assert dialog.lines.rowCount() == 2

    run(scene())


class Engine:
    """Stand-in for the session: its answers come when the test gives them."""

    def __init__(self) -> None:
        self.asked: list[tuple[Sequence[RpcServer], asyncio.Future[DevicesListed]]] = []

    async def list_devices(self, servers: Sequence[RpcServer]) -> DevicesListed:
        answer = asyncio.get_running_loop().create_future()
        self.asked.append((tuple(servers), answer))
        return await answer

    def answer(self, number: int, free_bytes: int) -> None:
        servers, answer = self.asked[number]
        devices = [
            Device(
                name="RPC0",
                description=server.address,
                backend="RPC",
                kind="gpu",
                memory_free_bytes=free_bytes,
                memory_total_bytes=8 << 30,
            )
            for server in servers
        ]
        answer.set_result(DevicesListed(request_id=1, devices=devices))


@pytest.fixture
def computers(
    qtbot: QtBot, theme: Theme, settings: SettingsFile, bridge: Bridge
) -> tuple[OtherComputersPage, Engine, list[asyncio.Future[None]]]:
    engine, checks = Engine(), list[asyncio.Future[None]]()

    async def check(server: RpcServer) -> None:
        checks.append(asyncio.get_running_loop().create_future())
        await checks[-1]

    page = OtherComputersPage(settings, theme, bridge, engine.list_devices, check)
    qtbot.addWidget(page)
    page.show()
    return page, engine, checks


Computers = tuple[OtherComputersPage, Engine, list[asyncio.Future[None]]]


def test_an_earlier_answer_does_not_hide_a_computer_that_was_added_since(
    run: Run, computers: Computers, settings: SettingsFile
) -> None:
    page, engine, _ = computers
    settings.update(load=LoadSettings(rpc_servers=(RpcServer("127.0.0.1:50052"),)))

    async def scene() -> None:
        page.check()
        await until(lambda: len(engine.asked) == 1)
        both = (RpcServer("127.0.0.1:50052"), RpcServer("127.0.0.2:50052"))
        settings.update(load=LoadSettings(rpc_servers=both))
        page.check()
        await until(lambda: len(engine.asked) == 2)
        engine.answer(1, 2_000_000_000)
        await until(lambda: seen_words(page).count("2.0 GB of 8.6 GB") == 2)
        engine.answer(0, 1_000_000_000)
        await settled()
        assert seen_words(page).count("2.0 GB of 8.6 GB") == 2
        assert "Asking…" not in seen_words(page)

    run(scene())


@pytest.mark.parametrize("is_good", [True, False])
def test_what_is_typed_while_an_address_is_checked_stays(
    run: Run, computers: Computers, is_good: bool
) -> None:
    page, _, checks = computers
    field = page.findChild(QLineEdit, "rpc-address")
    assert isinstance(field, QLineEdit)

    async def scene() -> None:
        field.setText("127.0.0.1:50052")
        seen_button(page, "Add").click()
        await until(lambda: bool(checks))
        field.setText("127.0.0.9:500")
        field.textEdited.emit(field.text())
        if is_good:
            checks[0].set_result(None)
        else:
            checks[0].set_exception(NotLocal("not in the local network"))
        await settled()
        assert field.text() == "127.0.0.9:500"
        assert "not in the local network" not in seen_words(page)
        assert seen_button(page, "Add").isEnabled()

    run(scene())


def fetched(server: ElsewhereServer, key: str) -> tuple[ElsewhereModel, ...]:
    return (ElsewhereModel(id="m"),)


@pytest.fixture
def elsewhere(
    qtbot: QtBot, theme: Theme, settings: SettingsFile, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[ServersElsewherePage, Late[[ElsewhereServer, str], tuple[ElsewhereModel, ...]]]]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    settings.update(elsewhere=(ElsewhereServer(id="a", name="", url="http://127.0.0.1:1"),))
    asking = Late(fetched)
    page = ServersElsewherePage(settings, ServerKeys(), theme, bridge, asking)
    qtbot.addWidget(page)
    page.show()
    yield page, asking
    asking.let_all()


Elsewhere = tuple[ServersElsewherePage, Late[[ElsewhereServer, str], tuple[ElsewhereModel, ...]]]


@pytest.mark.parametrize("asks", ["Refresh", "Add"])
def test_a_server_that_is_removed_while_it_is_asked_stays_away_and_can_come_back(
    run: Run, elsewhere: Elsewhere, settings: SettingsFile, asks: str
) -> None:
    page, asking = elsewhere
    [server] = page.servers

    async def scene() -> None:
        if asks == "Add":
            page.address.setText(server.url)
        seen_button(page, asks).click()
        await until(lambda: asking.waiting == 1)
        seen_button(page, "Remove").click()
        await until(page.undo_button.isVisible)
        asking.let(0)
        await settled()
        assert page.servers == settings.values.elsewhere == ()
        assert "is removed" in page.said.text()
        page.undo_button.click()
        assert page.servers == (server,)

    run(scene())


def test_what_is_typed_while_a_server_is_asked_stays(run: Run, elsewhere: Elsewhere) -> None:
    page, asking = elsewhere

    async def scene() -> None:
        page.address.setText("http://127.0.0.1:2")
        page.add.click()
        await until(lambda: asking.waiting == 1)
        page.address.setText("http://127.0.0.1:3")
        page.key.setText("secret")
        asking.let(0)
        await until(lambda: len(page.servers) == 2)
        await until(page.add.isEnabled)
        assert (page.address.text(), page.key.text()) == ("http://127.0.0.1:3", "secret")

    run(scene())


def test_what_was_agreed_while_a_server_was_asked_holds(
    run: Run, elsewhere: Elsewhere, settings: SettingsFile
) -> None:
    page, asking = elsewhere

    async def scene() -> None:
        seen_button(page, "Refresh").click()
        await until(lambda: asking.waiting == 1)
        settings.change(elsewhere=(msgspec.structs.replace(page.servers[0], agreed=True),))
        asking.let(0)
        await until(lambda: bool(page.servers[0].models))
        assert page.servers[0].agreed

    run(scene())


class Moving(QObject):
    """Stand-in for a `ModelsMoving` that has nothing to do."""

    changed = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.place = SimpleNamespace(folder=folder, unfinished=None)
        self.is_running = False
        self.error = self.progress = None
        self.refusal = ""

    def cancel(self) -> None:
        raise AssertionError

    def take_back(self) -> None:
        raise AssertionError


def test_the_size_of_the_models_before_a_move_is_not_shown_after_it(
    run: Run, qtbot: QtBot, theme: Theme, bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = iter((1_000_000_000, 2_000_000_000))
    looking = Late(lambda folder: next(sizes))
    monkeypatch.setattr(models_folder_card, "taken_bytes", looking)
    moving = Moving(tmp_path)
    card = ModelsFolderCard(moving, bridge)  # type: ignore[arg-type]  # a stand-in
    qtbot.addWidget(card)

    async def scene() -> None:
        await until(lambda: looking.waiting == 1)
        moving.changed.emit()
        await until(lambda: looking.waiting == 2)
        looking.let(1)
        await until(lambda: says(card, "2.0 GB of models"))
        looking.let(0)
        await settled()
        assert says(card, "2.0 GB of models")

    run(scene())
