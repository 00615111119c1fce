"""A page of HTML is shown without scripts and without asking anybody for anything."""

import base64
import struct
import time
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.code.html_page import LONGEST_SOURCE
from app.ui.base.theme import Theme
from app.ui.reply.code_card import CodeCard
from app.ui.reply.html_preview import HtmlPreview, picture_of
from tests.support.widgets import seen_button, seen_words


def png(width: int, height: int, pixels: bytes | None = None) -> str:
    """The address of a grey picture of this size, or of one that only claims it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(pixels if pixels is not None else (b"\0" + b"\x80" * width) * height)
    made = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(made).decode()


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    host = QWidget()
    qtbot.addWidget(host)
    return host


def test_only_cards_of_html_have_the_button(qtbot: QtBot, qapp: QApplication) -> None:
    card = CodeCard(Theme(qapp, "light"))
    qtbot.addWidget(card)
    card.set_code("print(1)", "python")
    assert not [made for made in card.findChildren(QWidget) if "Preview" in made.accessibleName()]
    card.set_code("<h1>Hello", "html")
    button = seen_button(card, "Preview")
    assert button.accessibleName() == "Preview without scripts"
    card.set_code("<h1>Hello</h1><p>World</p>", "html")
    button.click()
    [dialog] = card.findChildren(HtmlPreview)
    assert dialog.windowTitle() == "Preview without scripts"
    assert dialog.view.toPlainText() == "Hello\nWorld"
    dialog.close()
    card.set_code("x", "css")
    assert not button.isVisibleTo(card)


def test_no_server_is_asked(qtbot: QtBot, host: QWidget) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}"
    dialog = HtmlPreview(
        f"<head><link rel=stylesheet href={at}/a.css><style>@import '{at}/b.css'; "
        f"p {{ background: url({at}/c.png) }}</style><script src={at}/d.js></script></head>"
        f"<p style='background-image: url({at}/e.png)'>Text<img src={at}/f.png alt=cat>"
        f"<iframe src={at}/g></iframe><img src=file:///etc/hostname><a href={at}/h>link</a>",
        host,
    )
    dialog.open()
    dialog.grab()
    # What the view itself would load for such a page.
    for name in ("/i.png", "/j.css"):
        for kind in (1, 2, 3):
            assert not dialog.view.loadResource(kind, QUrl(at + name))
    dialog.view.anchorClicked.emit(QUrl(f"{at}/h"))
    assert f"The link leads to {at}/h. It is not opened." in seen_words(dialog)
    qtbot.wait(50)
    server.shutdown()
    server.server_close()
    assert asked == []
    assert "cat" in dialog.view.toPlainText()


def test_pictures_of_the_page_are_drawn_and_bombs_are_not(host: QWidget) -> None:
    assert picture_of(png(3, 2)).size().toTuple() == (3, 2)
    assert picture_of(png(60_000, 60_000, b"\0" * 100)).isNull()
    assert picture_of("data:image/png;base64,!!").isNull()
    assert picture_of("data:image/png;base64,aGVsbG8=").isNull()
    dialog = HtmlPreview(f"<img src='{png(120, 40)}'>", host)
    dialog.show()
    dialog.grab()
    assert dialog.view.document().size().height() >= 40


def test_a_long_page_says_that_it_is_its_beginning(host: QWidget) -> None:
    dialog = HtmlPreview("<p>line</p>" * (LONGEST_SOURCE // 10), host)
    assert "this is its beginning" in " ".join(label.text() for label in dialog.findChildren(QLabel))


def test_the_page_is_black_on_white_in_the_dark_theme_too(host: QWidget, qapp: QApplication) -> None:
    theme = Theme(qapp, "dark")
    dialog = HtmlPreview("<p>Text</p>", host)
    dialog.show()
    colours = {dialog.view.grab().toImage().pixelColor(x, 200).name() for x in range(20, 200, 20)}
    assert colours == {"#ffffff"}
    theme.choose("light")
    assert QGuiApplication.instance() is not None


def test_links_can_be_read_on_white_in_the_dark_theme_too(host: QWidget, qapp: QApplication) -> None:
    theme = Theme(qapp, "dark")
    dialog = HtmlPreview("<a href='http://x'>link</a>", host)
    written = dialog.view.document().begin().begin().fragment().charFormat().foreground().color()
    assert written.lightnessF() < 0.4
    theme.choose("light")


@pytest.mark.parametrize(
    "source",
    [
        "<table><tr>" + "<td colspan=99999>x" * 3000,
        "<table><tr><td>" * 4 + "<p>x" * 3000,
        "<blockquote>" * 40 + "<li>x" * 3000,
        "<div style='margin: 99999999px'>" * 40 + "x" * 100_000,
        "<style>div { margin-left: 300px; padding: 0 300px }</style>" + "<div>" * 40 + "x" * 100_000,
        "<blockquote>" * 40 + "x" * 100_000,
        "<table width=1><tr><td width=1>" * 4 + "x" * 100_000,
        "<table width=1><tr><td width=1>" * 4 + "a " * 60_000,
        "<table width=10%><tr><td width=10%>" * 4 + "a " * 60_000,
        "<table><tr><td>" * 4 + "word " * 30_000,
        "<pre>" + "x" * 150_000,
        "<p style='font-size: 99999999pt'>x",
        "<ul><li>" * 40 + "word " * 30_000,
    ],
)
def test_no_page_holds_the_window_for_long(host: QWidget, source: str) -> None:
    started_s = time.process_time()
    dialog = HtmlPreview(source, host)
    dialog.show()
    dialog.grab()
    assert time.process_time() - started_s < 20, "a bound for hanging, not for speed"
