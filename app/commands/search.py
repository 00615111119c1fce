"""`stillroom search`: find models at the hub."""

import argparse
import threading

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console
from models.quantisation.quantisation_types import EVERYDAY_TYPE
from models.system.units import byte_count

NAME = "search"
SUMMARY = "find models on Hugging Face by words of their names"
EXAMPLE = "stillroom search qwen 7b"


class FoundDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A repository. What the hub does not tell is empty or 0; `usable` is "yes", "no" or "unknown".

    `everyday_bytes` is about what a file of it in the everyday type takes.
    """

    repo: str
    parameters: int
    everyday_bytes: int
    licence: str
    downloads: int
    likes: int
    architecture: str
    gated: bool
    gguf: bool
    original_weights: bool
    usable: str


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document."""

    text: str
    models: list[FoundDocument]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TEXT."""
    parser.add_argument("text", nargs="+", metavar="TEXT", help="words of the model's name")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Ask the hub, and print what it finds, the most downloaded first."""
    # The hub's libraries take longer to load than the help of a command.
    from models.catalogue.similar import size_of

    text = " ".join(options.text)
    console.status("Asking…")
    found = core.acquirer().search(text, cancel=cancel)
    console.clear()
    models = [
        FoundDocument(
            repo=card.repo,
            parameters=card.parameters,
            everyday_bytes=size_of(card.parameters, EVERYDAY_TYPE),
            licence=card.licence,
            downloads=card.downloads,
            likes=card.likes,
            architecture=card.architecture or card.gguf_architecture,
            gated=card.gated,
            gguf=card.has_gguf,
            original_weights=card.has_weights,
            usable=usable,
        )
        for card, usable in found
    ]
    console.document(SearchResult(text=text, models=models))
    if not models:
        console.say("Nothing was found. Names hold other words, or fewer, more often.")
        return
    width = max(len(model.repo) for model in models)
    console.say(f"{'repository'.ljust(width)}  {EVERYDAY_TYPE:>9}  {'downloads':>11}  usable   licence")
    for model in models:
        size = byte_count(model.everyday_bytes) if model.everyday_bytes else "-"
        figures = f"{size:>9}  {model.downloads:>11,}  {model.usable:<7}"
        console.say(f"{model.repo.ljust(width)}  {figures}  {model.licence}")
    console.say("`stillroom build` makes one of original weights, `stillroom pull` gets the files of one.")
