"""The measuring process: what `converters.quality.measuring_client` asks, with the engine's way to llama.cpp.

Run as `python -m app.acquire.measure_worker`, or by a bundle's own executable.
"""

import json
import sys
from typing import Any

from converters.mixture.costs_client import CostsRequest, MeasuredCosts
from converters.process.child_server import serve
from converters.quality.measuring_client import (
    CollectedImatrix,
    ImatrixRequest,
    MeasuredQuality,
    QualityRequest,
    TextPart,
    TextRequest,
)
from models.system.progress import OnProgress

_REQUESTS: Any = QualityRequest | ImatrixRequest | TextRequest | CostsRequest


def main() -> int:
    """Serve one request; 0 when it succeeded."""
    return serve(_REQUESTS, _work)


def _work(
    request: QualityRequest | ImatrixRequest | TextRequest | CostsRequest, on_progress: OnProgress
) -> MeasuredQuality | CollectedImatrix | TextPart | MeasuredCosts:
    # llama.cpp's libraries are loaded only now: a process that is told to end before does so at once.
    from app.engine.devices.native_log import NativeLog
    from app.engine.llama.backend import Backend
    from app.engine.planning.cards import offload_devices
    from converters.quality.evaluation import Machine, MeasuringText
    from models.system.cores import physical_cores

    log = NativeLog()
    backend = Backend(log)

    def gpu_free_bytes() -> int:
        cards = offload_devices(backend.devices())
        return sum(card.memory_free_bytes for card in cards if card.kind == "gpu")

    machine = Machine(physical_cores(), gpu_free_bytes, log.reason)
    if isinstance(request, TextRequest):
        from converters.quality.perplexity import read_text

        return read_text(request, machine, on_progress)
    # As llama.cpp's tools read a prompt's file.
    text = MeasuringText(request.text.read_bytes().removesuffix(b"\n"), request.text_name)
    if isinstance(request, CostsRequest):
        from converters.imatrix.imatrix_file import Importance, read_imatrix
        from converters.mixture.sensitivity import Inputs, measure_costs
        from converters.mixture.tensor_costs import CostsFile

        importance = (
            read_imatrix(request.matrix).importance(request.matrix.name)
            if request.matrix is not None
            else Importance("", "", 0, {})
        )
        inputs = Inputs(request.model, text, importance)
        file = CostsFile(request.out, request.belongs_to)
        return MeasuredCosts(costs=measure_costs(inputs, machine, backend.ggml, on_progress, file))
    if isinstance(request, QualityRequest):
        from converters.quality.quality_measurement import measure_quality

        qualities = measure_quality(
            request.reference, request.models, text, machine, on_progress, most_chunks=request.most_chunks
        )
        return MeasuredQuality(qualities=qualities)
    from converters.imatrix.imatrix_collection import collect_imatrix
    from converters.imatrix.imatrix_file import write_imatrix
    from converters.imatrix.unfinished_imatrix import UnfinishedMatrix, unfinished_path

    belongs_to = json.dumps([request.notes, request.most_chunks], sort_keys=True)
    unfinished = UnfinishedMatrix(unfinished_path(request.out), belongs_to)
    matrix = collect_imatrix(
        request.model,
        text,
        machine,
        backend.ggml,
        on_progress,
        most_chunks=request.most_chunks,
        unfinished=unfinished if request.notes else None,
    )
    write_imatrix(matrix, request.out, request.notes)
    unfinished.remove()
    return CollectedImatrix(chunks=matrix.chunks, tensors=len(matrix.sums))


if __name__ == "__main__":
    sys.exit(main())
