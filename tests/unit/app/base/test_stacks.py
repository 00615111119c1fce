import inspect
import sys
import threading
import time

from app.base.stacks import thread_stacks


def test_each_thread_has_its_calls_the_innermost_first() -> None:
    going = threading.Event()
    done = threading.Event()

    def inner() -> None:
        going.set()
        done.wait()

    def outer() -> None:
        inner()

    thread = threading.Thread(target=outer)
    thread.start()
    try:
        assert going.wait(10)
        stacks = thread_stacks()
    finally:
        done.set()
        thread.join()
    assert thread.ident is not None
    names = [call.rsplit(" in ", 1)[1] for call in stacks[thread.ident]]
    assert names[names.index("inner") + 1] == "outer"
    line = inspect.getsourcelines(outer)[1] + 1
    assert f"{__file__}:{line} in outer" in stacks[thread.ident]
    own = stacks[threading.get_ident()]
    assert any("test_each_thread_has_its_calls" in call for call in own)


def test_a_look_at_threads_that_go_on_harms_none_of_them() -> None:
    ended = threading.Event()

    def counted(depth: int) -> int:
        return sum(counted(depth - 1) for _ in range(2)) if depth else 1

    def work() -> None:
        while not ended.is_set():
            assert counted(6) == 64

    threads = [threading.Thread(target=work) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        until = time.monotonic() + 1
        looks = 0
        while time.monotonic() < until or not looks:
            looks += 1
            assert {thread.ident for thread in threads} <= set(thread_stacks())
    finally:
        ended.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
