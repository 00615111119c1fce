"""One model in full: what it is, and each of its types with what can be done with it."""

from collections.abc import Iterator

import shiboken6
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QGridLayout, QHBoxLayout, QWidget

from app.machine.advisor import Advisor, Outlook, Use
from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import enumerated, licence_words
from app.ui.base.theme import Theme
from app.ui.models.build_choices import BuildChoices
from app.ui.models.list.fit_text import fit_text, here_text, speed_tip, type_text, type_tip
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.size_choice import SizeChoice
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.inline_notices import InlineNotices
from models.catalogue.catalogue import CatalogueModel
from models.memory.fit import Verdict
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.store import InstalledModel
from models.system.units import byte_count

MOST_NAMED = 2
AS_PUBLISHED = "BF16"
"""The type of the original weights, which loses nothing."""


class ModelDetail(Card):
    """The selected model of the list; GUI thread."""

    get_asked = Signal(str, list, object)
    """Catalogue key, types, and the bytes of one more file whose types are chosen by measurement (or 0)."""
    load_asked = Signal(object)
    smaller_asked = Signal(object, int)
    """An `InstalledModel` to load, and the tokens of context that fit."""
    delete_asked = Signal(object)
    folder_asked = Signal(object)
    menu_asked = Signal(object, object)
    """An `InstalledModel`, and the `QPoint` on the screen to open its menu at."""
    keyboard_left = Signal()
    """The control that had the keyboard is gone, or cannot be used now."""

    def __init__(self, theme: Theme, settings: SettingsFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._build_choices = BuildChoices(settings)
        self._row: ModelRow | None = None
        """The one that is shown."""
        self._asked: tuple[ModelRow, Advisor | None, Use] | None = None
        self._choices: dict[str, QCheckBox] = {}
        self._chosen: set[str] = set()
        self._drawings = 0
        """The number of rows that were asked for."""
        self._title = label("", "title", selectable=True)
        self._facts = label("", "muted", wrap=True, selectable=True)
        self._content: QWidget | None = None
        self._before: QWidget | None = None
        """The Tab key comes here from it."""
        self.failures = InlineNotices(theme)
        """What went wrong with the model that is shown."""
        self.size_choice = SizeChoice(theme)
        self.size_choice.changed.connect(self._update_get)
        self._get = button(self.tr("Tick what to get"), "primary")
        self._get.clicked.connect(self._on_get)
        foot = QHBoxLayout()
        foot.addStretch()
        foot.addWidget(self._get)
        self.body.addWidget(self._title)
        self.body.addWidget(self._facts)
        self.body.addWidget(self.failures)
        self._place = self.body.count()
        self.body.addWidget(self.size_choice)
        self.body.addWidget(self._build_choices)
        self.body.addLayout(foot)
        theme.changed.connect(self._redraw)

    def show_row(self, row: ModelRow, advisor: Advisor | None, use: Use) -> None:
        """Show a model, judged by `advisor`; ticks stay while it is the same one."""
        for _ in self.showing(row, advisor, use):
            pass

    def showing(self, row: ModelRow, advisor: Advisor | None, use: Use) -> Iterator[None]:
        """Show a model in steps, of which the last one shows it; it is left where another one is asked for
        meanwhile."""
        self._asked = row, advisor, use
        self._drawings += 1
        number = self._drawings
        # Where it will stand: for what moves, Qt works out the style of all that is in it anew.
        content = QWidget(self)
        choices: dict[str, QCheckBox] = {}
        try:
            for name, choice in self._fill(content, row, advisor, use):
                if choice is not None:
                    choices[name] = choice
                yield
                if number != self._drawings:
                    return
            self._show(content, choices)
        finally:
            if content is not self._content and shiboken6.isValid(content):
                content.deleteLater()

    def _show(self, content: QWidget, choices: dict[str, QCheckBox]) -> None:
        """Show what was made of the row that was asked for."""
        assert self._asked is not None
        row, advisor, use = self._asked
        if self._row is None or row.key != self._row.key:
            self._chosen = set()
        self._row = row
        self.failures.show_subject(row.key)
        self._title.setText(row.model.name if row.model is not None else row.title)
        self._facts.setText(self._facts_text(row))
        self._choices = choices
        for kind, choice in choices.items():
            choice.setChecked(kind in self._chosen)
            choice.toggled.connect(self._on_choice)
        old, self._content = self._content, content
        if old is not None:
            self.body.replaceWidget(old, content)
            content.show()
            self._hand_over_keyboard(old, content)
            # Until it is deleted it could still be clicked, and what is ticked there counts for nothing.
            old.hide()
            old.deleteLater()
        else:
            self.body.insertWidget(self._place, content)
        offered = row.model if row.model is not None and row.model.thinks else None
        measured = [file.mixture for file in row.installed if file.mixture is not None]
        self.size_choice.show_model(offered, advisor, use, measured[0] if measured else None)
        self._order()
        self._update_get()

    def come_after(self, widget: QWidget) -> None:
        """Let the Tab key come here from `widget`, and to what is drawn anew before what stands below it: it
        would be the last of the window."""
        self._before = widget
        self._order()

    def take_keyboard(self) -> None:
        """Let the keyboard go to the first thing that can be done with the model."""
        offered = [] if self._content is None else self._content.findChildren(QAbstractButton)
        for control in (*self._choices.values(), *offered):
            if control.isEnabled():
                control.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _order(self) -> None:
        widget = self._before
        if widget is None:
            return
        drawn = [] if self._content is None else self._content.findChildren(QWidget)
        for stop in dict.fromkeys([*drawn, *self.findChildren(QWidget)]):
            if stop.focusPolicy() & Qt.FocusPolicy.TabFocus:
                QWidget.setTabOrder(widget, stop)
                widget = stop

    def _redraw(self) -> None:
        if self._asked is not None:
            self.show_row(*self._asked)

    def _fill(
        self, content: QWidget, row: ModelRow, advisor: Advisor | None, use: Use
    ) -> Iterator[tuple[str, QCheckBox | None]]:
        """Add a line for each type, and give its name, with the box to tick of one that is not there."""
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        best = None
        thinks = row.model is not None and row.model.thinks
        if advisor is not None and row.model is not None and thinks:
            best = advisor.best_mixture(row.model)
        # Each has a second line, for what is to be said of one that is too large.
        for place, installed in enumerate(row.installed):
            outlook = _outlook_of(row, installed, advisor, use)
            self._add_installed(grid, 2 * place, row, installed, outlook, is_best=installed == best)
            yield installed.type, None
        if row.model is None or not thinks:
            return
        there = {installed.type for installed in row.installed}
        missing = [kind for kind in (*QUANTISATIONS, AS_PUBLISHED) if kind not in there]
        recommended = advisor.recommended_type(row.model) if advisor is not None and best is None else ""
        for line, kind in enumerate(missing, start=2 * len(row.installed)):
            outlook = None if advisor is None else advisor.outlook(row.model, kind, use)
            yield (
                kind,
                self._add_choice(grid, line, row, row.model, kind, outlook, is_best=kind == recommended),
            )

    def _hand_over_keyboard(self, old: QWidget, content: QWidget) -> None:
        """Let the keyboard stay where it was, on what is drawn anew."""
        here = old.window().focusWidget()
        if here is None or not old.isAncestorOf(here):
            return
        name = _name_of(here)
        for control in content.findChildren(QAbstractButton):
            if control.isEnabled() and _name_of(control) == name:
                control.setFocus(Qt.FocusReason.OtherFocusReason)
                return
        self.keyboard_left.emit()

    def _add_installed(
        self,
        grid: QGridLayout,
        line: int,
        row: ModelRow,
        installed: InstalledModel,
        outlook: Outlook | None,
        *,
        is_best: bool,
    ) -> None:
        grid.addWidget(label(installed.type), line, 0)
        size = label(byte_count(installed.bytes))
        size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(size, line, 1)
        is_loaded, answers = installed in row.loaded, installed == row.answering
        state = self.tr("Loading…") if installed == row.loading else self._state(installed, is_loaded)
        if is_best:
            state = self.tr("Best for this PC · {quality}").format(quality=state)
        if outlook is not None:
            state = f"{state} · {here_text(outlook)}"
        words = label(state, "good" if is_loaded else "muted", wrap=True)
        too_large = outlook is not None and outlook.fit.verdict is Verdict.TOO_LARGE and not is_loaded
        set_tip(words, fit_text(outlook.fit) if outlook is not None else "")
        grid.addWidget(words, line, 2)
        called = f"{row.title} {installed.type}"
        if too_large:
            load = button(self.tr("Load anyway"), name=self.tr("Load {model} anyway").format(model=called))
        elif is_loaded and not answers:
            load = button(self.tr("Use"), name=self.tr("Use {model}").format(model=called))
        else:
            load = button(self.tr("Load"), name=self.tr("Load {model}").format(model=called))
        load.setIcon(self._theme.icon("play", "text"))
        load.clicked.connect(lambda: self.load_asked.emit(installed))
        allow(load, self.tr("It is loaded already") if answers else "")
        if installed == row.loading:
            allow(load, self.tr("It is being loaded"))
        folder = button(kind="quiet", name=self.tr("Show {model} in its folder").format(model=called))
        folder.setIcon(self._theme.icon("folder-open"))
        folder.clicked.connect(lambda: self.folder_asked.emit(installed))
        gone = self.tr("Take {model} off the list") if installed.imported else self.tr("Delete {model}")
        delete = button(kind="quiet", name=gone.format(model=called))
        delete.setIcon(self._theme.icon("trash"))
        delete.clicked.connect(lambda: self.delete_asked.emit(installed))
        allow(delete, self.tr("The starter model comes with Stillroom") if installed.bundled else "")
        more = button(kind="quiet", name=self.tr("More for {model}").format(model=called))
        more.setIcon(self._theme.icon("dots-three-vertical"))
        more.clicked.connect(
            lambda: self.menu_asked.emit(installed, more.mapToGlobal(QPoint(0, more.height())))
        )
        for column, made in enumerate((load, folder, delete, more), start=3):
            grid.addWidget(made, line, column)
        if too_large and outlook is not None:
            self._add_warning(grid, line + 1, installed, outlook)

    def _add_warning(self, grid: QGridLayout, line: int, installed: InstalledModel, outlook: Outlook) -> None:
        """Say what may happen to who loads a model that is too large, and offer a context that fits."""
        warning = label(
            self.tr(
                "{reason} Loaded anyway, parts of it are read from the disk again and again: a reply can "
                "take minutes, and other programs may become slow or be ended by the system."
            ).format(reason=fit_text(outlook.fit)),
            "warning",
            wrap=True,
        )
        grid.addWidget(warning, line, 0, 1, 3)
        tokens = outlook.fit.smaller_context_tokens
        if tokens:
            smaller = button(self.tr("Load with {tokens} tokens of context").format(tokens=f"{tokens:,}"))
            smaller.clicked.connect(lambda: self.smaller_asked.emit(installed, tokens))
            grid.addWidget(smaller, line, 3, 1, 4)

    def _state(self, installed: InstalledModel, is_loaded: bool) -> str:
        if is_loaded:
            return self.tr("Loaded")
        if installed.bundled:
            return self.tr("Comes with Stillroom")
        if installed.imported:
            return self.tr("Stays where it is: {path}").format(path=str(installed.path))
        return self.tr("On disk, with importance matrix") if installed.imatrix else self.tr("On disk")

    def _add_choice(
        self,
        grid: QGridLayout,
        line: int,
        row: ModelRow,
        model: CatalogueModel,
        kind: str,
        outlook: Outlook | None,
        *,
        is_best: bool,
    ) -> QCheckBox:
        """Add the line of a type that is not there."""
        choice = QCheckBox(kind)
        choice.setAccessibleName(self.tr("Get {type}").format(type=kind))
        choice.setEnabled(kind not in row.getting + row.stopped)
        size = label(byte_count(model.sizes_bytes[kind]), "muted")
        size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(choice, line, 0)
        grid.addWidget(size, line, 1)
        text = tip = ""
        if kind in row.getting:
            text = self.tr("On its way")
        elif kind in row.stopped:
            text = self.tr("Stopped")
        elif outlook is not None:
            text, tip = here_text(outlook), f"{fit_text(outlook.fit)} {speed_tip(outlook)}"
        quality = type_text(kind)
        if is_best:
            quality = self.tr("Best for this PC · {quality}").format(quality=quality)
        # It breaks where the window is narrow.
        words = label(" · ".join(part for part in (quality, text) if part), "muted", wrap=True)
        set_tip(words, f"{tip}\n{type_tip()}".strip())
        choice.setAccessibleDescription(words.text())
        grid.addWidget(words, line, 2, 1, 5)
        return choice

    def _facts_text(self, row: ModelRow) -> str:
        model = row.model
        if model is None:
            repo = row.installed[0].repo if row.installed else ""
            return self.tr("From {repo}").format(repo=repo) if repo else self.tr("Added from this computer")
        facts = [
            self.tr("{count} billion parameters").format(count=f"{model.shape.parameters / 1e9:.2f}"),
            self.tr("from {base}").format(base=model.base),
            self.tr("context up to {tokens} tokens").format(tokens=f"{model.context_limit:,}"),
            self.tr("licence: {licence}").format(licence=licence_words(model.licence)),
        ]
        scores = {
            "AIME 2024": model.scores.aime24,
            "AIME 2025": model.scores.aime25,
            "MATH-500": model.scores.math500,
            "GPQA Diamond": model.scores.gpqa_diamond,
            "LiveCodeBench": model.scores.livecodebench,
        }
        published = enumerated(f"{name} {value}%" for name, value in scores.items() if value is not None)
        text = " · ".join(facts)
        return f"{text}\n{self.tr('Published: {scores}').format(scores=published)}" if published else text

    def _on_choice(self) -> None:
        self._chosen = {kind for kind, choice in self._choices.items() if choice.isChecked()}
        self._update_get()

    def _update_get(self) -> None:
        row = self._row
        self._get.setVisible(bool(self._choices))
        if row is None or row.model is None:
            self._build_choices.hide()
            return
        unfinished = row.getting + row.stopped
        wanted = [kind for kind in self._choices if kind in self._chosen and kind not in unfinished]
        chosen_bytes = self.size_choice.wanted.most_bytes
        files = [
            *wanted,
            *([self.tr("one of {size}").format(size=byte_count(chosen_bytes))] if chosen_bytes else []),
        ]
        allow(self._get, "" if files else self.tr("Tick at least one type above"))
        self._get.setIcon(self._theme.icon("download-simple", "on_accent" if files else "faint"))
        if files:
            text = self.tr("Get {types} · {size} to download")
            if len(files) > MOST_NAMED:
                # All their names would be wider than a narrow window.
                text = self.tr("Get {count} files · {size} to download")
            text = text.format(
                types=" + ".join(files), count=len(files), size=byte_count(row.model.checkpoint_bytes)
            )
        else:
            text = self.tr("Tick what to get")
        self._get.setText(text)
        self._build_choices.show_choice(wanted, row.model.checkpoint_bytes, any_size=bool(chosen_bytes))

    def _on_get(self) -> None:
        if self._row is not None:
            wanted = [kind for kind in self._choices if kind in self._chosen]
            size = self.size_choice.wanted
            self._chosen = set()
            self.size_choice.drop()
            self.get_asked.emit(self._row.key, wanted, size)


def _outlook_of(
    row: ModelRow, installed: InstalledModel, advisor: Advisor | None, use: Use
) -> Outlook | None:
    if advisor is None:
        return None
    if row.model is not None and installed.type in QUANTISATIONS:
        return advisor.outlook(row.model, installed.type, use)
    return advisor.file_outlook(installed)


def _name_of(control: QWidget) -> str:
    """Name a control in the words of a screen reader."""
    return control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
