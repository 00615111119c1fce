"""Asks the loaded model for the text at the cursor while somebody types, where it can fill in the middle."""

import asyncio

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.base.errors import StillroomError
from app.code.inline_proposal import Gap, gap_at, worth_showing
from app.engine.protocol import Delta, Generate, ModelInfo, Part, ReplyEvent, Sampling
from app.ui.base import shortcuts
from app.ui.base.add_action import allow
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.editor.ghost_text import GhostText
from app.ui.widgets.ui_context import UiContext

AFTER_MS = 350
MOST_TOKENS = 64


def fills_in(info: ModelInfo | None, *, elsewhere: bool) -> bool:
    """Tell whether a model can complete while somebody types: it is on this computer, and has the tokens."""
    return info is not None and not elsewhere and info.fim_texts is not None


class CompletionSwitch(QObject):
    """The command that turns it on and off, grey where the loaded model cannot do it. GUI thread only."""

    def __init__(self, ui: UiContext, tab: QWidget) -> None:
        super().__init__(tab)
        self._ui = ui
        self.action = QAction(self.tr("Propose code while typing"), tab)
        self.action.setCheckable(True)
        self.action.setShortcut(QKeySequence(shortcuts.COMPLETE_WHILE_TYPING))
        self.action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.action.triggered.connect(lambda wanted: ui.settings.change(complete_while_typing=wanted))
        for signal in (ui.session.loaded, ui.session.unloaded, ui.session.load_failed):
            signal.connect(self._refresh)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        session = self._ui.session
        able = fills_in(session.info, elsewhere=session.answers_elsewhere)
        allow(self.action, "" if able else self.tr("The model cannot fill in code at the cursor"))
        self.action.setChecked(able and self._ui.settings.values.complete_while_typing)
        self.action.setToolTip(
            self.tr("Tab takes what is proposed, Esc drops it.")
            if able
            else self.tr("The loaded model was not taught to fill in the middle of a text.")
        )


class InlineCompletion(QObject):
    """Proposes `GhostText` in one editor when somebody pauses. GUI thread only.

    It goes behind every other reply (the engine's background), and a key ends it. Nothing is asked of a model
    on another computer, as every pause would send the text there.
    """

    def __init__(self, ui: UiContext, editor: CodeEditor, parent: QObject) -> None:
        super().__init__(parent)
        self._ui = ui
        self._editor = editor
        self._asking: asyncio.Task[None] | None = None
        self.ghost = GhostText(editor, ui.theme)
        self._timer = QTimer(self, singleShot=True, interval=AFTER_MS)
        self._timer.timeout.connect(self._ask)
        editor.edited.connect(self._on_edited)

    @property
    def asking(self) -> bool:
        """Tell whether a proposal is to come: somebody has paused, or the model is asked."""
        return self._timer.isActive() or (self._asking is not None and not self._asking.done())

    def stop(self) -> None:
        """Ask for nothing, and show nothing, until somebody types again."""
        self._timer.stop()
        self.ghost.drop()
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _on_edited(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if self._may_ask() and not self.ghost.text:
            self._timer.start()

    def _may_ask(self) -> bool:
        session = self._ui.session
        return (
            self._ui.settings.values.complete_while_typing
            and not session.reserved_for
            and not session.loading_path
            and fills_in(session.info, elsewhere=session.answers_elsewhere)
            and self._editor.hasFocus()
            and not self._editor.isReadOnly()
        )

    def _gap(self, info: ModelInfo) -> Gap | None:
        start, end = self._editor.selected_range()
        return gap_at(self._editor.text(), end, info.context_tokens) if start == end else None

    def _ask(self) -> None:
        info = self._ui.session.info
        if not self._may_ask() or info is None:
            return
        gap = self._gap(info)
        if gap is not None:
            self._asking = self._ui.bridge.start(self._complete(info, gap))

    async def _complete(self, info: ModelInfo, gap: Gap) -> None:
        """Ask, and show what came where the cursor is still there; what goes wrong is not worth a word."""
        assert info.fim_texts is not None
        session, pieces = self._ui.session, list[str]()

        def on_event(event: ReplyEvent) -> None:
            if isinstance(event, Delta) and event.channel == "answer":
                pieces.append(event.text)

        try:
            screened = await session.screen((gap.before, gap.behind), "code", info)
            before, behind = screened.texts
            start, end, fill = info.fim_texts
            request = Generate(
                request_id=0,
                parts=[
                    Part(start, True),
                    Part(before),
                    Part(end, True),
                    Part(behind),
                    Part(fill, True),
                ],
                sampling=Sampling(temperature=0.0),
                max_tokens=MOST_TOKENS,
                stop=["\n\n\n"],
                thinking="off",
                priority="background",
                unasked=True,
                model=info.path,
            )
            reply = session.generate(request, on_event, "code", screened.hits)
        except StillroomError:
            return
        try:
            await reply.finished()
        except StillroomError:
            return
        except asyncio.CancelledError:
            reply.cancel()
            raise
        text = worth_showing("".join(pieces), gap)
        if text and self._may_ask() and self._gap(info) == gap:
            self.ghost.propose(text)
