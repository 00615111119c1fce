"""Read and write messages over a pipe: a little-endian 32-bit length, then msgpack."""

import struct
import threading
from typing import BinaryIO

import msgspec

from app.engine.protocol import Event, Message, Request

# A prompt of a million tokens as integers is 5 MB: anything longer is a broken stream, not a message.
MAX_FRAME_BYTES = 256 * 1024 * 1024

_LENGTH = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()


class FrameError(Exception):
    """The stream holds something that is no message of ours."""


class FrameWriter:
    """Writes messages to a pipe; any thread, one message at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, message: Message) -> None:
        """Send `message` at once. Raises `OSError` or `ValueError` when the pipe is gone."""
        frame = encode_frame(message)
        with self._lock:
            write_frame(self._stream, frame)


class RequestReader:
    """Reads requests from a pipe; one thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)

    def read(self) -> Request | None:
        """Read the next request, or None at the end of the stream. Raises `FrameError`."""
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
        """Read the next event, or None at the end of the stream. Raises `FrameError`."""
        payload = read_frame(self._stream)
        if payload is None:
            return None
        try:
            return self._decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise FrameError(str(error)) from error


def encode_frame(message: Message) -> bytes:
    """Encode a message as a frame; any thread."""
    payload = _ENCODER.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def write_frame(stream: BinaryIO, frame: bytes) -> None:
    """Write all of it; waits for the other side. Raises `OSError` or `ValueError` when the pipe is gone."""
    left = memoryview(frame)
    while left:
        left = left[stream.write(left) :]
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read one frame's payload; None at the end, also when the stream ends inside a frame."""
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
    """Put a "?" for each lone surrogate (half of a pasted emoji), which has no UTF-8 form."""
    return text.encode("utf-8", "replace").decode("utf-8")
