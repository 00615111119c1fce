"""Choose what answers `stillroom chat`: the running local API, a server elsewhere or an engine of its own."""

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from app.audit.entries import AuditTrail
from app.audit.log import AuditLogError
from app.base.errors import StillroomError
from app.commands.terminal.command_core import Core, told_templates
from app.commands.terminal.console import Console, WrongUse
from app.commands.terminal.installed import installed_model
from app.commands.terminal.loading import load_model
from app.commands.terminal.other_computers import with_rpc
from app.commands.terminal.terminal_reply import ReplyWishes, Speaker, Speaks
from app.engine.protocol import LoadSettings, ModelInfo, Sampling, ThinkingLimits
from app.remote.remote_reference import elsewhere_model
from models.catalogue.catalogue import STARTER_KEY, CatalogueModel, find
from models.store.store import InstalledModel, ModelStore

OWN_ENGINE = (
    "local",
    "context",
    "gpu_layers",
    "threads",
    "loras",
    "speculation",
    "draft_model",
    "rpc",
    "grammar",
    "thinking_budget",
)
"""Options that say how a model is loaded, or that the API does not know: they need an engine of their own."""

ELSEWHERE_TOO = ("local", "grammar", "thinking_budget")
"""Of these, what means nothing elsewhere, or is answered by a sentence of its own there."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody who answers, with the model's name, where it runs and what loading it was like."""

    speaker: Speaks
    model: str
    backend: str
    load_s: float = 0.0
    notices: tuple[str, ...] = ()


@contextmanager
def answering(
    options: argparse.Namespace, core: Core, model: str, console: Console, cancel: threading.Event
) -> Iterator[Answering]:
    """The running server where it has `model` in memory (any, where that is empty), else a fresh engine; the
    server of a model elsewhere.

    The server of this computer filters and notes what it is asked by itself.

    Raises `StillroomError` where the model is not here or does not load.
    """
    elsewhere = elsewhere_model(core.settings.values.elsewhere, model)
    if elsewhere is not None:
        with _by_elsewhere(options, core, elsewhere, console) as by_elsewhere:
            yield by_elsewhere
        return
    if not any(_is_given(getattr(options, name)) for name in OWN_ENGINE):
        by_server = _by_server(options, core, model, console)
        if by_server is not None:
            yield by_server
            return
    with _by_engine(options, core, model, console, cancel) as by_engine:
        yield by_engine


def _is_given(value: object) -> bool:
    # 0 is a wish too, such as no layers on the graphics card.
    return value is not None and value is not False and value != []


def _by_server(options: argparse.Namespace, core: Core, model: str, console: Console) -> Answering | None:
    # Most often there is no server, and its client takes a while to import.
    if not core.paths.server_file.exists():
        return None
    from app.commands.terminal.running_server import running_server
    from app.commands.terminal.server_speaker import ServerSpeaker

    running = running_server(core.paths)
    if running is None:
        return None
    found, served = running
    name = installed_model(core.store, model).reference if model else ""
    chosen = next((one for one in served if not name or one.id == name), None)
    if chosen is None:
        return None
    given = {"temperature": options.temperature, "seed": options.seed}
    speaker = ServerSpeaker(
        found,
        chosen,
        console,
        sampling={key: number for key, number in given.items() if number is not None},
        max_tokens=options.max_tokens or _longest_reply(_recommended(core.store, chosen.id)),
        wishes=_wishes(options),
    )
    return Answering(speaker, chosen.id, chosen.backend)


@contextmanager
def _by_engine(
    options: argparse.Namespace, core: Core, name: str, console: Console, cancel: threading.Event
) -> Iterator[Answering]:
    values = core.settings.values
    model = installed_model(core.store, name) if name else _usual_model(core)
    draft = installed_model(core.store, options.draft_model) if options.draft_model else None
    chosen = core.load_choices().of(model.path)
    recommended = find(model.key) if model.key else None
    with (
        core.engine() as client,
        _audit(core, console) as audit,
        told_templates(core, console) as templates,
    ):
        info = load_model(client, model, _load_settings(chosen.load, options, draft), console, cancel)
        speaker = Speaker(
            client,
            info,
            templates.of(info),
            console,
            filters=core.filters(),
            audit=audit,
            sampling=_sampling(values.sampling, recommended, options),
            max_tokens=options.max_tokens or _longest_reply(recommended),
            loras=tuple(options.loras),
            speculation=options.speculation or ("draft" if draft is not None else chosen.speculation),
            wishes=_wishes(options),
        )
        notices = tuple(str(notice) for notice in info.notices)
        yield Answering(speaker, model.reference, info.backend, info.load_s, notices)


@contextmanager
def _by_elsewhere(
    options: argparse.Namespace, core: Core, model: ModelInfo, console: Console
) -> Iterator[Answering]:
    from app.remote.remote_engine import ElsewhereInPlace

    for name in OWN_ENGINE:
        if name not in ELSEWHERE_TOO and _is_given(getattr(options, name)):
            raise WrongUse(
                "--{option} is for models on this computer.",
                "{model} runs on {host}.",
                option=name.replace("_", "-").replace("loras", "lora"),
                model=model.name,
                host=model.backend,
            )
    console.note(f"{model.name} runs on {model.backend}, not on this computer: what you ask is sent there.")
    with (
        core.elsewhere() as answers,
        _audit(core, console) as audit,
        told_templates(core, console) as templates,
    ):
        speaker = Speaker(
            ElsewhereInPlace(answers, model),
            model,
            templates.of(model),
            console,
            filters=core.filters(),
            audit=audit,
            sampling=_sampling(core.settings.values.sampling, None, options),
            max_tokens=options.max_tokens or 0,
            wishes=_wishes(options),
        )
        yield Answering(speaker, model.name, model.backend)


@contextmanager
def _audit(core: Core, console: Console) -> Iterator[AuditTrail]:
    """Record the replies in the audit log; at the end, report what could not be written."""
    problems: list[AuditLogError] = []
    trail = core.audit()
    trail.observe_problems(problems.append)
    try:
        yield trail
    finally:
        trail.close()
        for problem in problems:
            console.note(f"stillroom: {problem}")


def _usual_model(core: Core) -> InstalledModel:
    """The model that the window had last, else the starter model. Raises `StillroomError`."""
    last = core.settings.values.last_model
    try:
        return installed_model(core.store, last or STARTER_KEY)
    except StillroomError as error:
        raise StillroomError(
            "No model was named, and none was used before.",
            "Name a model of “stillroom list”: stillroom chat MODEL PROMPT",
        ) from error


def _recommended(store: ModelStore, name: str) -> CatalogueModel | None:
    model = next(iter(store.find(*name.rsplit("/", 1))), None) if "/" in name else None
    return find(model.key) if model is not None and model.key else None


def _longest_reply(recommended: CatalogueModel | None) -> int:
    return recommended.sampling.max_new_tokens if recommended else 0


def _wishes(options: argparse.Namespace) -> ReplyWishes:
    return ReplyWishes(
        stop=tuple(options.stop),
        thinking=ThinkingLimits(tokens=0)
        if options.no_thinking
        else options.thinking_budget or ThinkingLimits(),
        grammar=options.grammar or "",
        json_schema=options.json_schema or "",
    )


def _load_settings(
    defaults: LoadSettings, options: argparse.Namespace, draft: InstalledModel | None
) -> LoadSettings:
    given = {
        "draft_path": str(draft.path) if draft is not None else None,
        "context_tokens": options.context,
        "gpu_layers": options.gpu_layers,
        "threads": options.threads,
    }
    settings = msgspec.structs.replace(defaults, **{name: n for name, n in given.items() if n is not None})
    return with_rpc(settings, options)


def _sampling(
    defaults: Sampling, recommended: CatalogueModel | None, options: argparse.Namespace
) -> Sampling:
    """The command line, then the user's own settings, then the authors' advice."""
    sampling = defaults
    if sampling == Sampling() and recommended is not None:
        advice = recommended.sampling
        sampling = Sampling(temperature=advice.temperature, top_p=advice.top_p)
    given = {"temperature": options.temperature, "seed": options.seed}
    return msgspec.structs.replace(sampling, **{name: n for name, n in given.items() if n is not None})
