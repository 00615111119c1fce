"""Write the starter's checkpoint with noise of a step of its grid added to the weights.

    python -m tests.perf.loss_models.dithered_starter FOLDER

They lie on the 16 steps of Q4_1, which types with such a grid meet exactly and others do not: no figure of
what quantising costs would hold for another model. The noise is the same each time; what it costs is in the
weights that the files are compared with.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter

_BLOCK, _BLOCK_BYTES = 32, 20
"""Of Q4_1: a step and a least value in 16 bits each, then the weights."""


class Dither:
    """Adds up to half a step to each weight."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def __call__(
        self, weights: npt.NDArray[np.float32], data: npt.NDArray[np.uint8], kind: str
    ) -> npt.NDArray[np.float32]:
        """Return the weights of a tensor with noise, those of another type than Q4_1 as they are."""
        if kind != "Q4_1":
            return weights
        blocks = np.ascontiguousarray(data).reshape(-1, _BLOCK_BYTES)
        steps = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        noise = steps * self._random.uniform(-0.5, 0.5, (len(blocks), _BLOCK)).astype(np.float32)
        return (weights.reshape(-1, _BLOCK) + noise).reshape(weights.shape)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    rebuild_starter(starter, parser.parse_args().folder, changed=Dither())


if __name__ == "__main__":
    main()
