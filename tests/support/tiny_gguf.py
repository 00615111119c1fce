"""A valid GGUF file that holds nothing useful."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np


def write_tiny_gguf(
    path: Path,
    tensor_bytes: int = 4096,
    *,
    texts: Mapping[str, str] = {},
    tensor: str = "token_embd.weight",
    architecture: str = "llama",
) -> None:
    """Write one tensor of `tensor_bytes` (a multiple of 4) and the least metadata with `texts` to `path`."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, text in {"general.name": "Tiny", **texts}.items():
        writer.add_string(key, text)
    values = np.random.default_rng(5).standard_normal(tensor_bytes // 4, dtype=np.float32)
    writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
