"""Edit how a model is loaded, or a new one, with the memory that it needs beside."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.base.errors import StillroomError
from app.engine.planning.load_history import Remembered
from app.engine.protocol import LoadSettings, Planned
from app.load_choices import without_draft
from app.settings import LoadChoice
from app.ui.base.bridge import Bridge
from app.ui.base.slices import Stepped
from app.ui.load_settings.load_form import LoadForm
from app.ui.load_settings.memory_bars import MemoryNeedView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.scrolled_page import BESIDE_BAR_PX, ScrolledDialog, ScrolledPage
from models.store.store import InstalledModel

SETTLE_MS = 150
SIZE_LINES = (60, 51)
"""Width and height in lines of text: the same for each model, so that the buttons stand where they stood."""
LEFT_OF_SCREEN_PX = 80

PlanLoad = Callable[[LoadSettings], Awaitable[Planned]]


@dataclass(frozen=True, slots=True)
class LoadSubject:
    """The model that settings are for: `remembered` is what is known of it, `plan` tells what they would come
    to where that can be told, `drafts` are the models that could guess ahead for it."""

    name: str
    remembered: Remembered
    plan: PlanLoad | None = None
    drafts: Sequence[InstalledModel] = ()


class LoadSettingsDialog(ScrolledDialog, Stepped):
    """Edits the `LoadChoice` of `subject`, or the default for new models where that is None. GUI thread."""

    applied = Signal(object, int)
    """The new `LoadChoice`, and the minutes without use after which the memory is given back."""
    default_chosen = Signal(object)
    """The `LoadChoice` with which new models begin from now on."""
    tune_asked = Signal()
    table_asked = Signal()
    """Show what was measured for the fastest settings."""
    forget_asked = Signal()
    """Forget what had to be given up for this model, and load it again."""

    def __init__(
        self,
        subject: LoadSubject | None,
        present: LoadChoice,
        default: LoadChoice,
        idle_minutes: int,
        bridge: Bridge,
        parent: QWidget | None = None,
        *,
        in_steps: bool = False,
    ) -> None:
        """`default` is what "Back to defaults" shows. `in_steps` it is made by `making`."""
        super().__init__(parent)
        self._default = default
        self._plan = None if subject is None else subject.plan
        self._bridge = bridge
        self._asked = 0
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._ask_plan)
        name = self.tr("New models") if subject is None else subject.name
        self.setWindowTitle(
            self.tr("How new models are loaded")
            if subject is None
            else self.tr("How {model} is loaded").format(model=name)
        )
        self._begin_making(self._make(subject, name, present, idle_minutes), in_steps=in_steps)

    def _make(
        self, subject: LoadSubject | None, name: str, present: LoadChoice, idle_minutes: int
    ) -> Iterator[None]:
        remembered = None if subject is None else subject.remembered
        # It gives way to what is said about memory, so that the buttons stand still.
        scroll = QScrollArea(self)
        page = ScrolledPage(scroll.viewport())
        # While it is empty: it is laid out once only, when the dialog is shown.
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        drafts = () if subject is None else subject.drafts
        self._form = LoadForm(present, idle_minutes, remembered, drafts, page)
        self._form.tune_asked.connect(self._tune)
        self._form.table_asked.connect(self._show_table)
        yield
        content = QVBoxLayout(page)
        content.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)
        content.setSpacing(16)
        if remembered is not None and remembered.lowered is not None:
            content.addWidget(self._make_lowered())
        content.addWidget(self._form)
        content.addStretch(1)
        # The keyboard goes from field to field.
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(page.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 16, 20 - BESIDE_BAR_PX, 20)
        body.setSpacing(16)
        self._title = label(name, "title", wrap=True)
        body.addWidget(self._title)
        body.addWidget(scroll, 1)
        self._need = MemoryNeedView(self)
        foot = QVBoxLayout()
        foot.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)
        foot.setSpacing(16)
        foot.addWidget(self._need)
        foot.addLayout(self._make_buttons(for_model=subject is not None))
        body.addLayout(foot)
        self._set_size()
        self._form.changed.connect(self._on_changed)
        self._show_state()
        if self._plan is not None:
            self._need.wait()
        self._ask_plan()

    @property
    def choice(self) -> LoadChoice:
        """The choice as it stands in the fields."""
        return self._form.choice

    def done(self, result: int) -> None:
        """Close, and show no plan that comes later."""
        self._plan = None
        super().done(result)

    def _set_size(self) -> None:
        line_px = self.fontMetrics().lineSpacing()
        width, height = (lines * line_px for lines in SIZE_LINES)
        room = self.screen().availableGeometry().size()
        self.resize(
            min(width, room.width() - LEFT_OF_SCREEN_PX), min(height, room.height() - LEFT_OF_SCREEN_PX)
        )

    def _make_lowered(self) -> Card:
        card = Card(look="notice")
        forget = button(self.tr("Try again from the start"))
        forget.setObjectName("forget")
        forget.clicked.connect(self._forget)
        row = QHBoxLayout()
        row.addWidget(
            label(
                self.tr(
                    "Memory was too short for this model, so it is loaded with less than these settings ask "
                    "for."
                ),
                wrap=True,
            ),
            1,
        )
        row.addWidget(forget)
        card.body.addLayout(row)
        return card

    def _make_buttons(self, *, for_model: bool) -> QHBoxLayout:
        self._back = button(self.tr("Back to defaults"), "quiet")
        self._back.setObjectName("defaults")
        self._back.clicked.connect(lambda: self._form.show_choice(self._default))
        self._use_as_default = button(
            self.tr("Use as default for new models"),
            "quiet",
            tip=self.tr("The models that are here already stay as they are."),
        )
        self._use_as_default.setObjectName("make-default")
        self._use_as_default.setAccessibleName(self._use_as_default.text())
        self._use_as_default.clicked.connect(self._make_default)
        if not for_model:
            self._use_as_default.hide()
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        apply = button(self.tr("Apply and load again") if for_model else self.tr("Apply"), "primary")
        apply.setObjectName("apply")
        apply.setDefault(True)
        apply.clicked.connect(self._apply)
        buttons = QHBoxLayout()
        buttons.addWidget(self._back)
        buttons.addWidget(self._use_as_default)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(apply)
        return buttons

    def _show_state(self) -> None:
        """Offer to go to the default, and to make one, where that changes something."""
        choice = self._form.choice
        self._back.setEnabled(choice != self._default)
        self._use_as_default.setEnabled(without_draft(choice) != self._default)

    def _make_default(self) -> None:
        self._default = without_draft(self._form.choice)
        self.default_chosen.emit(self._default)
        self._show_state()

    def _on_changed(self) -> None:
        self._show_state()
        self._settle.start()

    def _ask_plan(self) -> None:
        if self._plan is not None:
            self._asked += 1
            self._bridge.start(self._show_plan(self._plan, self._form.choice.load, self._asked))

    async def _show_plan(self, plan: PlanLoad, settings: LoadSettings, asked: int) -> None:
        try:
            planned = await plan(settings)
        except StillroomError as error:
            if self._plan is not None and asked == self._asked:
                self._need.show_problem(error)
            return
        # The next question's answer may be here already, or the dialog closed.
        if self._plan is None or asked != self._asked:
            return
        self._need.show_plan(planned)
        self._form.show_plan(planned)

    def _tune(self) -> None:
        self.reject()
        self.tune_asked.emit()

    def _show_table(self) -> None:
        self.reject()
        self.table_asked.emit()

    def _forget(self) -> None:
        self.reject()
        self.forget_asked.emit()

    def _apply(self) -> None:
        choice, idle = self._form.choice, self._form.idle_minutes
        self.accept()
        self.applied.emit(choice, idle)


def drafts_for(path: str, installed: Sequence[InstalledModel]) -> list[InstalledModel]:
    """The models that could guess ahead for that of a file: less than half its size. Whether their
    vocabularies agree, the engine says when it loads them.
    """
    file = next((model for model in installed if str(model.path) == path), None)
    return [model for model in installed if file is not None and 2 * model.bytes < file.bytes]
