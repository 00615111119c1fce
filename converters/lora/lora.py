"""A Hugging Face PEFT adapter (LoRA) as the GGUF file that llama.cpp puts on a model.

What comes out equals llama.cpp's own convert_lora_to_gguf.py, tensor for tensor. Adapters that it would
convert into something else than what was trained are refused or put right: rank-stabilised LoRA scales by
alpha / sqrt(rank), where llama.cpp divides by the rank.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import gguf
import numpy as np
import numpy.typing as npt

from converters.checkpoint.architectures import ModelSettings, expected_tensors, read_settings
from converters.checkpoint.checkpoint import Json
from converters.checkpoint.safetensors_file import DTYPE_BYTES, StoredTensor, read_header
from converters.gguf.gguf_layout import lay_out
from converters.gguf.gguf_types import F32
from converters.gguf.metadata_writer import encoded, new_metadata
from converters.lora.adapter_folder import CONFIG
from converters.system.errors import CheckpointError
from models.system.disk_space import require_room
from models.system.durable import write_durably
from models.system.foreign_json import MOST_JSON_BYTES, parse_json
from models.system.progress import raise_if_cancelled
from models.system.regular_file import open_regular, read_regular

WEIGHTS = "adapter_model.safetensors"

LARGEST_RANK = 1 << 16
PREFIX = "base_model.model."
_PIECE_VALUES = 4 << 20
"""Of a matrix in memory at once."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's settings. `alpha` is the one that llama.cpp divides by the rank of each matrix, which is
    `rank` unless `ranks_vary`."""

    folder: Path
    base_model: str
    rank: int
    alpha: float
    ranks_vary: bool = False


def read_adapter(folder: Path) -> Adapter:
    """Read the settings of the adapter in `folder`. Raises `CheckpointError` where it is no plain LoRA."""
    config = _json(folder / CONFIG)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise _unsupported("peft_type", kind)
    for key in ("use_dora", "fan_in_fan_out", "lora_bias", "alpha_pattern", "alora_invocation_tokens"):
        if config.get(key):
            raise _unsupported(key, config[key])
    if config.get("bias", "none") != "none":
        raise _unsupported("bias", config["bias"])
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if type(rank) is not int or not 0 < rank < LARGEST_RANK:
        raise _unsupported("r", rank)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1e6:
        raise _unsupported("lora_alpha", alpha)
    if config.get("use_rslora"):
        if config.get("rank_pattern"):
            raise _unsupported("use_rslora + rank_pattern", config["rank_pattern"])
        alpha *= math.sqrt(rank)
    base = config.get("base_model_name_or_path")
    ranks_vary = bool(config.get("rank_pattern"))
    return Adapter(folder, base if isinstance(base, str) else "", rank, float(alpha), ranks_vary)


def convert_adapter(
    adapter: Adapter, base: Path, target: Path, cancel: threading.Event | None = None
) -> None:
    """Write the adapter's GGUF file, in f32. `base` is a folder with the base model's config.json.

    Raises `CheckpointError`, `DiskFullError`, `Cancelled`, and `OSError` for the file.
    """
    settings = read_settings(_json(base / "config.json"))
    values = new_metadata(settings.family.name)
    values.add_type(gguf.GGUFType.ADAPTER)
    values.add_string(gguf.Keys.Adapter.TYPE, "lora")
    values.add_name(adapter.folder.name)
    if adapter.base_model:
        values.add_base_model_count(1)
        values.add_base_model_name(0, adapter.base_model.rpartition("/")[2])
    values.add_float32(gguf.Keys.Adapter.LORA_ALPHA, adapter.alpha)
    path = adapter.folder / WEIGHTS
    matrices = dict(_matrices(path, adapter, settings))
    layout = lay_out(encoded(values), {name: (matrix.shape, F32) for name, matrix in matrices.items()})
    require_room(target.parent, layout.bytes)

    def pieces() -> Iterator[bytes]:
        yield layout.header
        with open_regular(path) as file:
            for name, matrix in matrices.items():
                for rows in _rows(file, matrix):
                    raise_if_cancelled(cancel)
                    yield rows.tobytes()
                place = layout.places[name]
                yield bytes(place.end - place.offset - place.bytes)

    write_durably(target, pieces())


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A matrix of the file to write, and the stored one that it comes from.

    It may be `turned` round, or have the halves of each of its `heads` alternate.
    """

    tensor: str
    stored: StoredTensor
    turned: bool = False
    heads: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape[::-1] if self.turned else self.stored.shape


def _matrices(path: Path, adapter: Adapter, settings: ModelSettings) -> Iterator[tuple[str, _Matrix]]:
    """Yield the adapter's matrices under their names in GGUF, checked against the base model's shapes."""
    expected = dict(expected_tensors(settings))
    for name, pair in _pairs(path).items():
        if name not in expected or (name == "lm_head.weight" and settings.tied):
            raise CheckpointError(
                "The adapter changes {tensor}, which {architecture} models do not have.",
                "Choose the base model that the adapter was trained on.",
                tensor=name,
                architecture=settings.family.name,
            )
        gguf_name, shape, heads = expected[name]
        a, b = (_stored(pair.get(part), name) for part in ("A", "B"))
        # An embedding's change is stored turned round: its columns are the tokens.
        is_embedding = gguf_name == "token_embd.weight"
        fits = len(a.shape) == len(b.shape) == len(shape) == 2 and 0 < a.shape[0] == b.shape[1]
        if not fits or (b.shape[0], a.shape[1]) != (shape[::-1] if is_embedding else shape):
            raise CheckpointError(
                "The adapter's matrices for {tensor} do not fit the base model.",
                "Choose the base model that the adapter was trained on.",
                tensor=name,
            )
        rank = a.shape[0]
        if rank > settings.hidden or not (adapter.ranks_vary or rank == adapter.rank):
            raise CheckpointError(
                "The adapter's matrices for {tensor} have the rank {rank}, which does not go with its "
                "settings.",
                "Download it again; if it stays so, its files do not belong together.",
                tensor=name,
                rank=rank,
            )
        # llama.cpp looks up rows of it (llm_build_inp_embd).
        yield f"{gguf_name}.lora_a", _Matrix(name, a, turned=is_embedding)
        # Transformers' rotary order to llama.cpp's: the halves of each head alternate.
        yield f"{gguf_name}.lora_b", _Matrix(name, b, heads=heads)


def _pairs(path: Path) -> dict[str, dict[str, StoredTensor]]:
    """Read the stored matrices by the tensor that they change and by "A" and "B"."""
    pairs: dict[str, dict[str, StoredTensor]] = {}
    for name, stored in read_header(path).items():
        base, dot, part = name.removeprefix(PREFIX).rpartition(".lora_")
        part = part.removesuffix(".weight").removeprefix("embedding_")
        if not dot or part not in ("A", "B"):
            raise CheckpointError(
                "The adapter holds {tensor}, which is no matrix of a LoRA.",
                "Stillroom converts plain LoRA adapters; one that replaces whole tensors must be merged into "
                "its model first.",
                tensor=name,
            )
        pairs.setdefault(f"{base}.weight", {})[part] = stored
    return pairs


def _stored(stored: StoredTensor | None, name: str) -> StoredTensor:
    if stored is None:
        raise CheckpointError(
            "The adapter has only one of the two matrices for {tensor}.", "Download it again.", tensor=name
        )
    if stored.dtype not in ("F32", "F16", "BF16"):
        raise _unsupported("dtype", stored.dtype)
    return stored


def _rows(file: BinaryIO, matrix: _Matrix) -> Iterator[Floats]:
    """Yield the rows of a matrix, some at a time: an adapter may be larger than the memory."""
    rows, columns = matrix.stored.shape
    if matrix.turned:
        step = max(1, _PIECE_VALUES // rows)
        for first in range(0, columns, step):
            count = min(step, columns - first)
            parts = [_floats(file, matrix, row * columns + first, count) for row in range(rows)]
            yield np.ascontiguousarray(np.stack(parts).T)
        return
    # Whole heads, as their rows change places.
    together = rows // (matrix.heads or rows)
    step = max(1, _PIECE_VALUES // (columns * together)) * together
    for first in range(0, rows, step):
        count = min(step, rows - first)
        piece = _floats(file, matrix, first * columns, count * columns).reshape(count, columns)
        if matrix.heads:
            halves = piece.reshape(count // together, 2, -1, columns)
            piece = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(count, columns)
        yield piece


def _floats(file: BinaryIO, matrix: _Matrix, first: int, count: int) -> Floats:
    """Read `count` values of a matrix from its value `first` on."""
    stored = matrix.stored
    width = DTYPE_BYTES[stored.dtype]
    file.seek(stored.offset + first * width)
    data = file.read(count * width)
    if len(data) != count * width:
        raise CheckpointError(
            "The adapter's file was changed while it was read.", "Try again, once nothing changes it."
        )
    if stored.dtype == "BF16":
        floats = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        floats = np.frombuffer(data, "<f2" if stored.dtype == "F16" else "<f4").astype(np.float32)
    if not np.isfinite(floats).all():
        raise CheckpointError(
            "The adapter's matrices for {tensor} hold numbers that are infinite or none.",
            "Download it again; if it stays so, it is damaged.",
            tensor=matrix.tensor,
        )
    return floats


def _json(path: Path) -> Json:
    try:
        value = parse_json(read_regular(path, MOST_JSON_BYTES))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "The file {file} cannot be read: {reason}.",
            "Check that it is there and download it again.",
            file=path.name,
            reason=(error.strerror if isinstance(error, OSError) else "") or "it is damaged",
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            "The file {file} cannot be read: {reason}.",
            "Check that it is there and download it again.",
            file=path.name,
            reason="it is no table",
        )
    return value


def _unsupported(key: str, value: object) -> CheckpointError:
    return CheckpointError(
        "This adapter is of a kind that Stillroom does not convert: its {key} is {value}.",
        "Look for a plain LoRA adapter, or merge it into its model first.",
        key=key,
        value=str(value)[:80],
    )
