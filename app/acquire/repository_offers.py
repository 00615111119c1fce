"""List what can be got of a repository, and what each of it is like on this computer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.base.errors import StillroomError
from app.machine.advisor import Advisor
from converters.checkpoint.architectures import FAMILIES
from models.catalogue.catalogue import find
from models.catalogue.similar import size_of
from models.hub.repository_card import RepositoryCard
from models.hub.snapshot import SPLIT_GGUF, RemoteFile, Snapshot, checkpoint_files, gguf_files
from models.memory.fit import Fit
from models.quantisation.quantisation_types import EVERYDAY_TYPE, FULL_PRECISION, QUANTISATIONS
from models.store.manifest import type_in_name

MOST_FILES = 100
"""A file is judged in about a millisecond, and nobody reads more."""

Support = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A finished file, which is taken as it is, or a type that is made of the original weights.

    `model` and `types` are what `JobBook.add` takes; `download_bytes` come, `bytes` stay. `is_estimate`: the
    dimensions are not known, so memory and speed are those of a model of about this size.
    """

    name: str
    model: str
    types: tuple[str, ...]
    kind: str
    bytes: int
    download_bytes: int
    fit: Fit | None = None
    is_estimate: bool = True
    refusal: StillroomError | None = None


@dataclass(frozen=True, slots=True)
class RepositoryOffers:
    """The offers of a repository; `left_out` are the files beyond the smallest `MOST_FILES`."""

    listed: tuple[Offer, ...] = ()
    left_out: int = 0


def support(card: RepositoryCard) -> Support:
    """Tell whether a repository's architecture can be used here, as far as its card says."""
    if card.has_weights and card.architecture:
        if card.architecture in FAMILIES:
            return "yes"
        if not card.has_gguf:
            return "no"
    if card.gguf_architecture:
        return "yes" if card.gguf_architecture in known_gguf_architectures() else "no"
    return "unknown"


def known_gguf_architectures() -> frozenset[str]:
    """Name the architectures that llama.cpp's own library of the format knows. Slow at its first call."""
    import gguf

    return frozenset(gguf.MODEL_ARCH_NAMES.values()) - {"clip", "mmproj"}


def found_fit(card: RepositoryCard, advisor: Advisor) -> Fit | None:
    """Estimate what a found model is like here in the usual type; None where its size is not told."""
    known = find(card.repo)
    if known is not None:
        return advisor.fit_of(known, EVERYDAY_TYPE)
    if not card.parameters:
        return None
    return advisor.rough_fit(size_of(card.parameters, EVERYDAY_TYPE), EVERYDAY_TYPE, card.parameters)


def offers(snapshot: Snapshot, advisor: Advisor | None) -> RepositoryOffers:
    """List what can be got of `snapshot`: finished files first, then types of its original weights.

    Takes up to a second, on any thread but the GUI's.
    """
    whole = gguf_files(snapshot)
    split = [file for file in snapshot.files if "-00001-of-" in file.path and SPLIT_GGUF.search(file.path)]
    shown = whole[:MOST_FILES]
    parts = split[: MOST_FILES - len(shown)]
    listed = (*_files(snapshot, shown, advisor), *_parts(parts), *_types(snapshot, advisor))
    return RepositoryOffers(listed, len(whole) + len(split) - len(shown) - len(parts))


def _files(snapshot: Snapshot, files: Sequence[RemoteFile], advisor: Advisor | None) -> list[Offer]:
    parameters = snapshot.card.parameters if snapshot.card is not None else 0
    refusal = None
    if snapshot.card is not None and support(snapshot.card) == "no":
        refusal = _unknown_architecture(snapshot.card.gguf_architecture or snapshot.card.architecture)
    found = []
    for file in files:
        kind = type_in_name(file.path)
        verdict = advisor.rough_fit(file.bytes, kind, parameters) if advisor is not None else None
        model = f"{snapshot.repo}:{file.path}"
        found.append(Offer(file.path, model, (), kind, file.bytes, file.bytes, fit=verdict, refusal=refusal))
    return found


def _parts(files: Sequence[RemoteFile]) -> list[Offer]:
    split = StillroomError(
        "It is in several parts, which Stillroom does not join.",
        "Choose a file that is whole, or make a type of the original weights.",
    )
    return [Offer(file.path, "", (), type_in_name(file.path), 0, 0, refusal=split) for file in files]


def _types(snapshot: Snapshot, advisor: Advisor | None) -> list[Offer]:
    try:
        files = checkpoint_files(snapshot)
    except StillroomError:
        return []
    download = sum(file.bytes for file in files)
    weights = sum(file.bytes for file in files if file.path.endswith(".safetensors"))
    refusal = None
    if snapshot.architectures and not any(name in FAMILIES for name in snapshot.architectures):
        refusal = _unknown_architecture(snapshot.architectures[0])
    known = find(snapshot.repo)
    parameters = snapshot.card.parameters if snapshot.card is not None else 0
    found = []
    for kind in (*QUANTISATIONS, *FULL_PRECISION):
        size = known.sizes_bytes[kind] if known is not None else size_of(parameters or weights // 2, kind)
        verdict = None
        if advisor is not None and known is not None:
            verdict = advisor.fit_of(known, kind)
        elif advisor is not None:
            verdict = advisor.rough_fit(size, kind, parameters or weights // 2)
        found.append(
            Offer(
                kind,
                snapshot.repo,
                (kind,),
                kind,
                size,
                download,
                fit=verdict,
                is_estimate=known is None,
                refusal=refusal,
            )
        )
    return found


def best(found: Sequence[Offer]) -> int:
    """Choose the offer to begin with: the usual type, where it can be got; -1 for none."""
    allowed = [number for number, offer in enumerate(found) if offer.refusal is None]
    usual = [number for number in allowed if found[number].kind == EVERYDAY_TYPE]
    return next(iter(usual or allowed), -1)


def _unknown_architecture(name: str) -> StillroomError:
    return StillroomError(
        "Models of the kind {name} cannot be used.",
        "Original weights may be of {families}; finished GGUF files, of all that llama.cpp knows.",
        name=name,
        families=", ".join(sorted(family.removesuffix("ForCausalLM") for family in FAMILIES)),
    )
