"""The Code tab: an editor beside a conversation about what is in it."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QAction,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QMenu, QPushButton, QSplitter, QVBoxLayout, QWidget

from app.base.errors import StillroomError
from app.code.ask import Excerpt, Task, whole_lines
from app.code.changes.placing import Placement, moved, placement_for, places_for
from app.code.kept_conversation import ConversationFile
from app.code.languages import PLAIN_TEXT, language_named
from app.code.open_texts import TextsFolder
from app.code.sandbox.run import Sandbox
from app.ui.base import shortcuts
from app.ui.base.add_action import Action, allow, command_of_button
from app.ui.base.slices import Stepped
from app.ui.code.changes.code_placement import Offer
from app.ui.code.code_fixer import CodeFixer
from app.ui.code.conversation.code_block_row import BlockRow, CodeUse
from app.ui.code.conversation.code_conversation import CodeConversation, EditorAccess
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.code.editor.code_document import CodeDocument
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.editor.inline_completion import CompletionSwitch
from app.ui.code.files.change_sets import ChangeSets
from app.ui.code.files.code_dialogs import CodeDialogs
from app.ui.code.files.code_editor_card import CodeEditorCard
from app.ui.code.files.file_actions import FileActions
from app.ui.code.files.folder_panel import FolderPanel
from app.ui.code.files.folder_place import FolderPlace
from app.ui.code.files.named_files import NamedFiles
from app.ui.code.files.open_file import OpenFile
from app.ui.code.files.open_files import OpenFiles
from app.ui.code.running.code_run_card import CodeRunCard
from app.ui.code.running.code_run_words import ending_sentence
from app.ui.code.running.code_runner import CodeRunner
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.dropped import dropped_without_models
from app.ui.widgets.inline_notices import InlineNotices, NoticeText
from app.ui.widgets.notices import NoticePlace
from app.ui.widgets.ui_context import UiContext

PAGE_MARGIN_PX = 28


class CodeTab(QWidget, Stepped):
    """Open files and conversation together. GUI thread only.

    What the last run left in the editor comes back by itself, so it needs the window's event loop from the
    start; `close_tab` keeps what is there for the next run.
    """

    def __init__(
        self,
        ui: UiContext,
        folder: Path,
        sandbox: Sandbox,
        answering: Callable[[], str] = lambda: "",
        parent: QWidget | None = None,
        *,
        lines: InlineNotices | None = None,
        tells_of_texts: bool = True,
        in_steps: bool = False,
    ) -> None:
        """What is to be kept lies in `folder`. `answering` gives the title of the chat whose reply is coming
        in, empty where there is none. `lines` say above the editor what belongs to the file in front.
        `tells_of_texts` it says that unsaved ones are back.
        `in_steps` it is made by `making`."""
        super().__init__(parent)
        self._ui = ui
        self._lines = lines
        self._tells_of_texts = tells_of_texts
        self._bridge = ui.bridge
        self._inform = ui.notices.inform
        self.runner = CodeRunner(sandbox, ui.bridge, self)
        self._begin_making(self._make(folder, answering), in_steps=in_steps)

    def _make(self, folder: Path, answering: Callable[[], str]) -> Iterator[None]:
        ui, bridge, inform = self._ui, self._bridge, self._inform
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        columns = self._make_columns()
        left = _splitter(Qt.Orientation.Vertical, 12, columns)
        self.files = OpenFiles(ui, TextsFolder(folder), self.runner, left)
        yield from self.files.make_first()
        yield
        self._fill_left(left)
        self.folder = FolderPanel(ui, self.files)
        self.actions_on_files = FileActions(self.files, self.folder, CodeDialogs(self), self)
        self.actions_on_files.saved_as.connect(
            lambda path: ui.notices.tell_of_file(
                self.tr("The text is in {path}.").format(path=str(path)), path
            )
        )
        named = NamedFiles(self.files, self.folder)
        self.changes = ChangeSets(ui, self.files, named, self.actions_on_files, self)
        yield
        self.conversation = CodeConversation(
            ui,
            EditorAccess(self.excerpt, self._select, named),
            ConversationFile(folder / "code-conversation.json"),
            answering,
            columns,
        )
        yield
        self._fill_columns(columns, left)
        self.fixer = CodeFixer(self.conversation, self.runner, self)
        self._begun: list[CodeRunner | CodeConversation] = []
        """What runs, the newest last."""
        self.folder_place = FolderPlace(self.folder, self, columns, self.files, self.actions_on_files, ui)
        self._make_menu()
        self._stop_key = QShortcut(QKeySequence(shortcuts.STOP), self, self._stop)
        self._stop_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._stop_key.setEnabled(False)
        for part in (self.conversation, self.runner, self.fixer):
            part.running_changed.connect(self._on_running_changed)
        self.conversation.code_used.connect(lambda use: bridge.start(self.use(use)))
        self.conversation.files_used.connect(lambda blocks: bridge.start(self.changes.propose(blocks)))
        self.conversation.answered.connect(self._on_answered)
        self.conversation.left.connect(self._go_to_editor)
        self.conversation.memory.noticed.connect(self._leave)
        files, actions = self.files, self.actions_on_files
        files.open_button.clicked.connect(lambda: bridge.start(self._ask_and_open()))
        files.save_button.clicked.connect(lambda: bridge.start(self.save()))
        files.made.connect(self._connect)
        self._connect(files.current)
        files.noticed.connect(inform)
        files.changed.connect(self._on_document_changed)
        files.current_changed.connect(self._on_current_changed)
        files.close_wanted.connect(lambda file: bridge.start(actions.close(file)))
        DropVeil(
            self,
            self.tr("Open in the editor"),
            dropped_without_models,
            lambda paths: bridge.start(self._open_all(paths)),
        )
        self.restoring = bridge.start(self._restore())
        """Ends when the files and the folder of the last run are back."""
        self._remembering = bridge.start(self.conversation.memory.restore())
        self._on_current_changed()
        self._on_document_changed()

    @property
    def card(self) -> CodeEditorCard:
        """What is seen of the file in front."""
        return self.files.current.card

    @property
    def editor(self) -> CodeEditor:
        """The editor of the file in front."""
        return self.files.current.editor

    @property
    def document(self) -> CodeDocument:
        """The file in front."""
        return self.files.current.document

    @property
    def run_card(self) -> CodeRunCard:
        """The runs of the file in front."""
        return self.files.current.run_card

    @property
    def parts(self) -> list[tuple[QWidget, QWidget | None]]:
        """As in `HasParts`."""
        asking, card = self.conversation, self.card
        return [
            *([(self._lines, None)] if self._lines is not None else []),
            (self.folder, None),
            (self.files, card.proposal_view if card.proposing else self.editor),
            (self.files.runs, None),
            (asking.history, asking.history),
            (asking, asking.field),
        ]

    def close_tab(self) -> Callable[[], None]:
        """Stop what runs, and keep what is not saved for the next run; call it before the window goes. What
        is given waits until it is on the disk, on another thread."""
        self.finish_making()
        self.fixer.stop()
        self.runner.stop()
        self._remembering.cancel()
        self.restoring.cancel()
        self.folder.close_panel()
        kept = (self.conversation.close_conversation(), self.files.close_files())

        def wait() -> None:
            for each in kept:
                each()

        return wait

    def take_code(self, code: str, language_word: str) -> None:
        """Show code from elsewhere, such as a chat's reply, as a new text."""
        language = language_named(language_word) or PLAIN_TEXT
        self._bridge.start(self.actions_on_files.take(code, language))

    def excerpt(self) -> Excerpt:
        """Return the excerpt that a question is about now."""
        return self.files.current.excerpt()

    async def open_file(self, path: Path) -> None:
        """Open a file. Raises `TextFileError`."""
        await self.actions_on_files.open(path)

    async def save(self) -> bool:
        """Save the file in front, asking where needed; False when the user cancels."""
        return await self.actions_on_files.save(self.files.current)

    async def use(self, use: CodeUse) -> None:
        """Do with code of a reply what was asked for: show it as changes, run it, or take it as tests."""
        file = await self._file_of(use.excerpt)
        name = use.row.block.file_name
        if use.way == "replace" and self.changes.is_elsewhere(name, file):
            await self.changes.propose({name: [use.row.block]})
            return
        if use.way != "insert":
            self.files.show_file(file)
        match use.way:
            case "tests":
                file.run_card.take_tests(use.code, use.language)
            case "run":
                await self._try_out(file, use)
            case way:
                self.propose(use.code, use.excerpt, way)

    def propose(self, code: str, excerpt: Excerpt, placement: Placement) -> None:
        """Show code as changes of the text: in place of an excerpt (the whole text where nothing is selected
        in it), or inserted at the cursor; elsewhere where it would be there twice."""
        file = self.files.current
        place = file.excerpt() if placement == "insert" else moved(excerpt, file.excerpt())
        # Whoever inserts has chosen the place.
        if not file.card.offer(_offer(place, code, placement, fits=placement == "replace")):
            self._inform(self.tr("The text reads like that already."))

    async def _try_out(self, file: OpenFile, use: CodeUse) -> None:
        card = file.run_card
        if not card.tests.text().strip():
            result = await card.run_code(use.code, use.language)
            if result is not None:
                use.row.show_outcome(ending_sentence(result, self.runner.limits), ok=result.ok)
            return
        # Tests are for the whole program: the code is tried in its place.
        place = _whole_where_none(moved(use.excerpt, file.excerpt()))
        tested = await card.test_code(places_for(place, use.code, "replace").fitting.text, use.language)
        if tested is not None:
            use.row.show_outcome(tested[1], ok=tested[0].ok)

    async def _fix(self, file: OpenFile) -> None:
        file.card.guess_language_now()
        before = whole_lines(replace(file.excerpt(), start=0, end=0))
        fixed = await self.fixer.fix(before, file.run_card)
        if fixed is not None and file in self.files.files and file.editor.text() == before.text:
            file.card.offer(_offer(before, fixed, "replace"))

    def _on_answered(self, exchange: CodeExchange, task: Task) -> None:
        """Show what changes the text at once, unless it was changed meanwhile; tests go to where none are."""
        file = self.files.file_of(exchange.excerpt.key)
        if not exchange.rows or file is None:
            return
        row = exchange.rows[0]
        if task == "tests" and not file.run_card.tests.text().strip():
            file.run_card.take_tests(row.block.code, row.language)
        elif task in ("complete", "refactor", "fix") and file.editor.text() == exchange.excerpt.text:
            placement = placement_for(task, exchange.excerpt)
            file.card.offer(_offer(exchange.excerpt, row.block.code, placement))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Coming to this tab means coming to the editor."""
        super().showEvent(event)
        focus = self.window().focusWidget()
        if focus is None or not self.isAncestorOf(focus):
            self.editor.setFocus()

    async def _restore(self) -> None:
        await self.files.restore()
        await self.actions_on_files.restore_folder()

    def _connect(self, file: OpenFile) -> None:
        start, runs = self._bridge.start, file.run_card
        runs.run_button.clicked.connect(lambda: start(runs.run()))
        runs.test_button.clicked.connect(lambda: start(runs.test()))
        runs.fix_requested.connect(lambda: start(self._fix(file)))
        if self._tells_of_texts:
            file.document.told.connect(self._inform)
        file.document.noticed.connect(lambda text: self._leave(text, file))
        file.card.subject_changed.connect(self.conversation.count_soon)
        file.editor.files_dropped.connect(lambda paths: start(self._open_all(paths)))
        file.editor.addAction(self._complete_action)

    async def _ask_and_open(self) -> None:
        await self._open_all(await self.actions_on_files.ask_what_to_open())

    async def _open_all(self, paths: Sequence[Path]) -> None:
        """Open files and folders one after the other; what cannot be opened is told when the others are."""
        failed: list[tuple[Path, StillroomError]] = []
        for path in paths:
            try:
                await self.actions_on_files.open_dropped(path)
            except StillroomError as error:
                failed.append((path, error))
        # It belongs to none of the files that are open.
        notices = self._ui.notices
        place = NoticePlace(notices, self._lines, "") if self._lines is not None else None
        for path, why in failed:
            notices.error(why, place, f"open {path}")

    def _leave(self, text: str, file: OpenFile | None = None) -> None:
        """Say something that holds for as long as a file is open, the one in front unless it is given."""
        if self._lines is None:
            self._inform(text)
        else:
            self._lines.add(NoticeText(text), subject=(file or self.files.current).key)

    async def _file_of(self, excerpt: Excerpt) -> OpenFile:
        """Return the file that a question was about, opened again where it was closed; the one in front where
        it was in no file. Raises `TextFileError`."""
        file = self.files.file_of(excerpt.key)
        if file is None and Path(excerpt.key).is_absolute():
            file = await self.files.open(Path(excerpt.key))
        return file or self.files.current

    def _go_to_editor(self) -> None:
        self.editor.setFocus()

    def _stop(self) -> None:
        """Stop what was started last."""
        if self.fixer.running:
            self.fixer.stop()
            self.runner.stop()
            self.conversation.stop()
        elif self._begun:
            self._begun[-1].stop()

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
        for file in self.files.files:
            file.run_card.fix_button.setEnabled(not busy)

    def _on_current_changed(self) -> None:
        self.setFocusProxy(self.editor)
        self.conversation.count_soon()

    def _select(self, start: int, end: int) -> None:
        self.editor.setTextCursor(self.editor.cursor_for(start, end))

    def _proposed_rows(self) -> list[BlockRow]:
        return [row for exchange in self.conversation.exchanges for row in exchange.rows]

    def _sets(self) -> list[QPushButton]:
        return [exchange.files_button for exchange in self.conversation.exchanges if exchange.files_button]

    def _on_document_changed(self) -> None:
        changed = self.document.modified or self.document.path is None
        allow(self._save_action, "" if changed else self.tr("All changes are saved"))
        there = self.document.path is not None
        allow(self._reload_action, "" if there else self.tr("This text is in no file yet"))
        if self._lines is not None:
            self._lines.show_subject(self.files.current.key)

    def _make_columns(self) -> QSplitter:
        """Make what holds the editor and the conversation beside it."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(PAGE_MARGIN_PX, 14, PAGE_MARGIN_PX, 16)
        if self._lines is not None:
            layout.addWidget(self._lines)
        columns = _splitter(Qt.Orientation.Horizontal, 16, self)
        layout.addWidget(columns, 1)
        return columns

    def _fill_left(self, left: QSplitter) -> None:
        self.files.setMinimumWidth(300)
        left.addWidget(self.files)
        left.addWidget(self.files.runs)
        left.setStretchFactor(0, 3)
        left.setStretchFactor(1, 1)
        left.setSizes([560, 230])

    def _fill_columns(self, columns: QSplitter, left: QSplitter) -> None:
        columns.addWidget(left)
        columns.addWidget(self.conversation)
        columns.setStretchFactor(0, 2)
        columns.setStretchFactor(1, 1)
        columns.setSizes([640, 410])

    def _make_menu(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        files, actions = self.files, self.actions_on_files

        def job(make: Callable[[], Coroutine[Any, Any, object]]) -> Callable[[], None]:
            def start() -> None:
                self._bridge.start(make())

            return start

        def add(
            text: str, keys: str, slot: Callable[[], object], refusal: Callable[[], str] | None = None
        ) -> QAction:
            action = Action(text, self, slot, refusal)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            menu.addAction(action)
            self.addAction(action)
            return action

        def no_error() -> str:
            return "" if self.card.has_error else self.tr("No error is known in this text")

        def nothing_failed() -> str:
            return "" if self.run_card.problem else self.tr("Nothing has failed")

        def no_code() -> str:
            return "" if self._proposed_rows() else self.tr("No code was proposed yet")

        def no_set() -> str:
            return "" if self._sets() else self.tr("No changes of several files were proposed yet")

        add(self.tr("New text"), shortcuts.NEW_TEXT, job(actions.new))
        add(self.tr("Open…"), shortcuts.OPEN, job(self._ask_and_open))
        self._save_action = add(self.tr("Save"), shortcuts.SAVE, job(self.save))
        add(self.tr("Save as…"), shortcuts.SAVE_AS, job(lambda: actions.save_as(files.current)))
        self._reload_action = add(self.tr("Reload from disk"), "", job(lambda: actions.reload(files.current)))
        add(self.tr("Close the file"), shortcuts.CLOSE, job(lambda: actions.close(files.current)))
        menu.addSeparator()
        add(self.tr("Open a folder…"), shortcuts.OPEN_FOLDER, job(actions.ask_and_open_folder))
        add(self.tr("Go to file…"), shortcuts.GO_TO_FILE, self.folder_place.go_to_file)
        add(self.tr("Show or hide the folder"), shortcuts.SHOW_FOLDER, self.folder_place.toggle)
        menu.addSeparator()
        add(self.tr("Next file"), shortcuts.NEXT_FILE, lambda: files.go_on(1))
        add(self.tr("File before"), shortcuts.FILE_BEFORE, lambda: files.go_on(-1))
        add(self.tr("Move the file to the right"), shortcuts.FILE_TO_RIGHT, lambda: files.move_current(1))
        add(self.tr("Move the file to the left"), shortcuts.FILE_TO_LEFT, lambda: files.move_current(-1))
        menu.addSeparator()
        add(self.tr("Find…"), shortcuts.FIND, lambda: self.card.find_bar.open_find())
        add(self.tr("Replace…"), shortcuts.REPLACE, lambda: self.card.find_bar.open_replace())
        add(self.tr("Find next"), shortcuts.FIND_NEXT, lambda: self.card.find_bar.find_next())
        add(self.tr("Find previous"), shortcuts.FIND_PREVIOUS, lambda: self.card.find_bar.find_previous())
        add(self.tr("Go to line…"), shortcuts.GO_TO_LINE, job(lambda: actions.go_to_line(files.current)))
        add(self.tr("Go to the error"), shortcuts.GO_TO_ERROR, lambda: self.card.go_to_error(), no_error)
        menu.addSeparator()
        add(self.tr("Run the program"), shortcuts.RUN, lambda: self.run_card.run_button.click())
        add(self.tr("Run the tests"), shortcuts.RUN_TESTS, lambda: self.run_card.test_button.click())
        add(
            self.tr("Fix what failed"),
            shortcuts.FIX_FAILURE,
            lambda: self.run_card.fix_button.click(),
            nothing_failed,
        )
        add(self.tr("Write tests"), shortcuts.SHOW_TESTS, self._show_tests)
        menu.addSeparator()
        complete = self.conversation.tasks["complete"]
        self._complete_action = Action(
            complete.accessibleName(), self, complete.click, lambda: command_of_button(complete).refusal
        )
        self._complete_action.setShortcut(QKeySequence(shortcuts.COMPLETE))
        # In each editor, which it is added to.
        self._complete_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.addAction(self._complete_action)
        self.completion_switch = CompletionSwitch(self._ui, self)
        menu.addAction(self.completion_switch.action)
        self.addAction(self.completion_switch.action)
        menu.addSeparator()
        rows = self._proposed_rows
        add(
            self.tr("Insert the newest code"),
            shortcuts.INSERT_CODE,
            lambda: rows()[-1].insert.click(),
            no_code,
        )
        add(
            self.tr("Show the newest code as changes"),
            shortcuts.CODE_AS_CHANGES,
            lambda: rows()[-1].replace.click(),
            no_code,
        )
        add(
            self.tr("Show the newest changes of several files"),
            shortcuts.CHANGES_OF_FILES,
            lambda: self._sets()[-1].click(),
            no_set,
        )
        add(
            self.tr("Run the newest code"), shortcuts.RUN_NEWEST_CODE, lambda: rows()[-1].run.click(), no_code
        )
        add(self.tr("Ask in your own words"), shortcuts.ASK, self.conversation.field.setFocus)
        add(self.tr("Back to the editor"), shortcuts.BACK_TO_EDITOR, self._go_to_editor)
        files.more_button.setMenu(menu)


def _splitter(orientation: Qt.Orientation, handle_px: int, parent: QWidget) -> QSplitter:
    made = QSplitter(orientation, parent)
    made.setHandleWidth(handle_px)
    made.setChildrenCollapsible(False)
    return made


def _whole_where_none(excerpt: Excerpt) -> Excerpt:
    """Return the excerpt, or the whole text where nothing is selected in it."""
    return excerpt if excerpt.start != excerpt.end else whole_lines(excerpt)


def _offer(excerpt: Excerpt, code: str, placement: Placement, *, fits: bool = True) -> Offer:
    if placement == "insert":
        return Offer(places_for(excerpt, code, placement), "cursor", fits)
    place = _whole_where_none(excerpt)
    is_whole = (place.start, place.end) == (0, len(place.text))
    return Offer(places_for(place, code, placement), "text" if is_whole else "selection", fits)
