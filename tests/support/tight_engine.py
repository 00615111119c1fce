"""An engine's process for which this computer has no memory left beside a model that is loaded.

Real models are too small here to fill it, so the free memory is named in its place.
"""

from functools import partial

from app.engine.worker import worker
from app.engine.worker.engine_core import EngineCore


def main() -> None:
    worker.EngineCore = partial(EngineCore, free_ram=lambda: 0)  # type: ignore[misc, assignment] # the memory
    worker.main()


if __name__ == "__main__":
    main()
