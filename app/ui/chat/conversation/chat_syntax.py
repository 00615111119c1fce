"""Check the syntax of the code in a chat's replies as soon as it is whole."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import shiboken6
from PySide6.QtCore import QObject

from app.base.errors import Cancelled
from app.chat.markdown.markdown_blocks import CodeBlock
from app.code.check import CHECKERS, SyntaxReport, check_syntax
from app.code.languages import language_named
from app.ui.base.bridge import while_waited_for
from app.ui.reply.markdown_view import MarkdownView

KEPT = 500


class ChatSyntax(QObject):
    """Checks one block after the other, in processes of their own; what was checked before is remembered.
    GUI thread.
    """

    def __init__(self, start: Callable[[Coroutine[Any, Any, Any]], None], parent: QObject) -> None:
        super().__init__(parent)
        self._start = start
        self._waiting: list[tuple[MarkdownView, CodeBlock]] = []
        self._reports: OrderedDict[tuple[str, str], SyntaxReport] = OrderedDict()
        self._running = False
        self._present: tuple[tuple[str, str], threading.Event] | None = None
        """The code that is being checked, and what ends that."""

    def check(self, views: Iterable[MarkdownView]) -> None:
        """Say it of the code in these, and in no others that still wait."""
        self._waiting = [
            (view, block)
            for view in views
            for block in view.blocks
            # What a reply was cut off in is no whole code.
            if isinstance(block, CodeBlock) and block.closed and _language(block) in CHECKERS
        ]
        wanted = {(block.code, _language(block)) for _, block in self._waiting}
        if self._present is not None and self._present[0] not in wanted:
            self._present[1].set()
        if self._waiting and not self._running:
            self._running = True
            self._start(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                view, block = self._waiting.pop(0)
                if shiboken6.isValid(view):
                    with contextlib.suppress(Cancelled):
                        report = await self._report(block.code, _language(block))
                        if shiboken6.isValid(view):
                            view.show_report(block, report)
        finally:
            self._running = False

    async def _report(self, code: str, language: str) -> SyntaxReport:
        known = self._reports.get((code, language))
        if known is None:
            self._present = (code, language), threading.Event()
            try:
                known = await while_waited_for(
                    lambda cancel: check_syntax(code, language, fragment=True, cancel=cancel),
                    self._present[1],
                )
            finally:
                self._present = None
            self._reports[code, language] = known
            if len(self._reports) > KEPT:
                self._reports.popitem(last=False)
        return known


def _language(block: CodeBlock) -> str:
    known = language_named(block.language)
    return known.key if known is not None else ""
