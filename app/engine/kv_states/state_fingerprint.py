"""Identify what a saved state depends on: the weights, and how its context computes and stores the cache."""

import hashlib
from pathlib import Path

from app.engine.protocol import LoadSettings
from models.system.regular_file import open_regular

_SAMPLE_BYTES = 1 << 20


def state_fingerprint(path: Path, plan: LoadSettings, llama_cpp_version: str) -> str:
    """Return a digest that is equal for two loads where a state of one is right for the other.

    The weights are told by the file's size, time, beginning and end: hashing a model of 40 GB whole would
    take longer than the evaluation that a state spares. `plan` holds no automatic values. Raises `OSError`.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        stat = path.stat()
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, stat.st_size - _SAMPLE_BYTES))
        digest.update(file.read(_SAMPLE_BYTES))
    # Positions depend on a stretched context's length, the layout on the number of sequences.
    stretch = plan.context_tokens if plan.context_stretch > 1.0 else 0
    layout = (plan.kv_type, plan.flash_attention, plan.sequences, stretch)
    digest.update(repr((stat.st_size, stat.st_mtime_ns, layout, llama_cpp_version)).encode())
    return digest.hexdigest()
