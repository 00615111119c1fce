import pytest

from app.engine.devices.native_log import (
    LEVEL_CONTINUE,
    LEVEL_DEBUG,
    LEVEL_ERROR,
    LEVEL_INFO,
    LEVEL_WARN,
    NativeLog,
)


def test_the_reason_is_the_errors(capsys: pytest.CaptureFixture[str]) -> None:
    log = NativeLog()
    log.write(LEVEL_INFO, "loading\n")
    log.write(LEVEL_WARN, "careful\n")
    log.write(LEVEL_ERROR, "tensor 'x' ")
    log.write(LEVEL_CONTINUE, "has the wrong shape\n")
    assert log.reason() == "tensor 'x' has the wrong shape"
    assert "has the wrong shape" in capsys.readouterr().err


def test_without_errors_the_reason_is_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    log = NativeLog()
    log.write(LEVEL_WARN, "careful\n")
    log.write(LEVEL_DEBUG, "noise\n")
    assert log.reason() == "careful"
    log.clear()
    assert log.reason() == ""
    assert "noise" not in capsys.readouterr().err


def test_an_unfinished_line_is_kept_when_the_next_begins() -> None:
    log = NativeLog()
    log.write(LEVEL_ERROR, "no newline")
    log.write(LEVEL_INFO, "next\n")
    assert log.reason() == "no newline"


def test_buffers_are_summed_by_name() -> None:
    log = NativeLog()
    for line in (
        "load_tensors:   CPU_Mapped model buffer size =    92.10 MiB\n",
        "llama_kv_cache:        CPU KV buffer size =   180.00 MiB\n",
        "llama_context:        CPU  output buffer size =     0.19 MiB\n",
        "sched_reserve:        CPU compute buffer size =    10.00 MiB\n",
    ):
        log.write(LEVEL_INFO, line)
    mebibyte = 1024 * 1024
    assert log.buffers() == {
        "CPU_Mapped": round(92.10 * mebibyte),
        "CPU": round(0.19 * mebibyte) + 190 * mebibyte,
    }


def test_a_line_of_megabytes_is_cut_and_searched_at_once() -> None:
    log = NativeLog()
    log.write(LEVEL_INFO, "general.name str = " + "x" * (5 << 20) + "\n")
    log.write(LEVEL_INFO, "y" * (5 << 20))
    log.write(LEVEL_INFO, "CPU buffer size = 1.00 MiB\n")
    assert log.buffers() == {"CPU": 1 << 20}
