"""The page of the audit log: what is in it, found by typing, and checked by a button."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import qasync
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.audit.entries import AuditTrail
from app.audit.folder import AuditFolder
from app.audit.gate import Gate
from app.audit.log import AuditLog
from app.audit.reading import BRIEF_CHARACTERS
from app.filters.filter_file import FilterFile
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.settings.audit_dialog import AuditDialog
from app.ui.settings.audit_lines import KIND, MODEL, NUMBER, OUTCOME, SOURCE
from tests.support.waiting import wait_until


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    made = AuditLog(tmp_path / "audit", 1 << 20)
    model = {"name": "SmolLM2", "quantisation": "Q4_1"}
    made.add("request", {"source": "chat", "model": model, "filter": [], "content": "the lighthouse"})
    made.add("reply", {"source": "chat", "outcome": "stop", "prompt_tokens": 5, "completion_tokens": 7})
    made.add(
        "request",
        {
            "source": "api",
            "model": {"name": "a\u202eb"},
            "outcome": "blocked",
            "filter": [{"rule": "Private key", "action": "block", "count": 1}],
        },
    )
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "settings.json")


@pytest.fixture
def dialog(
    qtbot: QtBot,
    qapp: QApplication,
    loop: qasync.QEventLoop,
    log: AuditLog,
    settings: SettingsFile,
    tmp_path: Path,
) -> AuditDialog:
    Theme(qapp, "light")
    gate = Gate(FilterFile(tmp_path / "f.json"), AuditTrail(log, settings, lambda path: ""))
    made = AuditDialog(gate, settings, Bridge(lambda error: None))
    qtbot.addWidget(made)
    made.show()
    wait_until(lambda: made.lines.rowCount() == 3)
    return made


def cells(dialog: AuditDialog, column: int) -> list[str]:
    proxy = dialog.table.proxy
    return [str(proxy.index(row, column).data()) for row in range(proxy.rowCount())]


def test_the_newest_line_is_on_top_in_words(dialog: AuditDialog) -> None:
    assert cells(dialog, NUMBER) == ["3", "2", "1"]
    assert cells(dialog, KIND) == ["Request", "Reply", "Request"]
    assert cells(dialog, SOURCE) == ["API", "Chat", "Chat"]
    assert cells(dialog, OUTCOME) == ["blocked, block: Private key", "stop", ""]
    assert cells(dialog, MODEL) == ["a⟨U+202E⟩b", "", "SmolLM2 · Q4_1"]


def test_typing_searches_in_everything_also_in_the_texts(dialog: AuditDialog) -> None:
    dialog.table.field.setText("lightHOUSE")
    assert cells(dialog, NUMBER) == ["1"]
    dialog.table.view.selectRow(0)
    assert '"content": "the lighthouse"' in dialog.detail.toPlainText()


def test_verify_says_what_it_found(dialog: AuditDialog, loop: qasync.QEventLoop, log: AuditLog) -> None:
    dialog.verify_button.click()
    wait_until(lambda: "are complete and unchanged" in dialog.said.text())
    assert "Hash of the last line: " in dialog.said.text()
    [path] = AuditFolder(log.path).files()
    path.write_bytes(path.read_bytes().replace(b"lighthouse", b"lightHouse"))
    dialog.verify_button.click()
    wait_until(lambda: "was changed after it was written" in dialog.said.text())
    assert "line 1, or what line 2 says of it, was changed" in dialog.said.text()


def test_the_switches_are_the_settings(dialog: AuditDialog, settings: SettingsFile) -> None:
    assert not settings.values.audit
    assert not dialog.content.isEnabled()
    dialog.on.setChecked(True)
    dialog.content.setChecked(True)
    dialog.limit.setValue(5)
    assert settings.values.audit
    assert settings.values.audit_content
    assert settings.values.audit_limit_mb == 5


def test_a_long_request_of_a_client_is_shown_in_part(dialog: AuditDialog, log: AuditLog) -> None:
    texts = ["the lantern " * 500_000, *["more"] * 100_000]
    log.add("request", {"source": "api", "content": texts, "outcome": "blocked", "filter": []})
    log.flush()
    dialog.refresh()
    wait_until(lambda: dialog.lines.rowCount() == 4)
    assert cells(dialog, OUTCOME)[0] == "blocked"
    dialog.table.field.setText("lantern")
    assert cells(dialog, NUMBER) == ["4"]
    dialog.table.view.selectRow(0)
    shown = dialog.detail.toPlainText()
    assert len(shown) < 2 * BRIEF_CHARACTERS
    left_out = len(texts[0]) - BRIEF_CHARACTERS + 4 * 100_000
    assert f"{left_out:,} more characters; “stillroom audit show --json” shows them, too." in shown
