"""In Chinese the whole window speaks Chinese: what is left in Latin letters are names, units and keys."""

import errno
import os
import re
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.base.errors import StillroomError
from app.chat.prompting.answer_schema import EXAMPLE, problem_of
from app.ui.chat.behaviour.schema_dialog import SchemaDialog
from app.ui.chat.chat_tab import ChatTab
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import translated
from tests.support.bench_reports import make_report
from tests.support.waiting import until
from tests.support.window import ask, run_with_window, settle
from tests.support.window_texts import texts_of

LATIN = Path(__file__).parents[2] / "support" / "latin_words.txt"
CODE = re.compile(
    r"“stillroom [^”]*”|\{\{[^}]*\}\}|https?://\S+|[\w./\\-]*\.(?:gguf|json|py|txt|md|whl|jsonl|zip|pem|crt|cer|key|sqlite3)\b|/[\w./-]+"
    r"|owner/name|\b[A-Z]{1,2}\d[\w.]*\b|\bI?Q\d\w*|\bq\d_\d\b|\bf16\b|curl .*|<style>.*?</style>|<[^>]+>"
    r"|test\b|password|token|secret|key\b|Aa|prefixItems|items\b|webhook"
    r"|\bstillroom-\S+",
    re.DOTALL,
)
"""Texts that are typed or named as they are: commands, addresses, files, types of tensors, words of code."""
WORD = re.compile(r"[A-Za-z][A-Za-z0-9.]+")
ALLOWED = {
    word.casefold()
    for line in LATIN.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def foreign(text: str) -> list[str]:
    """The words of a text that are neither Chinese nor allowed."""
    words = WORD.findall(CODE.sub(" ", text.replace("&", "")))
    return [word for word in words if word.rstrip(".").casefold() not in ALLOWED]


WRITTEN = ("thing", "$ref", "patternProperties", "root", "nothing", "schema", "NaN")
"""Words of the schemas that are tried below."""


class Found:
    """English texts by where they stand."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.seen = 0

    def look_at(self, place: str, root: QWidget, written: tuple[str, ...] = ()) -> None:
        """Read a widget; `written` are texts of the user or of a model."""
        for kind, text in texts_of(root):
            self.note(f"{place}, {kind}", text, written)

    def told(self) -> str:
        return "\n".join(f"{place}: {text!r}" for text, place in self.texts.items())

    def note(self, place: str, text: str, written: tuple[str, ...] = ()) -> None:
        self.seen += 1
        left = text
        for known in written:
            left = left.replace(known, " ")
        if foreign(left):
            self.texts.setdefault(text, place)


def test_no_english_is_left_in_the_chinese_window(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        application.parts.settings.update(language="zh_CN")
        await until(lambda: application.window is not before, "the Chinese window")
        for run_id in ("a", "b"):
            application.parts.benchmarks.add(make_report(run_id, model="SmolLM2"))
        tab = await ask(application, "你好")
        [*_, reply] = tab.conversation.branch
        await settle(10)
        assert tab.chat is not None
        written = (reply.content.strip(), tab.chat.title, "你好", "Made-up", r"\boxed")
        window, dialogs, found = application.window, application.dialogs, Found()
        tab.composer.settings.setChecked(True)
        for page in ("chat", "code", "benchmark", "models"):
            content = window.show_page(page)
            await settle(15)
            if page != "chat":
                # A chat's text is the model's.
                found.look_at(page, content, written)
            if isinstance(content, ModelsTab):
                for key in ("starter", "r1-qwen-7b"):
                    content.select(key)
                    found.look_at("models", content.detail)
        assert isinstance(tab, ChatTab)
        for part in (tab.composer, tab.chats, tab.choices, tab.notice, tab.filter_notice):
            found.look_at("chat", part, written)
        for part in (window.picker, window.live_panel):
            found.look_at("window", part, (application.window.picker.text(),))
        settings = dialogs.make_settings()
        assert settings.pages
        for name, made in (
            ("settings", settings),
            ("load settings", dialogs.make_load_settings()),
            ("input filter", dialogs.make_filters()),
            ("audit log", dialogs.make_audit()),
            ("local API", dialogs.make_server()),
            ("prompts", tab.prompts.open_library()),
        ):
            await settle(10)
            found.look_at(name, made, written)
            made.done(0)
        palette = application.commands.open_palette()
        await until(lambda: palette.complete, "all commands")
        for command in palette.commands:
            found.note("palette", f"{command.title} {command.refusal}", written)
        palette.close()
        sheet = application.commands.open_shortcuts()
        found.look_at("shortcuts", sheet)
        sheet.close()
        assert not found.texts, found.told()
        assert found.seen > 1000

    run_with_window(scene)


def test_file_dialogs_and_what_is_wrong_are_said_in_chinese(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        application.parts.settings.update(language="zh_CN")
        await until(lambda: application.window is not before, "the Chinese window")
        window, found = application.window, Found()
        tab = window.show_page("chat")
        assert isinstance(tab, ChatTab)
        here = (str(Path.cwd()), "root")
        # The desktop of these tests speaks English, and so would its own dialogs.
        assert QCoreApplication.testAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
        for mode, accepts in (
            (QFileDialog.FileMode.ExistingFile, QFileDialog.AcceptMode.AcceptOpen),
            (QFileDialog.FileMode.Directory, QFileDialog.AcceptMode.AcceptOpen),
            (QFileDialog.FileMode.AnyFile, QFileDialog.AcceptMode.AcceptSave),
        ):
            files = QFileDialog(window)
            files.setFileMode(mode)
            files.setAcceptMode(accepts)
            files.setDirectory(str(home.parent))
            files.open()
            await settle(5)
            found.look_at("file dialog", files, (*here, str(home.parent), home.parent.name, "home"))
            files.close()
            files.deleteLater()
        dialog = SchemaDialog("", lambda work: work.close(), window)
        for schema in (
            "{",
            '{"a" 1}',
            '{"a": 1,}',
            "[1] 2",
            '"a\\q"',
            '{"type": "thing"}',
            '{"type": "object", "required": ["a"]}',
            '{"type": "array", "minItems": -1}',
            '{"patternProperties": {}}',
            '{"$ref": "#/nothing"}',
            "NaN",
        ):
            dialog.set_text(schema)
            assert re.search("[\u4e00-\u9fff]", dialog.verdict), schema
            found.note(
                "schema",
                dialog.verdict,
                ("thing", "a,", " a ", "$ref", "patternProperties", "root", "nothing"),
            )
        for answer in ("4", "{", '{"answer": "4"}', '{"answer": 4, "confidence": "high"}'):
            problem = problem_of(answer, EXAMPLE)
            assert problem is not None
            found.note("answer", translated(problem)[0], ("object", "string", "$.answer", "confidence"))
        for code in (errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EISDIR, errno.ECONNREFUSED):
            error = StillroomError("{name} could not be read: {reason}.", name="x", reason=os.strerror(code))
            found.note("system", translated(error)[0])
        assert not found.texts, found.told()

    run_with_window(scene)
