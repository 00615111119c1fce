"""Have a process of its own measure the cost of quantising each tensor, with progress and cancel."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from converters.gguf.gguf_reader import check_gguf
from converters.mixture.tensor_costs import TensorCosts
from converters.quality.measuring_client import OWN_TEXT, ask, calibration_text
from models.system.progress import UNWATCHED, JobContext


class CostsRequest(msgspec.Struct, frozen=True, kw_only=True, tag="costs"):
    """Measure what each type costs each tensor of the full-precision file `model` on the file `text`.

    `matrix` is the file of an importance matrix, None without one. What is measured is kept in the file
    `out`, and goes on there where it `belongs_to` the same.
    """

    model: Path
    text: Path
    text_name: str
    out: Path
    belongs_to: str
    matrix: Path | None = None


class MeasuredCosts(msgspec.Struct, frozen=True, kw_only=True, tag="measured_costs"):
    """The answer."""

    costs: TensorCosts


def measure_tensor_costs(
    model: Path,
    out: Path,
    command: Sequence[str],
    job: JobContext = UNWATCHED,
    *,
    belongs_to: str,
    matrix: Path | None = None,
) -> TensorCosts:
    """Measure the costs of the full-precision GGUF file `model` on Stillroom's own calibration text, and keep
    them in the file `out`.

    `command` starts the measuring process. The stage is "sensitivity", in tokens. One that is stopped goes on
    at the next call. Blocks; any thread. Raises `BuildError`, `GgufError` and `Cancelled`.
    """
    check_gguf(model)
    request = CostsRequest(
        model=model,
        text=calibration_text(),
        text_name=OWN_TEXT,
        out=out,
        belongs_to=belongs_to,
        matrix=matrix,
    )
    return ask(command, request, MeasuredCosts, job).costs
