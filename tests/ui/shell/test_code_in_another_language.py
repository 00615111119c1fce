"""The texts of the Code page stand in the window that another language makes, as if nothing had happened."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.code.code_tab import CodeTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, told

TEXT = "nobody_saved = True\n"
BACK = {"en": "The unsaved text of the Code tab is back.", "zh_CN": "“代码”页中未保存的文本已恢复。"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def code_tab(application: WindowApplication) -> CodeTab:
    tab = application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    await until(tab.files.restored.is_set, "what the last run left")
    return tab


def test_they_are_told_of_after_a_start_and_not_after_another_language(qapp: QApplication) -> None:
    async def write(application: WindowApplication) -> None:
        tab = await code_tab(application)
        tab.editor.insertPlainText(TEXT)

    async def see(application: WindowApplication) -> None:
        tab = await code_tab(application)
        await until(lambda: BACK["en"] in told(application), "the notice")
        for language in ("zh_CN", "en"):
            before = application.window
            application.parts.settings.update(language=language)
            await until(lambda before=before: application.window is not before, "the window in this language")
            tab = await code_tab(application)
            await until(lambda tab=tab: tab.editor.text() == TEXT, "the text")
            assert BACK[language] not in told(application)

    run_with_window(write)
    run_with_window(see)
