"""The files that come while the build process is at work: it says which it needs, and when one is used up."""

import threading
from collections.abc import Callable, Sequence

import msgspec

from converters.process.messages import FilesNeeded, FileUsed
from models.hub.arrival import Arrival

Say = Callable[[msgspec.Struct], None]


class Arrivals:
    """The build process's side; any thread. `say` sends a message to the parent."""

    def __init__(self) -> None:
        self._say: Say | None = None
        self._there: dict[str, Arrival] = {}
        self._changed = threading.Condition()

    def connect(self, say: Say) -> None:
        """Send messages to the parent from now on."""
        self._say = say

    def on_line(self, line: bytes) -> None:
        """Take the parent's message on how much of a file is there."""
        message = msgspec.json.decode(line, type=Arrival)
        with self._changed:
            self._there[message.name] = message
            self._changed.notify_all()

    def need(self, files: Sequence[str]) -> None:
        """Ask for `files`, in this order."""
        self._send(FilesNeeded(files=list(files)))

    def wait_for(self, file: str, end: int | None = None) -> Arrival:
        """Block until `file` is there up to byte `end`, or until it is whole and verified."""

        def is_there() -> bool:
            there = self._there.get(file)
            return there is not None and (there.verified or (end is not None and there.bytes >= end))

        with self._changed:
            self._changed.wait_for(is_there)
            return self._there[file]

    def used(self, file: str) -> None:
        """Let `file` go: everything in it is stored in the outputs."""
        self._send(FileUsed(file=file))

    def _send(self, message: msgspec.Struct) -> None:
        if self._say is None:
            raise AssertionError("nobody brings files")
        self._say(message)
