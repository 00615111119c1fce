"""The build process. Run as `python -m converters.build.build_worker`, or by a bundle's own executable."""

import sys
from functools import partial

from converters.build.build_run import run_build
from converters.imatrix.imatrix_file import read_imatrix
from converters.process.child_server import serve
from converters.process.messages import BuildRequest, BuildResult
from converters.process.peak_memory import peak_memory_bytes
from converters.process.shard_messages import Arrivals
from models.system.progress import OnProgress


def main() -> int:
    """Serve one build; 0 when it succeeded."""
    arrivals = Arrivals()
    return serve(BuildRequest, partial(_build, arrivals), arrivals)


def _build(arrivals: Arrivals, request: BuildRequest, on_progress: OnProgress) -> BuildResult:
    importance = None
    if request.matrix is not None:
        path = request.matrix.path
        importance = read_imatrix(path).importance(path.name)
    outputs = run_build(request, on_progress, importance, arrivals)
    return BuildResult(outputs=outputs, peak_memory_bytes=peak_memory_bytes())


if __name__ == "__main__":
    sys.exit(main())
