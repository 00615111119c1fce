"""The stages of the check of a graphics card, in the order in which they run."""

from collections.abc import Callable

from app.base.errors import StillroomError
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.ends import engine_held, engine_killed, reply_stopped
from tests.perf.gpu_check.kernels import (
    kernels_cold_and_warm,
    tests_for_cards,
    tests_of_the_back_end,
    two_devices,
)
from tests.perf.gpu_check.memory import filled_by_another, given_back, predicted_and_real
from tests.perf.gpu_check.points import OutOfTime
from tests.perf.gpu_check.speed import (
    against_llama_bench,
    drawn_on_the_device,
    guesses,
    partial_offload,
    python_share,
    vulkan_against_cuda,
)

Work = Callable[[Check], None]

STAGES: dict[str, tuple[str, tuple[Work, ...]]] = {
    "kernels": ("Kernels against the processor's", (kernels_cold_and_warm,)),
    "models": ("Models with random weights, made here", (Check.make_models,)),
    "llama-bench": ("Speed, and llama-bench's", (against_llama_bench,)),
    "python": ("Python's share of a step", (python_share,)),
    "drawing": ("Tokens drawn on the device, and by us", (drawn_on_the_device,)),
    "guesses": ("Prompt lookup and a draft model", (guesses,)),
    "partial": ("With a part of the layers on the card", (partial_offload,)),
    "memory": ("Memory: shown, allocated, taken", (predicted_and_real,)),
    "filled": ("The card's memory taken by another program", (filled_by_another,)),
    "ends": ("Ends in the middle of a reply", (reply_stopped, engine_held, engine_killed)),
    "given back": ("Memory after the model's end", (given_back,)),
    "two devices": ("One card as two devices", (two_devices,)),
    "vulkan": ("Vulkan against CUDA", (vulkan_against_cuda,)),
    "tests": ("The tests for cards", (tests_for_cards,)),
    "operations": ("llama.cpp's own tests of its kernels", (tests_of_the_back_end,)),
}
"""The title of each, and its parts; what is wanted most comes first."""


def run_stages(check: Check, names: list[str], write: Callable[[], None]) -> list[str]:
    """Run them in their order, and `write` the report after each: whoever ends this process, it is there. The
    names of those that there was no time to finish."""
    left = []
    for number, name in enumerate(names):
        title, works = STAGES[name]
        print(f"{name}: {title}", flush=True)
        try:
            for work in works:
                work(check)
            check.points.finish(name)
        except OutOfTime:
            if name == "models" or check.points.is_over:
                write()
                return [*left, *names[number:]]
            # A later stage may have points that are quicker.
            left.append(name)
        except (StillroomError, OSError) as error:
            # Such as a model that could not be made; the other stages may do without it.
            check.points.fail(name, error)
        write()
    return left
