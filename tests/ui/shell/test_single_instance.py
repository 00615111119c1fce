"""A second start hands its files to the first."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.ui.shell.single_instance import SingleInstance


def test_a_second_start_hands_over_its_files(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    assert first.claim()
    with qtbot.waitSignal(first.open_asked) as asked:
        assert not SingleInstance(tmp_path).claim([tmp_path / "a 模型.gguf"])
    assert asked.args == [[tmp_path / "a 模型.gguf"]]


def test_a_second_start_without_files_raises_the_window(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    assert first.claim()
    with qtbot.waitSignal(first.open_asked) as asked:
        assert not SingleInstance(tmp_path).claim()
    assert asked.args == [[]]


def test_another_data_folder_has_a_window_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    assert SingleInstance(tmp_path / "one").claim()
    assert SingleInstance(tmp_path / "other").claim()
