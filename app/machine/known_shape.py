"""The shape of a model that is not built yet, from the catalogue, its config.json or a GGUF file of it."""

from dataclasses import dataclass
from pathlib import Path

from app.base.errors import StillroomError
from app.engine.planning.file_shape import shape_from_summary
from converters.checkpoint.architectures import ModelSettings, read_settings
from converters.gguf.gguf_reader import inspect
from models.catalogue.reference import CatalogueReference, CheckpointReference, GgufReference, Reference
from models.quantisation.model_shape import ModelShape
from models.system.foreign_json import MOST_JSON_BYTES, parse_json
from models.system.regular_file import read_regular


@dataclass(frozen=True, slots=True)
class KnownShape:
    """A model's dimensions, the most context it can have, and its name."""

    name: str
    dimensions: ModelShape
    context_limit: int


def dimensions_of(reference: Reference) -> KnownShape:
    """Return the shape of the model that is meant. Blocks on the disk.

    Raises `StillroomError` where it is not known before something is downloaded.
    """
    match reference:
        case CatalogueReference(model):
            return KnownShape(model.name, model.shape, model.context_limit)
        case CheckpointReference(folder):
            found = _settings(folder)
            shape = ModelShape(
                layers=found.layers,
                hidden=found.hidden,
                ffn=found.ffn,
                heads=found.heads,
                kv_heads=found.kv_heads,
                head_size=found.head_dim,
                vocabulary=found.vocabulary,
                tied_embeddings=found.tied,
                attention_bias=found.attention_bias,
            )
            return KnownShape(folder.name, shape, found.context)
        case GgufReference(file):
            stated = shape_from_summary(inspect(file))
            if stated is not None:
                return KnownShape(file.name, stated.dimensions, stated.context_limit)
            name = file.name
        case _:
            name = reference.repo
    raise StillroomError(
        "The shape of {model} is not known yet, so it is not known what fits.",
        "Name a size: --size 4.1GB.",
        model=name,
    )


def _settings(folder: Path) -> ModelSettings:
    config = parse_json(read_regular(folder / "config.json", MOST_JSON_BYTES))
    if not isinstance(config, dict):
        raise StillroomError(
            "The config.json of {repo} cannot be read.", "Choose another repository.", repo=folder.name
        )
    return read_settings(config)
