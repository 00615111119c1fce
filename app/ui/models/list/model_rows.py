"""The rows of the model list: the catalogue and what is on disk, as one list."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.acquire.jobs import JobView
from app.machine.advisor import AS_LOADED, Advisor, Outlook, Use
from models.catalogue.catalogue import CatalogueModel
from models.memory.fit import Fit
from models.quantisation.quantisation_types import EVERYDAY_TYPE, QUANTISATIONS
from models.store.store import InstalledModel


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model. `model` is None for one that the catalogue does not know; `outlook` is that of the file or
    type that is best for this computer, or of the file that takes least where only others are there;
    `getting` are the types of the jobs that go on, `stopped` those of paused and failed ones."""

    key: str
    title: str
    model: CatalogueModel | None
    installed: tuple[InstalledModel, ...]
    outlook: Outlook | None
    getting: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    loaded: tuple[InstalledModel, ...] = ()
    """The files that are in memory."""
    answering: InstalledModel | None = None
    """That of them which answers in the chat."""
    loading: InstalledModel | None = None
    """The file that is being loaded."""
    failed_types: tuple[str, ...] = ()
    """The types whose last load failed."""

    @property
    def fit(self) -> Fit | None:
        """The verdict, where there is one."""
        return self.outlook.fit if self.outlook is not None else None


def model_rows(
    catalogue: Sequence[CatalogueModel],
    installed: Sequence[InstalledModel],
    advisor: Advisor | None,
    jobs: Iterable[JobView] = (),
    loaded_paths: Collection[str] = (),
    answering_path: str = "",
    failed_paths: Collection[str] = (),
    use: Use = AS_LOADED,
    loading_path: str = "",
) -> Iterator[ModelRow]:
    """Give the catalogue in its order, then the other models on disk by name; each is judged as it is asked
    for.

    `jobs` are those that are not finished, `loaded_paths` are the files in memory, `answering_path` is
    that of them which answers, `failed_paths` are those that could not be loaded, `loading_path` is being
    loaded.
    """
    by_key: dict[str, list[InstalledModel]] = {}
    others: dict[str, list[InstalledModel]] = {}
    for found in installed:
        if found.key:
            by_key.setdefault(found.key, []).append(found)
        else:
            others.setdefault(found.name, []).append(found)
    getting: dict[str, list[str]] = {}
    stopped: dict[str, list[str]] = {}
    for job in jobs:
        (stopped if job.stopped else getting).setdefault(job.title, []).extend(job.types)
    for model in catalogue:
        files = tuple(by_key.get(model.key, ()))
        yield ModelRow(
            key=model.key,
            title=model.title,
            model=model,
            installed=files,
            outlook=_outlook(model, files, advisor, use),
            getting=tuple(getting.get(model.name, ())),
            stopped=tuple(stopped.get(model.name, ())),
            loaded=_among(files, loaded_paths),
            answering=next(iter(_among(files, (answering_path,))), None),
            loading=next(iter(_among(files, (loading_path,))), None),
            failed_types=tuple(file.type for file in _among(files, failed_paths)),
        )
    for name in sorted(others, key=str.casefold):
        files = tuple(others[name])
        yield ModelRow(
            key=row_key(files[0]),
            title=name,
            model=None,
            installed=files,
            outlook=_file_outlook(files, advisor),
            getting=tuple(getting.get(name, ())),
            stopped=tuple(stopped.get(name, ())),
            loaded=_among(files, loaded_paths),
            answering=next(iter(_among(files, (answering_path,))), None),
            loading=next(iter(_among(files, (loading_path,))), None),
            failed_types=tuple(file.type for file in _among(files, failed_paths)),
        )


def row_key(model: InstalledModel) -> str:
    """Return the key of the row that a file is in."""
    return model.key or f"disk:{model.name}"


def _outlook(
    model: CatalogueModel, files: Sequence[InstalledModel], advisor: Advisor | None, use: Use
) -> Outlook | None:
    if advisor is None:
        return None
    kind = advisor.recommended_type(model) if model.thinks else EVERYDAY_TYPE
    best = advisor.best_mixture(model) if files else None
    if best is not None:
        return advisor.file_outlook(best)
    if not files or any(file.type == kind for file in files):
        return advisor.outlook(model, kind, use)
    found = [advisor.outlook(model, file.type, use) for file in files if file.type in QUANTISATIONS]
    others = [advisor.file_outlook(file) for file in files if file.type not in QUANTISATIONS]
    found += [outlook for outlook in others if outlook is not None]
    return min(found, key=lambda outlook: outlook.fit.needed_bytes, default=None)


def _file_outlook(files: Sequence[InstalledModel], advisor: Advisor | None) -> Outlook | None:
    if advisor is None:
        return None
    found = [outlook for outlook in map(advisor.file_outlook, files) if outlook is not None]
    return min(found, key=lambda outlook: outlook.fit.needed_bytes, default=None)


def _among(files: Sequence[InstalledModel], paths: Collection[str]) -> tuple[InstalledModel, ...]:
    return tuple(file for file in files if str(file.path) in paths)
