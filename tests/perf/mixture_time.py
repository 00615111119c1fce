"""Time sensitivity and choice of a mixture against the plain build of the same checkpoint.

    python -m tests.perf.mixture_time CHECKPOINT --out FOLDER [--chunks 4]

FOLDER gets the full-precision file and an importance matrix over a few chunks, which both sides need and
which are not timed, and keeps them for the next run. The plain build is Q4_K_M with that matrix, from the
checkpoint; what is timed beside it is the measuring of all tensors and the choice for the plain file's bytes.
The memory is the largest of a child process, beside the size of the full-precision file that it holds.
"""

import argparse
import resource
import time
from pathlib import Path

from app.base.children import child_command
from converters.build.build_client import build
from converters.mixture.costs_client import measure_tensor_costs
from converters.mixture.mixture_for_size import MixtureChooser
from converters.process.messages import BuildRequest, MatrixFile
from converters.quality.measuring_client import collect
from models.system.progress import UNWATCHED

FULL, PLAIN = "BF16", "Q4_K_M"
MOST_TIMES = 6
BUILD, MEASURE = child_command("build"), child_command("measure")


def main() -> None:
    """Print seconds, their ratio and the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=4)
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    reference = out / f"model-{FULL}.gguf"
    if not reference.exists():
        build(BuildRequest(options.checkpoint, [FULL], out, "model"), BUILD)
    matrix = MatrixFile(out / "importance.imatrix", "own text")
    if not matrix.path.exists():
        collect(reference, matrix.path, MEASURE, most_chunks=options.chunks)

    started_s = time.monotonic()
    plain = build(BuildRequest(options.checkpoint, [PLAIN], out, "model", matrix), BUILD).outputs[0]
    plain_s = time.monotonic() - started_s
    print(f"{PLAIN} with the matrix, {plain.bytes:,} bytes: {plain_s:.1f} s", flush=True)

    costs_file = out / "tensors.costs"
    costs_file.unlink(missing_ok=True)
    started_s = time.monotonic()
    costs = measure_tensor_costs(
        reference, costs_file, MEASURE, UNWATCHED, belongs_to="this", matrix=matrix.path
    )
    measured_s = time.monotonic() - started_s
    measured = sum(not cost.estimated for cost in costs.tensors.values())
    print(f"sensitivity, {measured} of {len(costs.tensors)} tensors measured: {measured_s:.1f} s", flush=True)

    started_s = time.monotonic()
    mixture = MixtureChooser(costs).choose(plain.bytes)
    choice_s = time.monotonic() - started_s
    print(f"choice, {mixture.bytes:,} bytes: {choice_s:.1f} s")
    print(f"together {(measured_s + choice_s) / plain_s:.2f} plain builds (aim {MOST_TIMES})")
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    above = peak_bytes - reference.stat().st_size
    print(f"memory {peak_bytes / 1e9:.2f} GB at most, {above / 1e9:.2f} GB above the {FULL} file (aim 1.5)")


if __name__ == "__main__":
    main()
