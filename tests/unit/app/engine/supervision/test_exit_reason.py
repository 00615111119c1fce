import pytest

from app.engine.supervision.exit_reason import Cause, describe_exit, explain
from app.engine.supervision.stalled_step import HUNG_STATUS


@pytest.mark.parametrize(
    ("status", "said", "cause"),
    [
        (-9, "", "memory"),
        (0xC0000017, "", "memory"),
        (
            -6,
            "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 512 MiB on device 0: cudaMalloc failed: "
            "out of memory",
            "memory",
        ),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "memory"),
        (-6, "vk::Device::allocateMemory: ErrorOutOfDeviceMemory", "memory"),
        (-6, "ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 1234", "memory"),
        (-6, "terminate called after throwing an instance of 'vk::DeviceLostError'", "gpu"),
        (-6, "ggml-cuda.cu:97: CUDA error\nCUDA error: unspecified launch failure", "gpu"),
        (-7, "", "file"),
        (0xC0000006, "", "file"),
        (HUNG_STATUS, "a step of 32 tokens has not ended after 10 s", "hang"),
        (-11, "Fatal Python error: Segmentation fault", "unknown"),
        (-6, "GGML_ASSERT(n_tokens > 0) failed", "unknown"),
        (1, "", "unknown"),
    ],
)
def test_the_cause_is_read_from_the_end(status: int, said: str, cause: Cause) -> None:
    death = explain(status, said)
    assert death.cause == cause
    assert str(death.error)
    assert death.error.hint_text()
    assert death.error.native == said


def test_a_file_that_was_written_into_is_named() -> None:
    death = explain(-7, "", changed_file="Q4_K_M.gguf")
    assert "Q4_K_M.gguf was changed while it was in use" in str(death.error)


def test_a_process_that_was_killed_for_its_silence_has_hung() -> None:
    assert explain(-9, "", silent=True).cause == "hang"


def test_a_process_that_was_killed_while_memory_was_free_ran_out_of_none() -> None:
    death = explain(-9, "", memory_was_short=False)
    assert death.cause == "outside"
    assert "by another program" in str(death.error)
    assert explain(-6, "std::bad_alloc", memory_was_short=False).cause == "memory", "its own words count"


def test_what_was_said_before_the_last_words_tells_the_cause_too() -> None:
    death = explain(
        -6, "ggml-cuda.cu:97: CUDA error", "CUDA error: out of memory\nggml-cuda.cu:97: CUDA error"
    )
    assert death.cause == "memory"
    assert death.error.native == "ggml-cuda.cu:97: CUDA error"


@pytest.mark.parametrize(
    ("status", "words"),
    [(-11, "signal SIGSEGV"), (-99, "signal 99"), (3, "exit code 3"), (0xC0000005, "exit code 0xc0000005")],
)
def test_an_exit_status_is_told_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words


@pytest.mark.parametrize(
    "words",
    [
        "Remote RPC server crashed or returned malformed response",
        "Failed to connect to 192.168.1.20:50052",
        "RPC handshake failed for 192.168.1.20:50052",
    ],
)
def test_a_computer_that_is_gone_is_told_from_a_crash(words: str) -> None:
    death = explain(-6, words)
    assert death.cause == "peer"
    assert "without that computer" in death.error.hint
