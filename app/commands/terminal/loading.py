"""Loads a model for a command, with progress and Ctrl+C."""

import threading
from concurrent.futures import TimeoutError as FutureTimeoutError

from app.commands.terminal.console import WAKE_S, Console
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadNotice, LoadSettings, ModelInfo
from models.store.store import InstalledModel
from models.system.progress import Progress


def load_model(
    client: EngineClient,
    model: InstalledModel,
    settings: LoadSettings,
    console: Console,
    cancel: threading.Event,
) -> ModelInfo:
    """The loaded model; what the user should know about it goes to stderr.

    Raises `EngineError` with llama.cpp's reason, or `Cancelled`.
    """
    fraction = 0.0
    said: list[LoadNotice] = []

    def note_fraction(done: float) -> None:
        nonlocal fraction
        fraction = done

    load = client.load(str(model.path), settings, note_fraction)
    while not load.future.done():
        if cancel.is_set():
            load.cancel()
        try:
            load.future.exception(timeout=WAKE_S)
        except FutureTimeoutError:
            said = _say(client.state.load_notice, said, console)
            if console.is_terminal:
                done = round(fraction * model.bytes)
                console.progress(Progress("load", done, model.bytes, model.reference))
    info = load.future.result()
    console.clear()
    for notice in info.notices:
        said = _say(notice, said, console)
    return info


def _say(notice: LoadNotice | None, said: list[LoadNotice], console: Console) -> list[LoadNotice]:
    """Tell it unless it was told, such as before the file was read."""
    if notice is None or notice in said:
        return said
    console.note(str(notice))
    return [*said, notice]
