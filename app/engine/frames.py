"""How messages travel over a pipe: a little-endian 32-bit length, then msgpack."""

import struct
import threading
from typing import BinaryIO

import msgspec

from app.engine.messages import Event, Message, Request

# A prompt of a million tokens as integers is 5 MB: anything longer is a broken stream, not a message.
MAX_FRAME_BYTES = 256 * 1024 * 1024

_LENGTH = struct.Struct("<I")


class FrameError(Exception):
    """The stream holds something that is no message of ours."""


class FrameWriter:
    """Writes messages to a pipe; any thread, one message at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._encoder = msgspec.msgpack.Encoder()

    def write(self, message: Message) -> None:
        """Send `message` at once. Raises `OSError` or `ValueError` when the pipe is gone."""
        payload = self._encoder.encode(message)
        frame = memoryview(_LENGTH.pack(len(payload)) + payload)
        with self._lock:
            while frame:
                written = self._stream.write(frame)
                frame = frame[written:]
            self._stream.flush()

    def close(self) -> None:
        """Close the pipe, which the other side reads as the end."""
        with self._lock:
            self._stream.close()


class RequestReader:
    """Reads requests from a pipe; one thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)

    def read(self) -> Request | None:
        """The next request, or None at the end of the stream. Raises `FrameError`."""
        payload = read_frame(self._stream)
        if payload is None:
            return None
        try:
            return self._decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise FrameError(str(error)) from error


class EventReader:
    """Reads events from a pipe; one thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)

    def read(self) -> Event | None:
        """The next event, or None at the end of the stream. Raises `FrameError`."""
        payload = read_frame(self._stream)
        if payload is None:
            return None
        try:
            return self._decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise FrameError(str(error)) from error


def read_frame(stream: BinaryIO) -> bytes | None:
    """One frame's payload; None at the end, also when the stream ends inside a frame."""
    header = _read_exactly(stream, _LENGTH.size)
    if header is None:
        return None
    (size,) = _LENGTH.unpack(header)
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {size} bytes")
    return _read_exactly(stream, size)


def _read_exactly(stream: BinaryIO, size: int) -> bytes | None:
    chunks = bytearray()
    while len(chunks) < size:
        chunk = stream.read(size - len(chunks))
        if not chunk:
            return None
        chunks += chunk
    return bytes(chunks)


def encodable(text: str) -> str:
    """`text` with a "?" for each lone surrogate (half of a pasted emoji), which has no UTF-8 form."""
    return text.encode("utf-8", "replace").decode("utf-8")
