"""A copy of a GGUF file of which one tensor is not what it was: a damaged disk, or another build."""

import shutil
from pathlib import Path

import gguf
import numpy as np


def perturbed_copy(model: Path, folder: Path, tensor: str = "blk.12.ffn_down.weight") -> Path:
    """The copy; the lowest bit of each tenth row's quants is flipped in `tensor`."""
    copy = folder / model.name
    shutil.copyfile(model, copy)
    [found] = [one for one in gguf.GGUFReader(copy, "r").tensors if one.name == tensor]
    offset, size = int(found.data_offset), int(found.n_bytes)
    assert found.tensor_type is gguf.GGMLQuantizationType.Q4_1
    with copy.open("r+b") as file:
        file.seek(offset)
        # A block of Q4_1 is scale and minimum (two half floats) and 32 quants of 4 bits.
        blocks = np.frombuffer(file.read(size), np.uint8).reshape(-1, 20).copy()
        blocks[::10, 4:] ^= 0x11
        file.seek(offset)
        file.write(blocks.tobytes())
    return copy
