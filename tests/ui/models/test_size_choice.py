"""One file of any size: the slider says what to expect, marks what fits, and becomes a job."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QSlider
from pytestqt.qtbot import QtBot

from app.acquire.build_options import FileSize
from app.machine.advisor import AS_LOADED, Advisor, Use
from app.ui.base.theme import Theme
from app.ui.models.models_tab import ModelsTab
from app.ui.models.size_choice import SizeChoice
from app.ui.shell.window_application import WindowApplication
from models.catalogue.catalogue import CatalogueModel, catalogue
from models.memory.fit import GpuMemory, Memory
from models.quantisation.chosen_mixture import ChosenMixture, PlainType, SizeLoss, label_of
from models.quantisation.size_range import file_sizes
from models.system.units import byte_count
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen, seen_button, seen_words
from tests.support.window import run_with_window

GIB = 1 << 30
ANY = "One file of any size"
SIZE = "Size of the file"
RTX = GpuMemory("NVIDIA RTX 3060", 11 * GIB, 12 * GIB)


def model_of(key: str) -> CatalogueModel:
    return next(model for model in catalogue() if model.key == key)


@pytest.fixture
def choice(qtbot: QtBot, qapp: QApplication) -> SizeChoice:
    made = SizeChoice(Theme(qapp, "light"))
    made.resize(900, 200)
    qtbot.addWidget(made)
    return made


def advised(ram_gib: float, *gpus: GpuMemory) -> Advisor:
    return Advisor(catalogue(), Memory(int(ram_gib * GIB), gpus, ram_bytes_per_s=30e9))


def test_nothing_is_wanted_until_it_is_ticked_and_the_choice_stays(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-7b")
    choice.show_model(model, advised(64, RTX), AS_LOADED)
    assert choice.wanted.size_bytes == 0
    assert not all_seen(choice, QSlider)
    click(seen(choice, QCheckBox, ANY))
    slider = seen(choice, QSlider, SIZE)
    # It begins at the recommended type's size.
    assert 0 <= model.sizes_bytes["Q8_0"] - choice.wanted.size_bytes < 0.3e9 or choice.wanted.size_bytes < 6e9
    slider.setValue(3)
    wanted = choice.wanted.size_bytes
    assert wanted == file_sizes(model.shape)[3]
    choice.show_model(model, advised(60, RTX), AS_LOADED)
    assert choice.wanted.size_bytes == wanted
    choice.show_model(model_of("r1-qwen-14b"), advised(60, RTX), AS_LOADED)
    assert choice.wanted.size_bytes == 0


def test_what_fits_is_marked_and_said(choice: SizeChoice) -> None:
    for key, ram_gib, gpus, said in (
        ("r1-qwen-7b", 64, (RTX,), "Every size fits on the graphics card."),
        ("r1-qwen-14b", 64, (RTX,), "fit on the graphics card. Every size fits into memory."),
        ("r1-qwen-14b", 14, (), "fit into memory."),
        ("r1-qwen-7b", 64, (), "Every size fits into memory."),
        ("r1-llama-70b", 8, (), "No size of this model fits into the memory that is free now."),
    ):
        choice.show_model(model_of(key), advised(ram_gib, *gpus), AS_LOADED)
        choice.box.setChecked(True)
        choice.show()
        assert said in seen_words(choice), (key, seen_words(choice))


def test_beside_each_size_stand_speed_place_and_loss(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-14b")
    choice.show_model(model, advised(14), AS_LOADED)
    choice.box.setChecked(True)
    choice.show()
    slider = seen(choice, QSlider, SIZE)
    slider.setValue(slider.minimum())
    words = seen_words(choice)
    for part in ("3.0 bits a weight", "tok/s", "Runs on the processor", "Clearly worse: more than +8.1%"):
        assert part in words, words
    slider.setValue(slider.maximum())
    words = seen_words(choice)
    for part in ("8.5 bits a weight", "Too large", "As good as the original (about +0.04%)"):
        assert part in words, words
    for part in ("8.5 bits a weight", "Too large", "As good as the original"):
        assert part in slider.accessibleDescription()


def test_once_the_types_are_measured_the_loss_is_that_of_this_model(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-7b")
    sizes = file_sizes(model.shape)
    measured = ChosenMixture(
        asked_bytes=sizes[10],
        bytes=sizes[10],
        bits_per_weight=4.0,
        divergence=0.04,
        reason="",
        text="a text",
        plain=(PlainType(type="Q4_K_M", bytes=model.sizes_bytes["Q4_K_M"], divergence=0.03),),
        sizes=(SizeLoss(bytes=sizes[5], divergence=0.2), SizeLoss(bytes=sizes[15], divergence=0.02)),
    )
    choice.show_model(model, advised(64, RTX), AS_LOADED, measured)
    choice.box.setChecked(True)
    choice.show()
    slider = seen(choice, QSlider, SIZE)
    slider.setValue(10)
    of_type = f"Q4_K_M of {byte_count(model.sizes_bytes['Q4_K_M'])}: 0.030"
    assert f"Expected divergence 0.110 · {of_type}" in seen_words(choice)
    assert "Expected divergence 0.110" in slider.accessibleDescription()
    slider.setValue(30)
    assert f"Expected divergence 0.020 · {of_type}" in seen_words(choice)
    # Smaller than anything that was chosen: the published figures are all there is.
    slider.setValue(2)
    assert "Clearly worse" in seen_words(choice)
    choice.show_model(model, advised(64, RTX), AS_LOADED)
    assert "Expected divergence" not in seen_words(choice)


def test_the_largest_that_fits_is_one_size_for_each_cache(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-14b")
    advisor = advised(64, RTX)
    choice.show_model(model, advisor, Use(context_tokens=16384))
    choice.box.setChecked(True)
    choice.show()
    click(seen_button(choice, "Largest that fits here"))
    with_f16, with_q8_0 = advisor.fitting_sizes(model, Use(context_tokens=16384))
    assert 0 < with_f16 < with_q8_0
    assert choice.wanted == FileSize(with_f16, with_q8_0, fits=True)
    assert f"With a KV cache in q8_0; with one in f16 it is {byte_count(with_f16)}." in seen_words(choice)
    assert byte_count(with_q8_0) in seen_words(choice)
    assert "layers on GPU" not in seen_words(choice)
    # It follows what is free, until the slider is moved.
    more = advised(64, GpuMemory("NVIDIA RTX 4060 Ti", 13 * GIB, 16 * GIB))
    choice.show_model(model, more, Use(context_tokens=16384))
    assert choice.wanted == FileSize(*more.fitting_sizes(model, Use(context_tokens=16384)), fits=True)
    slider = seen(choice, QSlider, SIZE)
    slider.setValue(slider.value() - 1)
    assert choice.wanted == FileSize(file_sizes(model.shape)[slider.value()])
    assert "KV cache" not in seen_words(choice)


def test_a_chosen_cache_is_no_question(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-14b")
    choice.show_model(model, advised(64, RTX), Use(context_tokens=16384, kv_type="f16"))
    choice.box.setChecked(True)
    choice.show()
    click(seen_button(choice, "Largest that fits here"))
    assert choice.wanted.size_bytes > 0
    assert choice.wanted.small_cache_bytes == 0


def test_arrows_go_a_tenth_of_a_bit_and_pages_half_a_bit(choice: SizeChoice) -> None:
    model = model_of("r1-qwen-7b")
    sizes = file_sizes(model.shape)
    choice.show_model(model, advised(64, RTX), AS_LOADED)
    choice.box.setChecked(True)
    choice.show()
    slider = seen(choice, QSlider, SIZE)
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert choice.wanted.size_bytes == sizes[0]
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert choice.wanted.size_bytes == sizes[1]
    QTest.keyClick(slider, Qt.Key.Key_PageUp)
    assert choice.wanted.size_bytes == sizes[6]
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert choice.wanted.size_bytes == sizes[-1]


def test_a_chosen_size_becomes_a_job_beside_the_types(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    async def scene(application: WindowApplication) -> None:
        application.parts.settings.update(first_run_over=True)
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.select("r1-qwen-1.5b")
        await until(lambda: bool(all_seen(tab.detail, QCheckBox, ANY)), "the types")
        click(seen(tab.detail, QCheckBox, ANY))
        slider = seen(tab.detail, QSlider, SIZE)
        slider.setValue(12)
        size = file_sizes(model_of("r1-qwen-1.5b").shape)[12]
        click(seen_button(tab.detail, f"Get one of {byte_count(size)} · 3.6 GB to download"))
        await until(lambda: bool(application.parts.jobs.jobs()), "the job")
        [job] = application.parts.jobs.jobs()
        assert job.types == (label_of(size),)
        await until(lambda: not all_seen(tab.detail, QSlider), "the choice to be taken back")

    run_with_window(scene)
