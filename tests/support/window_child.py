"""A window that is ended while it works: `python -m tests.support.window_child WORK HOW DELAY_S [MODEL]`.

In `STILLROOM_HOME`. WORK is one of `WORKS`, and MODEL what a download or a build is of. `DELAY_S` after the
work has begun the window does HOW: "close" closes it, "wait" leaves that to a signal, and "stopped" stops the
engine's process (SIGSTOP), does with it what a user does, and closes the window. "end" lets the work end.

It tells on stdout, a line each: "kept" with the messages and jobs that were there at the start (JSON), "at"
when the moment has come, and "closing" with the time (`time.monotonic`).
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit

from app.base.shutdown import end_at_once
from app.bench.results.run_database import BenchDatabase
from app.bootstrap import build_core
from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import Delta, Event, LoadSettings, Part, PromptProgress
from app.ui.base.bridge import Bridge
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.shell import program
from app.ui.shell.callback_watch import WatchedLoop
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.catalogue.starter import starter_file
from models.system.notices import NoticeInbox
from tests.support.pages.benchmark_page import open_page
from tests.support.waiting import until

SETTINGS = LoadSettings(context_tokens=2048, batch_tokens=32, threads=1)
LONG = "Tell me about rivers, lakes, seas, mountains and deserts. " * 25
LINE = "A line that is typed into the field while nobody reads it. " * 2 + "\n"
MEGABYTE = LINE * ((1 << 20) // len(LINE))
PROVOKED_S = 0.6
CLIENTS: list[socket.socket] = []
"""Connections that are held until the end."""


def tell(what: str, value: object = None) -> None:
    print(what, json.dumps(value), flush=True)


def begin_work(application: WindowApplication, work: Coroutine[Any, Any, Any]) -> None:
    """Begin it as a click does, so that it ends with the window."""
    bridge = Bridge(lambda error: None, application)
    application.window.closing.connect(bridge.close)
    bridge.start(work)


def stop_engine(application: WindowApplication) -> None:
    pid = application.session.client.state.pid
    if pid is not None:
        os.kill(pid, signal.SIGSTOP)


def chat_tab(application: WindowApplication) -> ChatTab:
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    return tab


async def loaded(application: WindowApplication) -> None:
    await until(lambda: application.session.info is not None, "the model")


async def load(application: WindowApplication) -> None:
    await loaded(application)
    starter = starter_file()
    assert starter is not None
    begin_work(application, application.session.load(starter, SETTINGS))
    await until(lambda: application.session.client.state.phase == "loading", "the load", turn_s=0.002)


async def _reply(application: WindowApplication, text: str, kind: type[Event]) -> None:
    await loaded(application)
    tab = chat_tab(application)
    # Not here, as the window does not, either: it waits for the disk.
    create = partial(application.parts.chats.create_conversation, choices=ReplyChoices(max_tokens=800))
    chat = await asyncio.to_thread(create)
    tab.open_chat(chat.id)
    seen: list[Event] = []
    application.session.client.observe_events(
        lambda event: seen.append(event) if isinstance(event, kind) else None
    )
    tab.send(f"{chat.id}: {text}")
    await until(lambda: bool(seen), "the reply", turn_s=0.002)


async def prefill(application: WindowApplication) -> None:
    await _reply(application, LONG, PromptProgress)


async def decode(application: WindowApplication) -> None:
    await _reply(application, "Tell me a long story about the sea.", Delta)


async def closing(application: WindowApplication) -> None:
    """Nothing is under way but the end."""
    await loaded(application)


async def typing(application: WindowApplication) -> None:
    await loaded(application)
    tab = chat_tab(application)
    tab.open_chat(None)
    _paste(tab, MEGABYTE[: 64 << 10])


async def job(application: WindowApplication) -> None:
    jobs = application.parts.jobs
    await loaded(application)
    if not jobs.jobs():
        jobs.add(sys.argv[4], ["Q8_0", "Q4_K_M"])
    await until(lambda: any(each.state in ("running", "failed", "done") for each in jobs.jobs()), "the job")
    await until(
        lambda: any(each.progress is not None or each.state == "done" for each in jobs.jobs()), "its progress"
    )


async def benchmark(application: WindowApplication) -> None:
    await loaded(application)
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    tab.show_page("speed")
    tab.speed.run()
    await until(lambda: bool(application.session.reserved_for), "the benchmark")
    await _first_result(application.parts.benchmarks, "turns")


async def _first_result(store: BenchDatabase, table: str) -> None:
    """Wait until something is kept, which later starts must find."""

    def kept() -> bool:
        with store.transaction() as db:
            return bool(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    await until(kept, "a result", turn_s=0.25)


async def quality(application: WindowApplication) -> None:
    await loaded(application)
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    open_page(tab, "quality", QualityPage).run()
    await until(lambda: bool(application.session.reserved_for), "the quality run")
    await _first_result(application.parts.quality_runs, "results")


async def api(application: WindowApplication) -> None:
    """Clients that hold connections: idle, in the middle of a request, and reading a long reply."""
    await loaded(application)
    server = application.server
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server.set(api_enabled=True, api_port=port)
    # It may have been on since the start, at another port.
    await until(lambda: server.running is not None and str(port) in server.running.url, "the local API")
    assert server.running is not None
    address = urlsplit(server.running.url)
    body = json.dumps({"prompt": "A long story. " * 20, "max_tokens": 1500, "stream": True}).encode()
    key = await server.key()
    head = f"POST /generate HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for sent in (b"", head.encode()[:40], head.encode() + body[:10], head.encode() + body) * 2:
        client = await asyncio.to_thread(socket.create_connection, (address.hostname, address.port))
        CLIENTS.append(client)
        client.sendall(sent)
    await until(lambda: server.stats.running > 0, "the reply", 20)


async def code(application: WindowApplication) -> None:
    await loaded(application)
    tab = application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    said: list[str] = []
    tab.runner.output.connect(lambda text, _: said.append(text))
    begin_work(application, tab.runner.run("print('on', flush=True)\nwhile True:\n    pass\n", "python"))
    await until(lambda: bool(said), "the program")


WORKS: dict[str, Callable[[WindowApplication], Awaitable[None]]] = {
    "load": load,
    "prefill": prefill,
    "decode": decode,
    "typing": typing,
    "closing": closing,
    "download": job,
    "build": job,
    "benchmark": benchmark,
    "quality": quality,
    "api": api,
    "code": code,
}


async def provoke(application: WindowApplication, work: str) -> None:
    """Do what a user does with an engine that does not answer: more than its pipe holds is sent to it."""
    tab = chat_tab(application)
    until_s = time.monotonic() + PROVOKED_S
    if work == "typing":
        for start in range(64 << 10, len(MEGABYTE), 128 << 10):
            _paste(tab, MEGABYTE[start : start + (128 << 10)])
            await asyncio.sleep(0.01)
    client = application.session.client
    for number in range(3):
        client.tokenize([Part(MEGABYTE)]).add_done_callback(lambda _: None)
        begin_work(application, application.session.count_tokens([Part(MEGABYTE)]))
        await asyncio.sleep(0.02)
        if number == 0 and work != "typing":
            tab.stop()
    for page in ("models", "code", "chat"):
        application.window.show_page(page)
        await asyncio.sleep(0.02)
    begin_work(application, application.session.unload())
    await asyncio.sleep(max(0.0, until_s - time.monotonic()))


async def scene(application: WindowApplication, work: str, how: str, delay_s: float) -> None:
    store = application.parts.chats
    chats = store.conversations()
    kept = [
        [message.role, message.outcome, message.thinking + message.content]
        for chat in chats[:1]
        for message in store.messages(chat.id)
    ]
    try:
        loop = asyncio.get_running_loop()
        if isinstance(loop, WatchedLoop) and loop.watch is not None:
            # The window's own making is before the first look at it.
            await loaded(application)
            for page in ("models", "code", "chat"):
                application.window.show_page(page)
                await asyncio.sleep(0.2)
            loop.watch.forget()
        await until(lambda: application.session.ready is not None, "the engine")
        tell("kept", {"messages": kept, "jobs": [each.state for each in application.parts.jobs.jobs()]})
        await WORKS[work](application)
        await asyncio.sleep(delay_s)
        if how == "stopped":
            if work == "closing":
                asyncio.get_running_loop().call_later(delay_s, stop_engine, application)
            else:
                stop_engine(application)
                await provoke(application, work)
        tell("at", _progress(application))
        if how == "wait":
            return
        if how == "end":
            await until(lambda: not application.session.reserved_for, "the end of the run", 600)
            jobs = application.parts.jobs
            await until(lambda: all(each.state == "done" for each in jobs.jobs()), "the end of the job", 600)
            tell("ended", _progress(application))
    except Exception as error:  # noqa: BLE001 - told to the test
        tell("failed", repr(error))
    tell("closing", time.monotonic())
    application.window.close()


def _progress(application: WindowApplication) -> list[object]:
    return [
        [each.state, None if each.progress is None else [each.progress.stage, each.progress.done]]
        for each in application.parts.jobs.jobs()
    ]


def _paste(tab: ChatTab, text: str) -> None:
    field = tab.composer.findChild(QPlainTextEdit)
    assert isinstance(field, QPlainTextEdit)
    field.moveCursor(QTextCursor.MoveOperation.End)
    field.insertPlainText(text)


def main() -> None:
    work, how, delay_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
    core = build_core()
    core.settings.update(load=SETTINGS, first_run_over=True)

    def begin(application: WindowApplication) -> None:
        begin_work(application, scene(application, work, how, delay_s))

    told = NoticeInbox()
    end_at_once(program.run_window(lambda: program_parts(core, told), core.paths.data, (), begin))


if __name__ == "__main__":
    main()
