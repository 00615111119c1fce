"""Read `resources/catalogue.toml`: the models that Stillroom knows by name, R1 distills and the starter.

Which of them a computer is told to get is chosen in `recommend.py`.
"""

import difflib
import functools
import importlib.resources
import re
import tomllib

import msgspec

from models.quantisation.file_size import checkpoint_bytes, file_bytes
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS

STARTER_KEY = "starter"


class Scores(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Published results: percent solved at the first try, and the Codeforces rating. None: not published."""

    aime24: float | None = None
    aime25: float | None = None
    math500: float | None = None
    gpqa_diamond: float | None = None
    livecodebench: float | None = None
    codeforces: int | None = None


class RecommendedSampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The authors' advice. `system_prompt` False: put instructions into the first message instead."""

    temperature: float
    top_p: float
    max_new_tokens: int
    system_prompt: bool


_R1 = re.compile(r"(?<![a-z0-9])r1(?![a-z0-9])")


def is_r1(name: str) -> bool:
    """Tell by its name whether a model is of DeepSeek's R1 family, for which its authors give advice."""
    return _R1.search(name.casefold()) is not None


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the catalogue. `name` is also its folder's name; `title` is short, for lists."""

    key: str
    name: str
    title: str
    repo: str
    architecture: str
    base: str
    licence: str
    context_limit: int
    thinks: bool
    scores_url: str
    scores: Scores
    sampling: RecommendedSampling
    shape: ModelShape

    @property
    def sizes_bytes(self) -> dict[str, int]:
        """Bytes of the GGUF file by quantisation."""
        return {kind: file_bytes(self.shape, kind) for kind in (*QUANTISATIONS, *FULL_PRECISION)}

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes to download: the original weights in bf16."""
        return checkpoint_bytes(self.shape)


class _Catalogue(msgspec.Struct, frozen=True):
    models: tuple[CatalogueModel, ...]


@functools.cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """Return all models, smallest R1 first, the starter last."""
    text = importlib.resources.files("resources").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), type=_Catalogue).models


def find(text: str) -> CatalogueModel | None:
    """Find the model whose key, name, title or repository is `text`, letter case aside."""
    wanted = text.strip().casefold()
    for model in catalogue():
        if wanted in (name.casefold() for name in _names(model)):
            return model
    return None


def near_matches(text: str) -> list[str]:
    """Return up to three catalogue keys that look like `text`, the nearest first."""
    keys: dict[str, str] = {name.casefold(): model.key for model in catalogue() for name in _names(model)}
    wanted = text.strip().casefold()
    close = difflib.get_close_matches(wanted, keys, n=6, cutoff=0.55)
    if len(wanted) >= 3:
        close += [name for name in keys if wanted in name]
    return list(dict.fromkeys(keys[name] for name in close))[:3]


def _names(model: CatalogueModel) -> tuple[str, ...]:
    return (model.key, model.name, model.title, model.repo)
