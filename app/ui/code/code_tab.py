"""The Code tab: an editor beside a conversation about what is in it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QMenu, QSplitter, QVBoxLayout, QWidget

from app.code.ask import Excerpt, Task, whole_lines
from app.code.kept_conversation import ConversationFile
from app.code.languages import PLAIN_TEXT, Language, language_named
from app.code.placing import Placement, moved, placement_for, places_for
from app.code.sandbox.run import Sandbox
from app.code.text_file import ChangedOnDiskError
from app.ui.code.changes.code_placement import Offer
from app.ui.code.code_dialogs import CodeDialogs
from app.ui.code.code_fixer import CodeFixer
from app.ui.code.conversation.code_block_row import BlockRow, CodeUse
from app.ui.code.conversation.code_conversation import CodeConversation, EditorAccess
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.code.files.code_editor_card import CodeEditorCard
from app.ui.code.running.code_run_card import CodeRunCard
from app.ui.code.running.code_run_words import ending_sentence
from app.ui.code.running.code_runner import CodeRunner
from app.ui.widgets.ui_context import UiContext

PAGE_MARGIN_PX = 28


class CodeTab(QWidget):
    """Editor, file and conversation together. GUI thread only.

    What the last run left in the editor comes back by itself, so it needs the window's event loop from the
    start; `close_tab` keeps what is there for the next run.
    """

    saved_as = Signal(object)
    """The path of a file that the text was written to for the first time."""

    def __init__(
        self,
        ui: UiContext,
        folder: Path,
        sandbox: Sandbox,
        answering: Callable[[], str] = lambda: "",
        parent: QWidget | None = None,
    ) -> None:
        """What is to be kept lies in `folder`. `answering` gives the title of the chat whose reply is coming
        in, empty where there is none."""
        super().__init__(parent)
        self._bridge = bridge = ui.bridge
        theme, inform = ui.theme, ui.notices.inform
        self._dialogs = CodeDialogs(self)
        self.card = CodeEditorCard(bridge, theme, folder / "code-draft.json")
        self.editor = self.card.editor
        self.document = self.card.document
        self.conversation = CodeConversation(
            ui,
            EditorAccess(self.excerpt, self._select),
            ConversationFile(folder / "code-conversation.json"),
            answering,
        )
        self.runner = CodeRunner(sandbox, bridge, self)
        self.run_card = CodeRunCard(
            self.runner,
            theme,
            self._program,
            folder / "code-tests.json",
        )
        self.fixer = CodeFixer(self.conversation, self.runner, self.run_card, self)
        self._begun: list[CodeRunner | CodeConversation] = []
        """What runs, the newest last."""
        self._lay_out()
        self._make_menu()
        self._stop_key = QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._stop)
        self._stop_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._stop_key.setEnabled(False)
        self.conversation.running_changed.connect(self._on_running_changed)
        self.runner.running_changed.connect(self._on_running_changed)
        self.fixer.running_changed.connect(self._on_running_changed)
        self.run_card.run_button.clicked.connect(lambda: bridge.start(self.run_card.run()))
        self.run_card.test_button.clicked.connect(lambda: bridge.start(self.run_card.test()))
        self.run_card.failed_at.connect(self.card.mark_failure)
        self.run_card.fix_requested.connect(lambda: bridge.start(self._fix()))
        self.conversation.code_used.connect(lambda use: bridge.start(self.use(use)))
        self.conversation.answered.connect(self._on_answered)
        self.conversation.left.connect(self.editor.setFocus)
        self.run_card.left.connect(self.editor.setFocus)
        self.card.subject_changed.connect(self.conversation.count_soon)
        self.card.open_button.clicked.connect(lambda: self._bridge.start(self._open()))
        self.card.save_button.clicked.connect(lambda: self._bridge.start(self.save()))
        self.document.changed.connect(self._on_document_changed)
        self.document.noticed.connect(inform)
        self.conversation.memory.noticed.connect(inform)
        self.editor.file_dropped.connect(lambda path: self._bridge.start(self.open_file(Path(path))))
        self.setFocusProxy(self.editor)
        self._inform = inform
        self._restored = bridge.start(self.document.restore())
        bridge.start(self.run_card.tests_document.restore())
        self._remembering = bridge.start(self.conversation.memory.restore())
        self._on_document_changed()

    def close_tab(self) -> Callable[[], None]:
        """Stop what runs, and keep what is not saved for the next run; call it before the window goes. What
        is given waits until it is on the disk, on another thread."""
        self.fixer.stop()
        self.runner.stop()
        self._remembering.cancel()
        self.card.close_card()
        kept = (
            self.run_card.tests_document.close(),
            self.conversation.close_conversation(),
            self.document.close(),
        )

        def wait() -> None:
            for each in kept:
                each()

        return wait

    def take_code(self, code: str, language_word: str) -> None:
        """Show code from elsewhere, such as a chat's reply, as a new text."""
        self._bridge.start(self._take_code(code, language_named(language_word) or PLAIN_TEXT))

    def excerpt(self) -> Excerpt:
        """Return the excerpt that a question is about now."""
        start, end = self.editor.selected_range()
        return Excerpt(self.document.name, self.editor.language, self.editor.text(), start, end)

    async def use(self, use: CodeUse) -> None:
        """Do with code of a reply what was asked for: show it as changes, run it, or take it as tests."""
        match use.way:
            case "tests":
                self.run_card.take_tests(use.code, use.language)
            case "run":
                await self._try_out(use)
            case way:
                self.propose(use.code, use.excerpt, way)

    def propose(self, code: str, excerpt: Excerpt, placement: Placement) -> None:
        """Show code as changes of the text: in place of an excerpt (the whole text where nothing is selected
        in it), or inserted at the cursor; elsewhere where it would be there twice."""
        place = self.excerpt() if placement == "insert" else moved(excerpt, self.excerpt())
        # Whoever inserts has chosen the place.
        if not self.card.offer(_offer(place, code, placement, fits=placement == "replace")):
            self._inform(self.tr("The text reads like that already."))

    async def _try_out(self, use: CodeUse) -> None:
        if not self.run_card.tests.text().strip():
            result = await self.run_card.run_code(use.code, use.language)
            if result is not None:
                use.row.show_outcome(ending_sentence(result, self.runner.limits), ok=result.ok)
            return
        # Tests are for the whole program: the code is tried in its place.
        place = _whole_where_none(moved(use.excerpt, self.excerpt()))
        program = places_for(place, use.code, "replace").fitting.text
        tested = await self.run_card.test_code(program, use.language)
        if tested is not None:
            use.row.show_outcome(tested[1], ok=tested[0].ok)

    async def _fix(self) -> None:
        self.card.guess_language_now()
        before = whole_lines(replace(self.excerpt(), start=0, end=0))
        fixed = await self.fixer.fix(before)
        if fixed is not None and self.editor.text() == before.text:
            self.card.offer(_offer(before, fixed, "replace"))

    def _on_answered(self, exchange: CodeExchange, task: Task) -> None:
        """Show what changes the text at once, unless it was changed meanwhile; tests go to where none are."""
        if not exchange.rows:
            return
        row = exchange.rows[0]
        if task == "tests" and not self.run_card.tests.text().strip():
            self.run_card.take_tests(row.block.code, row.language)
        elif task in ("complete", "refactor", "fix") and self.editor.text() == exchange.excerpt.text:
            placement = placement_for(task, exchange.excerpt)
            self.card.offer(_offer(exchange.excerpt, row.block.code, placement))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Coming to this tab means coming to the editor."""
        super().showEvent(event)
        focus = self.window().focusWidget()
        if focus is None or not self.isAncestorOf(focus):
            self.editor.setFocus()

    async def open_file(self, path: Path) -> None:
        """Open a file, after asking about unsaved text. Raises `TextFileError`."""
        await asyncio.wait([self._restored])
        if await self._may_go():
            await self.document.open(path)
            self.editor.setFocus()

    async def save(self) -> bool:
        """Save, asking for a name or about a conflict where needed; False when the user cancels."""
        path = self.document.path
        if path is None:
            return await self._save_as()
        try:
            await self.document.save()
        except ChangedOnDiskError:
            match await self._dialogs.ask_about_conflict(path.name, can_reload=path.exists()):
                case "save_as":
                    return await self._save_as()
                case "overwrite":
                    await self.document.save(overwrite=True)
                case "reload":
                    await self.document.open(path)
                case "cancel":
                    return False
        return True

    async def _new(self) -> None:
        if await self._may_go():
            self.document.new()
            self.editor.setFocus()

    async def _open(self) -> None:
        path = await self._dialogs.pick_file_to_open(self._folder())
        if path is not None:
            await self.open_file(path)

    async def _save_as(self) -> bool:
        suffix = self.editor.language.suffixes[0]
        name = self.document.name or (f"untitled{suffix}" if suffix.startswith(".") else suffix)
        path = await self._dialogs.pick_file_to_save(self._folder(), name)
        if path is None:
            return False
        # The dialog has asked before it gave the name of a file that exists.
        await self.document.save(path, overwrite=True)
        self.saved_as.emit(path)
        return True

    async def _reload(self) -> None:
        path = self.document.path
        if path is None:
            return
        if not self.document.modified or await self._dialogs.ask_about_reload(path.name):
            await self.document.open(path)

    async def _take_code(self, code: str, language: Language) -> None:
        await asyncio.wait([self._restored])
        if await self._may_go():
            self.document.take(code, language)
            self.editor.setFocus()

    async def _may_go(self) -> bool:
        """Tell whether the present text may be replaced: it is saved, or empty, or the user agrees."""
        if not self.document.modified or not self.editor.text().strip():
            return True
        match await self._dialogs.ask_about_unsaved(self.document.name):
            case "save":
                return await self.save()
            case "discard":
                return True
            case "cancel":
                return False

    async def _go_to_line(self) -> None:
        present = self.editor.textCursor().blockNumber() + 1
        line = await self._dialogs.ask_for_line(present, self.editor.blockCount())
        if line is not None:
            self.editor.go_to(line)

    def _program(self) -> tuple[str, str]:
        """Return the program that Run runs, and its language's key."""
        self.card.guess_language_now()
        return self.editor.text(), self.editor.language.key

    def _stop(self) -> None:
        """Stop what was started last."""
        if self.fixer.running:
            self.fixer.stop()
            self.runner.stop()
            self.conversation.stop()
        elif self._begun:
            self._begun[-1].stop()

    def _fix_by_key(self) -> None:
        if self.run_card.problem:
            self.run_card.fix_button.click()

    def _show_tests(self) -> None:
        self.run_card.show_page("tests")
        self.run_card.tests.setFocus()

    def _on_running_changed(self, _running: bool) -> None:
        for part in (self.runner, self.conversation):
            if not part.running and part in self._begun:
                self._begun.remove(part)
            elif part.running and part not in self._begun:
                self._begun.append(part)
        busy = bool(self._begun) or self.fixer.running
        self._stop_key.setEnabled(busy)
        self.run_card.fix_button.setEnabled(not busy)

    def _folder(self) -> Path | None:
        return self.document.path.parent if self.document.path else None

    def _select(self, start: int, end: int) -> None:
        self.editor.setTextCursor(self.editor.cursor_for(start, end))

    def _use_last(self, click: Callable[[BlockRow], None]) -> None:
        rows = [row for exchange in self.conversation.exchanges for row in exchange.rows]
        if rows:
            click(rows[-1])

    def _on_document_changed(self) -> None:
        self._save_action.setEnabled(self.document.modified or self.document.path is None)
        self._reload_action.setEnabled(self.document.path is not None)

    def _lay_out(self) -> None:
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setHandleWidth(16)
        parts.setChildrenCollapsible(False)
        self.card.setMinimumWidth(300)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setHandleWidth(12)
        left.setChildrenCollapsible(False)
        left.addWidget(self.card)
        left.addWidget(self.run_card)
        left.setStretchFactor(0, 3)
        left.setStretchFactor(1, 1)
        left.setSizes([560, 230])
        parts.addWidget(left)
        parts.addWidget(self.conversation)
        parts.setStretchFactor(0, 2)
        parts.setStretchFactor(1, 1)
        parts.setSizes([640, 410])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(PAGE_MARGIN_PX, 14, PAGE_MARGIN_PX, 16)
        layout.addWidget(parts)

    def _make_menu(self) -> None:
        menu = QMenu(self)
        find = self.card.find_bar

        def job(make: Callable[[], Coroutine[Any, Any, object]]) -> Callable[[], None]:
            def start() -> None:
                self._bridge.start(make())

            return start

        def add(text: str, keys: str, slot: Callable[[], None]) -> QAction:
            action = QAction(text, self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _checked=False: slot())
            menu.addAction(action)
            self.addAction(action)
            return action

        add(self.tr("New text"), "Ctrl+N", job(self._new))
        add(self.tr("Open…"), "Ctrl+O", job(self._open))
        self._save_action = add(self.tr("Save"), "Ctrl+S", job(self.save))
        add(self.tr("Save as…"), "Ctrl+Shift+S", job(self._save_as))
        self._reload_action = add(self.tr("Reload from disk"), "", job(self._reload))
        menu.addSeparator()
        add(self.tr("Find…"), "Ctrl+F", find.open_find)
        add(self.tr("Replace…"), "Ctrl+H", find.open_replace)
        add(self.tr("Find next"), "F3", find.find_next)
        add(self.tr("Find previous"), "Shift+F3", find.find_previous)
        add(self.tr("Go to line…"), "Ctrl+G", job(self._go_to_line))
        add(self.tr("Go to the error"), "F8", self.card.go_to_error)
        menu.addSeparator()
        add(self.tr("Run the program"), "F5", self.run_card.run_button.click)
        add(self.tr("Run the tests"), "Shift+F5", self.run_card.test_button.click)
        add(self.tr("Fix what failed"), "F9", self._fix_by_key)
        add(self.tr("Write tests"), "Alt+T", lambda: self._show_tests())
        menu.addSeparator()
        newest = self._use_last
        add(self.tr("Insert the newest code"), "Ctrl+Shift+I", lambda: newest(lambda row: row.insert.click()))
        add(
            self.tr("Show the newest code as changes"),
            "Ctrl+Shift+R",
            lambda: newest(lambda row: row.replace.click()),
        )
        add(self.tr("Run the newest code"), "Ctrl+F5", lambda: newest(lambda row: row.run.click()))
        add(self.tr("Ask in your own words"), "Ctrl+L", self.conversation.field.setFocus)
        add(self.tr("Back to the editor"), "F6", self.editor.setFocus)
        self.card.more_button.setMenu(menu)


def _whole_where_none(excerpt: Excerpt) -> Excerpt:
    """Return the excerpt, or the whole text where nothing is selected in it."""
    return excerpt if excerpt.start != excerpt.end else whole_lines(excerpt)


def _offer(excerpt: Excerpt, code: str, placement: Placement, *, fits: bool = True) -> Offer:
    if placement == "insert":
        return Offer(places_for(excerpt, code, placement), "cursor", fits)
    place = _whole_where_none(excerpt)
    is_whole = (place.start, place.end) == (0, len(place.text))
    return Offer(places_for(place, code, placement), "text" if is_whole else "selection", fits)
