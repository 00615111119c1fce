"""Where the models lie, and moving them to another folder or disk."""

import asyncio
from pathlib import Path

import shiboken6
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QWidget

from app.machine.freeable import taken_bytes
from app.ui.base.add_action import allow
from app.ui.base.bridge import Bridge
from app.ui.base.durations import duration
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.show_in_folder import show_in_folder
from app.ui.settings.models_moving import ModelsMoving
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.notices import error_text
from app.ui.widgets.push_buttons import SingleClicks
from models.system.disk_space import free_bytes
from models.system.progress import Progress
from models.system.units import byte_count


class ModelsFolderCard(Card):
    """Shows the folder, and the move while there is one; GUI thread."""

    def __init__(self, moving: ModelsMoving, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._moving = moving
        self._bridge = bridge
        self._looks = 0
        self.body.addWidget(label(self.tr("Where your models are"), "title"))
        self._folder = label("", wrap=True, selectable=True)
        self._said = label("", "small", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress of the move"))
        self._move = button(self.tr("Move the models…"))
        self._move.clicked.connect(self._on_move)
        self._show = button(self.tr("Open folder"))
        self._show.clicked.connect(lambda: show_in_folder(self._moving.place.folder))
        self._go_on = button(self.tr("Go on"), "primary")
        self._go_on.clicked.connect(self._on_go_on)
        self._cancel = button(
            self.tr("Cancel"), tip=self.tr("Stop, and delete what was copied; the models stay where they are")
        )
        self._cancel.clicked.connect(moving.cancel)
        self._take_back = button(
            self.tr("Take it back"), tip=self.tr("Delete what was copied; the models stay where they are")
        )
        self._take_back.clicked.connect(moving.take_back)
        # Which of them are there changes with a click.
        SingleClicks(self._move, self._go_on, self._cancel, self._take_back)
        row = QHBoxLayout()
        row.setSpacing(8)
        for each in (self._move, self._show, self._go_on, self._cancel, self._take_back):
            row.addWidget(each)
        row.addStretch(1)
        self.body.addWidget(self._folder)
        self.body.addWidget(self._said)
        self.body.addWidget(self._bar)
        self.body.addLayout(row)
        moving.changed.connect(self._update)
        self._update()

    def _on_move(self) -> None:
        dialog = FileDialog(self, self.tr("Choose an empty folder for the models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self._moving.start(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_go_on(self) -> None:
        target = self._moving.place.unfinished
        if target is not None:
            self._moving.start(target)

    def _update(self) -> None:
        moving = self._moving
        # What is being looked at is out of date.
        self._looks += 1
        unfinished = moving.place.unfinished if not moving.is_running else None
        self._folder.setText(str(moving.place.folder))
        self._bar.setVisible(moving.is_running)
        self._cancel.setVisible(moving.is_running)
        self._move.setVisible(not moving.is_running and unfinished is None)
        self._go_on.setVisible(unfinished is not None)
        self._take_back.setVisible(unfinished is not None)
        for start in (self._move, self._go_on):
            allow(start, moving.refusal)
        set_look(self._said, "danger" if moving.error is not None else "small")
        if moving.error is not None:
            self._said.setText(error_text(moving.error))
        elif moving.is_running:
            self._show_progress(moving.progress)
        elif unfinished is not None:
            self._said.setText(
                self.tr("The move to {folder} was interrupted. The models are all here still.").format(
                    folder=str(unfinished)
                )
            )
        elif moving.refusal:
            self._said.setText(moving.refusal)
        else:
            self._said.setText("")
            self._bridge.start(self._look(self._looks))

    async def _look(self, number: int) -> None:
        folder = self._moving.place.folder
        used, free = await asyncio.to_thread(lambda: (taken_bytes(folder), free_bytes(folder)))
        # What has been said since stays: a refusal, a failure, a move.
        if shiboken6.isValid(self) and number == self._looks:
            self._said.setText(
                self.tr(
                    "{size} of models; {free} are free on this disk. They can be moved to another one: they "
                    "are copied, compared, and only then deleted here."
                ).format(size=byte_count(used), free=byte_count(free))
            )

    def _show_progress(self, progress: Progress | None) -> None:
        if progress is None or not progress.total:
            self._said.setText(self.tr("Getting ready…"))
            self._bar.setValue(0)
            return
        step = self.tr("Copying {file}") if progress.stage == "move" else self.tr("Comparing {file}")
        text = self.tr("{step} · {done} of {total}").format(
            step=step.format(file=progress.detail),
            done=byte_count(progress.done),
            total=byte_count(progress.total),
        )
        if progress.remaining_s is not None and progress.stage == "move":
            left = self.tr("{time} left").format(time=duration(progress.remaining_s))
            text = f"{text} · {left}"
        self._said.setText(text)
        self._bar.setValue(round(1000 * progress.done / progress.total))
