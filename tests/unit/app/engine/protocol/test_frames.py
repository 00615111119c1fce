import io
import struct

import pytest

from app.engine.protocol import Delta, Generate, Load, LoadSettings, Part, Sampling
from app.engine.protocol.frames import EventReader, FrameError, FrameWriter, RequestReader


def test_requests_come_back_as_they_were() -> None:
    requests = [
        Load(request_id=1, path="/a/é.gguf", settings=LoadSettings(kv_type="q8_0")),
        Generate(request_id=2, parts=[Part("hi", True)], sampling=Sampling(seed=3), stop=["x"]),
    ]
    pipe = io.BytesIO()
    writer = FrameWriter(pipe)
    for request in requests:
        writer.write(request)
    pipe.seek(0)
    reader = RequestReader(pipe)
    assert [reader.read(), reader.read()] == requests
    assert reader.read() is None


def test_a_stream_that_ends_inside_a_frame_is_at_its_end() -> None:
    pipe = io.BytesIO()
    FrameWriter(pipe).write(Delta(request_id=1, channel="answer", text="hello", tokens=1))
    whole = pipe.getvalue()
    for size in range(len(whole)):
        assert EventReader(io.BytesIO(whole[:size])).read() is None


@pytest.mark.parametrize("stream", [struct.pack("<I", 3) + b"abc", struct.pack("<I", 1 << 31)])
def test_what_is_no_message_is_refused(stream: bytes) -> None:
    with pytest.raises(FrameError):
        EventReader(io.BytesIO(stream)).read()


def test_a_pipe_that_takes_little_at_a_time_gets_everything() -> None:
    class Narrow(io.BytesIO):
        def write(self, data: object) -> int:
            return super().write(bytes(data)[:3])  # type: ignore[call-overload] # memoryview from the writer

    pipe = Narrow()
    FrameWriter(pipe).write(Delta(request_id=1, channel="answer", text="hello", tokens=1))
    event = EventReader(io.BytesIO(pipe.getvalue())).read()
    assert isinstance(event, Delta)
    assert event.text == "hello"
