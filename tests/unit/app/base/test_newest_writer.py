import threading

from app.base.newest_writer import NewestWriter
from tests.support.held_disk import HANGS_S, at_once


def test_what_came_while_it_wrote_is_written_once_and_last() -> None:
    said, written = ["first"], list[str]()
    began, goes_on = threading.Event(), threading.Event()

    def write() -> None:
        newest = said[-1]
        began.set()
        assert goes_on.wait(HANGS_S)
        written.append(newest)

    writer = NewestWriter("a-writer", write)
    writer.wake()
    assert began.wait(HANGS_S)
    for text in ("second", "third"):
        said.append(text)
        at_once(writer.wake)
    assert not writer.flush(0.0)
    goes_on.set()
    assert writer.flush(HANGS_S)
    assert written == ["first", "third"]


def test_a_write_that_fails_does_not_end_it() -> None:
    tries: list[int] = []

    def write() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise OSError("no")

    writer = NewestWriter("a-writer", write)
    writer.wake()
    assert writer.flush(HANGS_S)
    writer.wake()
    assert writer.flush(HANGS_S)
    assert tries == [0, 1]
