"""The presets of the Chat tab: chosen from a menu of the drawer, and what is done with them."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMenu, QWidget

from app.chat.library.library_file import Change
from app.chat.library.presets import BUILT_IN, BuiltInKey, Preset, PresetBook, same
from app.chat.library.reply_choices import ReplyChoices
from app.settings import SettingsFile
from app.ui.base.add_action import Command, allow
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.layouts import widen_for_title
from app.ui.base.offers import menu_commands
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.widgets.early_keys import EarlyKeys
from app.ui.widgets.notices import Notices, Words
from models.catalogue.catalogue import is_r1


class ChatPresets(QObject):
    """GUI thread."""

    chosen = Signal(object)
    """These `ReplyChoices` are to hold in the open chat."""

    def __init__(
        self,
        book: PresetBook,
        drawer: ReplySettings,
        session: EngineSession,
        settings: SettingsFile,
        notices: Notices,
        bridge: Bridge,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._book = book
        self._drawer = drawer
        self._session = session
        self._settings = settings
        self._notices = notices
        self._bridge = bridge
        self._exporting = asyncio.Lock()
        self._window = parent
        self.menu = QMenu(drawer.preset)
        drawer.preset.setMenu(self.menu)
        self.menu.aboutToShow.connect(self.fill_menu)
        drawer.edited.connect(self.show_name)

    def first_choices(self) -> ReplyChoices:
        """Return the choices that a new chat with the present model begins with."""
        preset = self._book.for_model(self._model) if self._model else None
        return preset.choices if preset is not None else ReplyChoices()

    def current(self) -> str:
        """The name of the preset that the drawer shows; empty where it is none."""
        return self._current_own() or next(
            (self._title(built_in.key) for built_in in BUILT_IN if self._is_shown(built_in.choices)), ""
        )

    def show_name(self) -> None:
        """Name in the drawer what it shows."""
        name = self.current()
        own = self.tr("Own settings")
        spoken = self.tr("Preset: {name}").format(name=name) if name else own
        self._drawer.preset.set_words(name or own, spoken)

    def fill_menu(self) -> None:
        """Fill the menu with what can be chosen and done now."""
        menu, current, own = self.menu, self.current(), self._current_own()
        not_own = "" if own else self.tr("This chat follows no preset of your own")
        menu.clear()
        for built_in in BUILT_IN:
            self._add_choice(self._title(built_in.key), built_in.choices, current)
        if self._book.own:
            menu.addSeparator()
        for preset in self._book.own:
            self._add_choice(preset.name, preset.choices, current)
        menu.addSeparator()
        menu.addAction(self.tr("Save as preset…"), lambda: self._ask_name(own, self.save))
        for text, slot in (
            (self.tr("Rename…"), lambda: self._ask_name(own, partial(self.rename, own))),
            (self.tr("Duplicate"), lambda: self.duplicate(own)),
            (self.tr("Delete"), lambda: self.delete(own)),
        ):
            allow(menu.addAction(text, slot), not_own)
        if self._model:
            begins = self._book.for_model(self._model)
            first = menu.addAction(
                self.tr("New chats with {model} begin so").format(model=self._model.replace("&", "&&"))
            )
            first.setCheckable(True)
            first.setChecked(begins is not None and begins.name == own)
            allow(first, not_own)
            first.toggled.connect(lambda on: self.begin_with(own if on else ""))
        menu.addSeparator()
        menu.addAction(self.tr("Import presets…"), self._ask_what_to_import)
        export = menu.addAction(self.tr("Export presets…"), self._ask_where_to_export)
        allow(export, "" if self._book.own else self.tr("There are no presets of your own"))

    def commands(self) -> list[Command]:
        """All of that for the command palette."""
        self.fill_menu()
        return menu_commands(self.menu, self.tr("Preset"))

    def apply(self, choices: ReplyChoices) -> None:
        """Let the open chat use a preset; its adapters stay."""
        self.chosen.emit(msgspec.structs.replace(choices, loras=self._drawer.choices.loras))
        self.show_name()

    def save(self, name: str) -> None:
        """Keep what the drawer shows under a name."""
        replaces = self._book.find(name) is not None
        choices = self._drawer.choices
        if choices.sampling is None:
            choices = msgspec.structs.replace(choices, sampling=self._settings.values.sampling)
        change = self._book.save(name, choices)

        def words() -> str:
            text = self.tr("“{name}” is a preset now.")
            if replaces:
                text = self.tr("The preset “{name}” is replaced.")
            return text.format(name=name)

        self._told(words, change)

    def rename(self, name: str, new_name: str) -> None:
        """Give a preset another name."""
        self._told(lambda: self.tr("The preset is renamed."), self._book.rename(name, new_name))

    def duplicate(self, name: str) -> None:
        """Make a second one like it."""
        change = self._book.duplicate(name)
        self._told(lambda: self.tr("“{name}” is there twice now.").format(name=name), change)

    def delete(self, name: str) -> None:
        """Take it away; the chats stay as they are."""
        change = self._book.delete(name)
        self._told(lambda: self.tr("The preset “{name}” is deleted.").format(name=name), change)

    def begin_with(self, name: str) -> None:
        """Let new chats with the present model begin with it, or with nothing of their own."""
        self._book.begin_with(self._model, name)

    def import_from(self, path: Path) -> None:
        """Take in the presets of a file, once the disk has given it."""
        self._bridge.start(self._import(path))

    def export(self, path: Path) -> None:
        """Write the user's presets to a file, behind the window."""
        self._bridge.start(self._export(path))

    async def _import(self, path: Path) -> None:
        found = await asyncio.to_thread(self._book.read, path)
        change = self._book.add(found)
        self._told(lambda: self.tr("Presets added: {count}.").format(count=len(found)), change)

    async def _export(self, path: Path) -> None:
        # One after the other: of two into one file the later holds.
        async with self._exporting:
            await asyncio.to_thread(self._book.export, path)
        self._notices.tell_of_file(self.tr("Your presets are in {path}.").format(path=str(path)), path)

    @property
    def _model(self) -> str:
        return model_name(self._session.info) if self._session.info is not None else ""

    def _current_own(self) -> str:
        return next((preset.name for preset in self._book.own if self._is_shown(preset.choices)), "")

    def _is_shown(self, choices: ReplyChoices) -> bool:
        usual = self._settings.values.sampling

        def whole(some: ReplyChoices) -> ReplyChoices:
            return msgspec.structs.replace(some, sampling=some.sampling or usual)

        return same(whole(choices), whole(self._drawer.choices))

    def _add_choice(self, name: str, choices: ReplyChoices, current: str) -> None:
        action = self.menu.addAction(name.replace("&", "&&"), lambda: self.apply(choices))
        action.setCheckable(True)
        action.setChecked(name == current)

    def _title(self, key: BuiltInKey) -> str:
        match key:
            case "authors":
                if self._session.info is not None and not is_r1(self._session.info.name):
                    return self.tr("Usual settings")
                return self.tr("R1 authors' recommendation")
            case "short_thinking":
                return self.tr("Short thinking (1,024 tokens)")
            case "no_thinking":
                return self.tr("No thinking")

    def _told(self, words: Words, change: Change[Preset]) -> None:
        def undo() -> None:
            self._book.undo(change)
            self.show_name()

        self.show_name()
        self._notices.inform_with_undo(words, undo)

    def _ask_name(self, name: str, use: Callable[[str], None]) -> None:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.tr("Preset"))
        dialog.setLabelText(self.tr("Name"))
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda text: use(text.strip()) if text.strip() else None)
        field = dialog.findChild(QLineEdit)
        assert field is not None
        field.selectAll()
        widen_for_title(dialog, field)
        EarlyKeys(dialog, field)
        dialog.show()

    def _ask_what_to_import(self) -> None:
        dialog = self._file_dialog(self.tr("Import presets"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.import_from(Path(path)))
        dialog.open()

    def _ask_where_to_export(self) -> None:
        dialog = self._file_dialog(self.tr("Export presets"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile("stillroom-presets.json")
        dialog.fileSelected.connect(lambda path: self.export(Path(path)))
        dialog.open()

    def _file_dialog(self, title: str) -> FileDialog:
        dialog = FileDialog(self._window, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters([self.tr("Presets of Stillroom (*.json)")])
        return dialog
