"""The live panel with real plots; the figures are chosen, so that no card is needed."""

import dataclasses

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadNotice, ModelInfo
from app.telemetry.host import HostSample, PartSample
from app.telemetry.nvml import GpuReading, GpuSample, GpuState
from app.telemetry.rates import ChatRate, Rates
from app.telemetry.sampler import History, TelemetrySnapshot
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.live_panel.live_panel import COLLAPSED_WIDTH_PX, WIDTH_PX, LivePanel, OpenChat
from app.ui.live_panel.live_plot import GROWTH_S
from app.ui.widgets.plot_library import PlotLibrary
from tests.support.pages.live_panel_page import drawn_plots
from tests.support.templates import chat_templates

GB = 1000**3

RADEON = GpuSample(1, "AMD Radeon RX 7800 XT", 3 * GB, 16 * GB, 2 * GB, None, None, None)
CARD = GpuSample(0, "NVIDIA RTX 3060", int(6.1 * GB), 12 * GB, int(5.4 * GB), 87, 64, 142.4)

INFO = ModelInfo(
    path="/models/m.gguf",
    name="R1-Qwen-7B",
    architecture="qwen2",
    quantisation="Q4_K_M",
    parameters=1,
    size_bytes=1,
    layers=28,
    gpu_layers=29,
    context_tokens=16384,
    context_limit=131072,
    vocabulary=10,
    threads=8,
    batch_tokens=512,
    kv_type="f16",
    backend="CUDA",
    chat_template="",
    bos_text="",
    eos_text="",
    adds_bos=False,
    load_s=0.1,
    buffers={},
)


def snapshot(
    *,
    gpu: GpuReading = GpuReading("ok", (CARD,), "580.82"),  # noqa: B008 - frozen
    cards: tuple[GpuSample, ...] | None = None,
    rates: Rates = Rates("generation", 58.4, 58.4, 1243.0, 0.31, 3412, 16384),  # noqa: B008 - frozen
    generation: float = 58.4,
    now_s: float = 120.0,
) -> TelemetrySnapshot:
    times_s = tuple(now_s - 120 + second for second in range(121))
    values = tuple(generation if second > 60 else 0.0 for second in range(121))
    vram = tuple((card.vram_used_bytes,) * 121 for card in (*gpu.gpus, *(cards or ())))
    host = HostSample(int(9.8 * GB), 32 * GB, int(1.1 * GB), 14.2, 3.0)
    return TelemetrySnapshot(now_s, host, gpu, cards, rates, History(times_s, values, vram))


@pytest.fixture
def session() -> EngineSession:
    """A session whose engine is never started: its signals are what the panel follows."""
    return EngineSession(EngineClient(child_command("engine")), Bridge(lambda error: None), chat_templates())


@pytest.fixture
def panel(qtbot: QtBot, theme: Theme, session: EngineSession) -> LivePanel:
    problems: list[BaseException] = []
    bridge = Bridge(problems.append)
    panel = LivePanel(theme, session, PlotLibrary(bridge))
    panel.resize(WIDTH_PX, 860)
    qtbot.addWidget(panel)
    panel.destroyed.connect(bridge.close)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def shown(panel: LivePanel) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible() and label.text()]


def test_says_what_it_does_not_know_yet(panel: LivePanel) -> None:
    texts = shown(panel)
    assert "Asking NVIDIA's driver …" in texts
    assert "No reply yet" in texts
    assert "No model loaded" in texts


def test_a_dash_stands_for_what_the_first_reply_has_not_shown_yet(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot(rates=Rates("generation", 58.4, 58.4, None, None, 3412, 16384)))
    texts = shown(panel)
    assert "Prompt – tok/s" in texts
    assert "First token – s" in texts


def test_shows_every_figure_of_a_snapshot(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot())
    texts = shown(panel)
    for text in (
        "58.4",
        "tok/s",
        "Prompt 1,243 tok/s",
        "First token 0.31 s",
        "VRAM · NVIDIA RTX 3060",
        "6.1",
        "of 12.0 GB",
        "Stillroom 5.4 GB",
        "GPU 87%",
        "64 °C",
        "142 W",
        "3,412",
        "of 16,384 tokens, last reply",
        "RAM 9.8 of 32.0 GB",
        "Stillroom 1.1 GB",
        "CPU 14%",
        "Stillroom 3%",
    ):
        assert text in texts, text


def test_every_part_that_works_has_its_memory_and_its_share(panel: LivePanel) -> None:
    parts = (
        PartSample("", 400_000_000, 1.2),
        PartSample("formulas", 100_000_000, 0.4),
        PartSample("measure", 1_600_000_000, 35.0),
    )
    host = HostSample(int(9.8 * GB), 32 * GB, 2_100_000_000, 40.0, 36.6, parts)
    panel.show_snapshot(dataclasses.replace(snapshot(), host=host))
    texts = shown(panel)
    assert {"Stillroom 2.1 GB", "Window", "0.5 GB · 2%", "Measuring a model", "1.6 GB · 35%"} <= set(texts)
    # It has ended: the window alone needs no row of its own.
    host = HostSample(int(9.8 * GB), 32 * GB, 500_000_000, 40.0, 1.6, parts[:2])
    panel.show_snapshot(dataclasses.replace(snapshot(), host=host))
    assert not {"Window", "Measuring a model", "1.6 GB · 35%"} & set(shown(panel))


def test_what_tries_the_memory_and_the_card_is_not_taken_for_the_window(panel: LivePanel) -> None:
    parts = (
        PartSample("", 400_000_000, 1.2),
        PartSample("kernel_check", 300_000_000, 5.0),
        PartSample("memory_speed", 1_100_000_000, 40.0),
    )
    host = HostSample(int(9.8 * GB), 32 * GB, 1_800_000_000, 50.0, 46.2, parts)
    panel.show_snapshot(dataclasses.replace(snapshot(), host=host))
    window, memory, card = "0.4 GB · 1%", "1.1 GB · 40%", "0.3 GB · 5%"
    texts = ["Window", window, "Measuring this computer", memory, "Checking the graphics card", card]
    assert set(texts) <= set(shown(panel))


def test_says_what_has_the_engine_for_itself(panel: LivePanel, session: EngineSession) -> None:
    panel.show_snapshot(snapshot(rates=Rates(context_limit=4096)))
    assert "No reply yet" in shown(panel)
    session.reserve("benchmark")
    assert "A benchmark runs." in shown(panel)
    assert "No reply yet" not in shown(panel)
    session.tell_work("Benchmark: Measuring a reply, 2 of 3")
    assert "Benchmark: Measuring a reply, 2 of 3" in shown(panel)
    session.reserve("")
    assert "No reply yet" in shown(panel)
    assert "Benchmark: Measuring a reply, 2 of 3" not in shown(panel)


def test_between_replies_the_last_rate_stays_and_says_so(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot(rates=Rates("idle", 0.0, 49.0, 500.0, 0.25, 149, 4096)))
    texts = shown(panel)
    assert "49.0" in texts
    assert "tok/s, last reply" in texts


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("no_driver", "No NVIDIA driver found. Other cards are shown while the engine runs."),
        ("no_gpu", "NVIDIA's driver 580.82 is installed, but it sees no card."),
        ("failing", "NVIDIA's driver answers with an error: GPU is lost"),
        ("hanging", "NVIDIA's driver does not answer. A restart of the computer usually helps."),
    ],
)
def test_says_why_there_is_no_card(panel: LivePanel, state: GpuState, sentence: str) -> None:
    panel.show_snapshot(snapshot())
    panel.show_snapshot(snapshot(gpu=GpuReading(state, driver="580.82", native="GPU is lost")))
    assert sentence in shown(panel)
    assert "of 12.0 GB" not in shown(panel)
    assert "RAM 9.8 of 32.0 GB" in shown(panel)


def test_words_of_more_lines_have_their_height_before_anything_is_painted(
    panel: LivePanel, session: EngineSession
) -> None:
    panel.show_snapshot(snapshot(gpu=GpuReading("pending")))
    session.unloaded.emit()
    QApplication.processEvents()
    session.rested.emit(INFO)
    panel.show_snapshot(snapshot(gpu=GpuReading("no_driver")))
    wrapped = [made for made in panel.findChildren(QLabel) if made.isVisible() and made.wordWrap()]
    begun = [made.text()[:19] for made in wrapped if made.height() > 1.5 * made.fontMetrics().height()]
    assert begun == ["No NVIDIA driver fo", "It was not used for"]
    assert all(made.height() >= made.heightForWidth(made.width()) for made in wrapped)


def test_says_that_the_engine_sees_no_card_either(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot(gpu=GpuReading("no_driver"), cards=()))
    assert "No graphics card found: no NVIDIA driver, and the engine lists no other card." in shown(panel)


def test_a_card_that_only_the_engine_knows_is_shown_and_goes_with_the_engine(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot(gpu=GpuReading("no_driver"), cards=(RADEON,)))
    texts = shown(panel)
    assert {"VRAM · AMD RADEON RX 7800 XT", "3.0", "of 16.0 GB", "Stillroom 2.0 GB"} <= set(texts)
    assert {"GPU –", "– °C", "– W"} <= set(texts)
    assert not any(text.startswith("No ") and "driver" in text for text in texts)
    panel.show_snapshot(snapshot(gpu=GpuReading("no_driver")))
    assert "of 16.0 GB" not in shown(panel)
    assert "No NVIDIA driver found. Other cards are shown while the engine runs." in shown(panel)


def test_a_drivers_long_name_of_a_card_is_shortened_and_cuts_no_figure(panel: LivePanel) -> None:
    name = "AMD Radeon Graphics (RADV RAPHAEL_MENDOCINO) with a name that no panel has room for"
    card = GpuSample(0, name, GB, 2 * GB, 0, None, None, None)
    panel.show_snapshot(snapshot(gpu=GpuReading("no_driver"), cards=(card,)))
    QApplication.processEvents()
    scroll = panel.findChild(QScrollArea)
    assert scroll is not None
    assert scroll.widget().width() <= panel.width()


def test_a_card_beside_one_whose_driver_fails_does_not_hide_that(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot(gpu=GpuReading("failing", native="GPU is lost"), cards=(RADEON,)))
    texts = shown(panel)
    assert {"of 16.0 GB", "NVIDIA's driver answers with an error: GPU is lost"} <= set(texts)


def test_a_dash_stands_for_what_a_card_does_not_tell(panel: LivePanel) -> None:
    poor = GpuSample(0, "Old card", GB, 2 * GB, None, None, None, None)
    panel.show_snapshot(snapshot(gpu=GpuReading("ok", (poor,))))
    texts = shown(panel)
    assert {"of 2.0 GB", "GPU –", "– °C", "– W"} <= set(texts)
    untold = [label for label in panel.findChildren(QLabel) if label.isVisible() and label.text() == "– W"]
    assert [label.toolTip() for label in untold] == ["The card's driver does not tell this."]


def test_two_cards_have_a_section_each(panel: LivePanel) -> None:
    second = GpuSample(1, "Second", GB, 8 * GB, 0, 0, 35, 15.0)
    panel.show_snapshot(snapshot(gpu=GpuReading("ok", (CARD, second))))
    assert {"of 12.0 GB", "of 8.0 GB"} <= set(shown(panel))


def test_plots_come_after_the_first_paint_and_draw_the_limit(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot())
    generation, vram = drawn_plots(panel, 2)
    assert generation.draws >= 1
    assert vram.draws >= 1
    assert vram.limit == 12 * GB
    assert generation.limit is None


def test_a_plot_is_drawn_only_when_its_picture_changes(panel: LivePanel) -> None:
    flat = snapshot(generation=0.0)
    panel.show_snapshot(flat)
    generation, vram = drawn_plots(panel, 2)
    before = (generation.draws, vram.draws)
    for second in range(int(GROWTH_S) - 1):
        panel.show_snapshot(snapshot(generation=0.0, now_s=121.0 + second))
    assert (generation.draws, vram.draws) == before
    panel.show_snapshot(snapshot(generation=58.4, now_s=140.0))
    assert (generation.draws, vram.draws) == (before[0] + 1, before[1])


@pytest.mark.parametrize("generation", [0.0, 58.4])
def test_where_there_were_no_samples_a_plot_has_a_gap(panel: LivePanel, generation: float) -> None:
    whole = snapshot(generation=generation)
    panel.show_snapshot(whole)
    plot, vram = drawn_plots(panel, 2)
    assert plot.stretches == vram.stretches == [(-120.0, 0.0)]
    # The computer slept for 60 seconds.
    history = whole.history
    times_s = tuple(time_s if time_s <= 60 else time_s + 60 for time_s in history.times_s)
    panel.show_snapshot(
        dataclasses.replace(whole, at_s=180.0, history=dataclasses.replace(history, times_s=times_s))
    )
    assert plot.stretches == vram.stretches == [(-180.0, -120.0), (-59.0, 0.0)]


def test_nothing_is_drawn_while_hidden_and_all_of_it_afterwards(panel: LivePanel) -> None:
    panel.show_snapshot(snapshot())
    generation, _ = drawn_plots(panel, 2)
    panel.hide()
    before = generation.draws
    panel.show_snapshot(snapshot(rates=Rates("generation", 20.0, 20.0, 1.0, 0.3, 5, 10), generation=20.0))
    assert generation.draws == before
    panel.show()
    assert generation.draws == before + 1
    assert "20.0" in shown(panel)


def test_collapses_to_a_strip_that_opens_again(qtbot: QtBot, panel: LivePanel) -> None:
    toggle = panel.findChild(QPushButton)
    assert toggle is not None
    assert toggle.accessibleName() == "Collapse the live panel"
    with qtbot.waitSignals([panel.collapsed_changed, panel.watched_changed]):
        toggle.click()
    assert panel.collapsed
    assert panel.width() == COLLAPSED_WIDTH_PX
    assert shown(panel) == []
    assert toggle.accessibleName() == "Open the live panel"
    panel.show_snapshot(snapshot())
    toggle.click()
    assert panel.width() == WIDTH_PX
    assert "58.4" in shown(panel)


def test_gives_its_place_to_a_narrow_window_and_keeps_the_wish(qtbot: QtBot, panel: LivePanel) -> None:
    with qtbot.assertNotEmitted(panel.collapsed_changed):
        panel.set_narrow(True)
        assert panel.width() == COLLAPSED_WIDTH_PX
        panel.set_narrow(False)
        assert panel.width() == WIDTH_PX
    panel.set_collapsed(True)
    panel.set_narrow(True)
    panel.set_narrow(False)
    assert panel.collapsed
    panel.set_narrow(True)
    panel.set_collapsed(False)
    assert panel.width() == WIDTH_PX


def test_the_foot_follows_the_engine(panel: LivePanel, session: EngineSession) -> None:
    session.loading.emit("/models/r1.gguf", 0.43)
    assert {"Loading 43%", "models · r1"} <= set(shown(panel))
    session.loaded.emit(INFO)
    assert {"R1-Qwen-7B · Q4_K_M · CUDA", "29 of 29 layers on the GPU"} <= set(shown(panel))
    notice = "A graphics card is present and not used."
    on_cpu = msgspec.structs.replace(INFO, gpu_layers=0, backend="CPU", notices=[LoadNotice(notice)])
    session.loaded.emit(on_cpu)
    assert {"All 28 layers on the processor, 8 threads", notice} <= set(shown(panel))
    session.engine_died.emit(EngineError("It was ended.", "It comes back with the next message."))
    assert {"The engine stopped", "It was ended.\nIt comes back with the next message."} <= set(shown(panel))
    session.unloaded.emit()
    assert "No model loaded" in shown(panel)
    assert notice not in shown(panel)


def test_follows_the_theme(panel: LivePanel, theme: Theme) -> None:
    panel.show_snapshot(snapshot())
    generation, _ = drawn_plots(panel, 2)
    theme.choose("dark")
    assert generation.ground_colour == theme.colour("surface")
    assert generation.curve_colour == theme.colour("accent")
    theme.choose("light")


def test_the_context_is_that_of_the_chat_that_is_open(panel: LivePanel, session: EngineSession) -> None:
    chats = {"chat-1": ChatRate(2415, 16384, 12.5), "chat-2": ChatRate(100, 2048)}
    rates = Rates("generation", 58.4, 58.4, 1243.0, 0.31, 3412, 16384, replies=2, chats=chats)
    session.info = msgspec.structs.replace(INFO, context_tokens=4096)
    panel.follow(lambda: OpenChat("chat-1", 0, is_seen=True))
    panel.show_snapshot(snapshot(rates=rates))
    speed = "tok/s, 2 replies; this chat 12.5"
    assert {"2,415", "of 16,384 tokens", "58.4", speed} <= set(shown(panel))
    panel.follow(lambda: OpenChat("chat-2", 0, is_seen=True))
    assert {"100", "of 2,048 tokens, last reply", "tok/s, 2 replies"} <= set(shown(panel))
    panel.follow(lambda: OpenChat("chat-3", 77, is_seen=True))
    assert {"77", "of 4,096 tokens, last reply"} <= set(shown(panel))
    panel.follow(lambda: OpenChat("chat-4", None, is_seen=True))
    assert {"–", "of 4,096 tokens"} <= set(shown(panel))
    for other_page in (OpenChat("chat-3", 77, is_seen=False), None):
        panel.follow(lambda other_page=other_page: other_page)
        assert {"3,412", "of 16,384 tokens"} <= set(shown(panel))


def test_before_the_first_reply_of_a_start_the_context_is_one_figure_beside_each_page(
    panel: LivePanel, session: EngineSession
) -> None:
    session.info = msgspec.structs.replace(INFO, context_tokens=4096)
    panel.show_snapshot(snapshot(rates=Rates(context_limit=4096)))
    for is_seen in (True, False):
        panel.follow(lambda is_seen=is_seen: OpenChat("chat-1", 82, is_seen))
        assert {"82", "of 4,096 tokens, last reply"} <= set(shown(panel))


def test_the_last_reply_is_named_only_between_replies(panel: LivePanel) -> None:
    ended = Rates("idle", 0.0, 49.0, 500.0, 0.25, 149, 4096)
    panel.show_snapshot(snapshot(rates=ended))
    assert {"49.0", "tok/s, last reply", "149", "of 4,096 tokens, last reply"} <= set(shown(panel))
    reading = dataclasses.replace(ended, phase="prompt", prompt_tok_per_s=None, ttft_s=None, replies=1)
    panel.show_snapshot(snapshot(rates=reading))
    texts = shown(panel)
    assert {"–", "tok/s", "149", "of 4,096 tokens"} <= set(texts)
    assert not [text for text in texts if "last reply" in text]


def test_a_model_that_is_there_or_on_its_way_is_not_denied(panel: LivePanel, session: EngineSession) -> None:
    panel.show_snapshot(snapshot(rates=Rates()))
    assert "no model loaded" in shown(panel)
    session.reserve("benchmark")
    assert "nothing is loaded in this step" in shown(panel)
    session.loading_path = INFO.path
    panel.show_snapshot(snapshot(rates=Rates()))
    assert "a model is being loaded" in shown(panel)
    session.loading_path, session.info = "", INFO
    session.loaded.emit(INFO)
    assert {"0", "of 16,384 tokens"} <= set(shown(panel))
