"""The card for NVIDIA's libraries. The GPU is a stand-in (`Card`), and so is what an engine with run-time
back ends would list (`Engine`); index, wheels, unpacking and check are as in `tests/unit/app/cuda`."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import qasync
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.cuda.cuda_folder import CudaPlace
from app.cuda.cuda_install import CudaGetter
from app.cuda.offer import CudaOffer
from app.engine.protocol import BackendState, DevicesListed
from app.machine.doctor import Diagnosis
from app.machine.hardware import look_at_machine
from app.settings import SettingsFile
from app.telemetry.nvml import GpuReading, GpuSample
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.settings import cuda_session
from app.ui.settings.cuda_card import CudaCard
from app.ui.settings.cuda_session import CudaSession
from app.ui.settings.doctor_page import DoctorPage
from tests.support.cuda_wheels import Wheels, build_wheels, served_place
from tests.support.event_loop import run_step
from tests.support.late_answers import Late
from tests.support.package_index import LoopbackIndex
from tests.support.waiting import until
from tests.support.widgets import seen_words

WAIT_S = 100.0
Run = Callable[[Coroutine[None, None, None]], None]


class Card:
    """Stand-in for a `GpuMonitor` beside an NVIDIA card."""

    def poll(self, pids: frozenset[int], *, wait_s: float = 0.0) -> GpuReading:
        sample = GpuSample(
            index=0,
            name="Stand-in GPU A",
            vram_used_bytes=0,
            vram_total_bytes=12 << 30,
            own_vram_bytes=0,
            utilisation_percent=0,
            temperature_c=40,
            power_w=20.0,
            compute_capability=(8, 6),
        )
        return GpuReading("ok", (sample,), "580.1")


class Engine:
    """Stand-in for the client of an engine with run-time back ends and no CUDA yet."""

    def list_devices(self) -> "Future[DevicesListed]":
        listed: Future[DevicesListed] = Future()
        cpu = BackendState(name="CPU", loaded=True, library="libggml-cpu-zen4", reason="")
        listed.set_result(DevicesListed(request_id=1, devices=[], backends=[cpu]))
        return listed


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def index(wheels: Wheels) -> Iterator[LoopbackIndex]:
    with LoopbackIndex(wheels.folder) as served:
        yield served


@pytest.fixture
def place(wheels: Wheels, index: LoopbackIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CudaPlace:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return served_place(tmp_path, wheels, index)


@pytest.fixture
def run(loop: qasync.QEventLoop) -> Run:
    return lambda work: run_step(loop, work, WAIT_S)


@pytest.fixture
def bridge(run: Run) -> Iterator[Bridge]:
    made = Bridge(lambda error: pytest.fail(str(error)))
    yield made
    run(made.finish())


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[SettingsFile]:
    made = SettingsFile(tmp_path / "settings.json")
    yield made
    made.close()


@pytest.fixture
def session(place: CudaPlace, bridge: Bridge, settings: SettingsFile) -> CudaSession:
    getter = CudaGetter(place, child_command("kernel_check"))
    return CudaSession(getter, Engine(), Card(), settings, bridge)  # type: ignore[arg-type]  # stand-ins


def press(card: CudaCard, text: str) -> None:
    found = [button for button in card.findChildren(QPushButton) if button.text().startswith(text)]
    assert len(found) == 1
    assert found[0].isVisibleTo(card), f"{text} is hidden"
    found[0].click()


def shown(card: CudaCard) -> list[str]:
    return [button.text() for button in card.findChildren(QPushButton) if button.isVisibleTo(card)]


def test_the_offer_names_size_and_licence_and_ends_in_use(
    qtbot: QtBot, run: Run, session: CudaSession, place: CudaPlace
) -> None:
    card = CudaCard(session)
    qtbot.addWidget(card)
    assert card.isHidden()

    async def scene() -> None:
        session.look()
        await until(lambda: session.offer is not None, "the offer")
        assert "can be used through CUDA 13.0" in card.accessibleName()
        assert shown(card)[0].startswith("Get it (")
        assert "Licence: stand-in licence" in seen_words(card)
        press(card, "Get it")
        assert shown(card) == ["Cancel"]
        await until(
            lambda: not session.busy and session.offer is not None and session.offer.state == "ready", "CUDA"
        )
        assert card.accessibleName() == "CUDA was tried on Stand-in GPU A and computes correctly."
        assert shown(card) == ["Remove"]
        press(card, "Remove")
        await until(lambda: not session.busy and session.offer.state == "offered", "the removal")  # type: ignore[union-attr]
        assert "are free again" in seen_words(card)
        assert not place.folder.exists()

    run(scene())


def test_cancelling_leaves_an_offer_to_resume(
    qtbot: QtBot, run: Run, session: CudaSession, index: LoopbackIndex
) -> None:
    card = CudaCard(session)
    qtbot.addWidget(card)
    index.hold_after = 2 << 20

    async def scene() -> None:
        session.look()
        await until(lambda: session.offer is not None, "the offer")
        press(card, "Get it")
        await until(index.held.is_set, "the middle of the download")
        await until(lambda: session.progress is not None and session.progress.done > 0, "its progress")
        press(card, "Cancel")
        await until(lambda: not session.busy and session.offer.arrived_bytes > 0, "the cancelling")  # type: ignore[union-attr]
        assert session.error is None
        assert any(text.startswith("Resume (") for text in shown(card))

    run(scene())


def test_a_check_that_fails_is_said_and_can_be_tried_again(
    qtbot: QtBot, run: Run, session: CudaSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = CudaCard(session)
    qtbot.addWidget(card)
    monkeypatch.setenv("CUDA_STAND_IN_MODE", "wrong")

    async def scene() -> None:
        session.look()
        await until(lambda: session.offer is not None, "the offer")
        press(card, "Get it")
        await until(lambda: not session.busy and session.offer.state == "failed", "the failure")  # type: ignore[union-attr]
        assert "computes wrongly" in seen_words(card)
        assert shown(card) == ["Try again", "Remove"]

    run(scene())


def test_the_window_tells_of_the_offer_once(
    run: Run, session: CudaSession, settings: SettingsFile, tmp_path: Path
) -> None:
    told: list[bool] = []
    session.offered.connect(lambda: told.append(True))

    async def scene() -> None:
        session.look_once()
        await until(lambda: bool(told), "the notice")
        session.expect_offer()(None)
        session.look_once()
        await until(lambda: True, "nothing")

    run(scene())
    assert told == [True]
    settings.close()
    assert SettingsFile(tmp_path / "settings.json").values.cuda_offer_told


def test_what_was_judged_before_a_removal_is_not_shown_after_it(
    run: Run, session: CudaSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()
    judging = Late(lambda *_: CudaOffer(state="offered", message=str(next(numbers))))
    monkeypatch.setattr(cuda_session, "judge", judging)

    async def scene() -> None:
        session.look()
        elsewhere = session.expect_offer()
        await until(lambda: judging.waiting == 1)
        session.remove()
        await until(lambda: judging.waiting == 2)
        elsewhere(CudaOffer(state="ready", message="before"))
        assert session.offer is None
        judging.let(1)
        await until(lambda: session.offer is not None)
        judging.let(0)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert session.offer is not None
        assert session.offer.message == "1"

    run(scene())


def test_an_examination_that_ends_late_does_not_hide_a_newer_one(
    run: Run, qtbot: QtBot, theme: Theme, bridge: Bridge, session: CudaSession, tmp_path: Path
) -> None:
    asked: list[asyncio.Future[Diagnosis]] = []

    async def examine() -> Diagnosis:
        asked.append(asyncio.get_running_loop().create_future())
        return await asked[-1]

    def found(*, can_run: bool) -> Diagnosis:
        return Diagnosis(
            can_run=can_run,
            machine=look_at_machine(tmp_path, ()),
            recommended=None,
            alternative=None,
            gpus=[],
            backends=[],
            problems=[],
        )

    page = DoctorPage(theme, bridge, examine, str, session)
    qtbot.addWidget(page)
    page.show()

    async def scene() -> None:
        page.examine()
        await until(lambda: len(asked) == 1)
        page.examine()
        await until(lambda: len(asked) == 2)
        asked[1].set_result(found(can_run=True))
        await until(lambda: "Models run here" in seen_words(page))
        asked[0].set_result(found(can_run=False))
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert "Models run here" in seen_words(page)

    run(scene())
