"""Rich text as a PDF."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QThreadPool
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from app.ui.base.theme import UI_FAMILIES


async def pdf_of(html: str, title: str) -> bytes:
    """`html` (what Qt's rich text knows of it) on A4 pages; some milliseconds a page, on another thread.

    Pictures may be data addresses; nothing is fetched.
    """
    loop = asyncio.get_running_loop()
    printed: asyncio.Future[bytes] = loop.create_future()

    def end(tell: Callable[[], None]) -> None:
        if not printed.done():
            tell()

    def work() -> None:
        try:
            tell = partial(printed.set_result, _printed(html, title))
        except Exception as error:  # noqa: BLE001 - told to who waits for it
            tell = partial(printed.set_exception, error)
        # The window may be gone.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end, tell)

    # One of Qt's: of its fonts each thread has its own, which go with a thread that has Qt's events.
    QThreadPool.globalInstance().start(work)
    return await printed


def _printed(html: str, title: str) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Stillroom")
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(20, 18, 20, 18), QPageLayout.Unit.Millimeter)
    document = PrintedDocument()
    font = QFont()
    font.setFamilies(UI_FAMILIES)
    font.setPointSizeF(10)
    document.setDefaultFont(font)
    document.setHtml(html)
    document.print_(writer)
    del writer
    return bytes(buffer.data().data())


class PrintedDocument(QTextDocument):
    """Loads nothing but what the page itself holds."""

    def loadResource(self, kind: int, name: object) -> object:  # noqa: N802 - Qt's name
        """Return what an address of the page itself holds."""
        address = str(name.toString()) if hasattr(name, "toString") else str(name)
        return super().loadResource(kind, name) if address.startswith("data:") else None  # type: ignore[arg-type]
