"""Shows hostile replies in the window's widgets: `python -m tests.support.show_hostile COUNT`; prints JSON.

Between the two marks, which it looks for by name (`stat` of files that are not there), nothing may be opened
and nothing connected: a tracer around this process sees it.
"""

import json
import sys
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from app.base.children import child_command
from app.chat.markdown.formula_process import FormulaProcess
from app.chat.store.records import Conversation, StoredMessage
from app.chat.transfer.export_html import to_html
from app.engine.protocol import ThinkingLimits
from app.ui.base.theme import Theme
from app.ui.reply.reply_view import ReplyView
from tests.support.hostile_markdown import hostile_replies

BEGIN, END = "/stillroom-mark-begin", "/stillroom-mark-end"
PIECE = 7


def main() -> None:
    replies = hostile_replies(int(sys.argv[1]))
    application = QApplication(["hostile"])
    theme = Theme(application, "light")
    window = QWidget()
    column = QVBoxLayout(window)
    window.resize(900, 700)
    window.show()
    # Everything that is loaded on first use (fonts, lexers, the formulas' library) is loaded before,
    # and the processes that draw formulas are started.
    formulas = FormulaProcess(child_command("formulas"))
    show(application, theme, column, formulas, hostile_replies(30, seed=1))
    while theme.formulas.waiting:
        application.processEvents()
    Path(BEGIN).exists()
    shown = show(application, theme, column, formulas, replies)
    Path(END).exists()
    theme.formulas.close()
    formulas.close()
    print(json.dumps({"shown": shown}))


def show(
    application: QApplication,
    theme: Theme,
    column: QVBoxLayout,
    formulas: FormulaProcess,
    replies: list[str],
) -> int:
    """Each streamed in pieces, then as a kept one with its thinking open, then exported."""
    for number, reply in enumerate(replies):
        live = ReplyView(theme)
        column.addWidget(live)
        live.begin()
        for start in range(0, len(reply), PIECE):
            live.add("answer", reply[start : start + PIECE], 1)
            if start % (PIECE * 20) == 0:
                application.processEvents()
        live.finish("stop", None)
        kept = ReplyView(theme)
        column.addWidget(kept)
        kept.show_kept(reply, reply, "stop", None)
        kept.thinking.set_open(True)
        kept.grab()
        application.processEvents()
        export(number, reply, formulas)
        for view in (live, kept):
            column.removeWidget(view)
            view.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return len(replies)


def export(number: int, reply: str, formulas: FormulaProcess) -> None:
    """A page must not hold anything that loads or runs."""
    chat = Conversation(number, "T", False, "", "", None, 0, ThinkingLimits(), "", None, 0.0, 0.0)
    message = StoredMessage(1, 1, None, "assistant", reply, "", "", None, "stop", "", 0.0)
    page = to_html(chat, [message], formulas.draw).casefold()
    body = page[page.index("<body") :]
    for tag in (
        "<script",
        "<iframe",
        '<img src="http',
        "<object",
        "<embed",
        "<link",
        "<meta",
        "<base",
        "<video",
    ):
        assert tag not in body, (tag, reply)


if __name__ == "__main__":
    main()
