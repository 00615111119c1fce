"""Prompts to use again: the ones that ship, the user's own, and the variables in them."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from app.chat.library.library_file import Change, LibraryFile, free_name

FORM = "stillroom-prompts"
PromptLanguage = Literal["", "en", "zh"]
_VARIABLE = re.compile(r"\{\{\s*([^{}:|]{1,40}?)\s*(?:[:|]([^{}]*))?\}\}")


class SavedPrompt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt; `language` is set for those that ship."""

    title: str
    text: str
    language: PromptLanguage = ""


class Variable(msgspec.Struct, frozen=True):
    """A gap of a prompt. With `choices` it is one of them, the first unless another is chosen."""

    name: str
    default: str = ""
    choices: tuple[str, ...] = ()


def variables_of(text: str) -> list[Variable]:
    """The gaps of a prompt in order, each once: `{{name}}`, `{{name:default}}`, `{{name:one|two|three}}`."""
    found: dict[str, Variable] = {}
    for match in _VARIABLE.finditer(text):
        name, rest = match[1], (match[2] or "").strip()
        choices = tuple(part.strip() for part in rest.split("|") if part.strip())
        variable = Variable(name, choices[0] if choices else "", choices if len(choices) > 1 else ())
        # The first that says more than the name counts.
        if name not in found or (not found[name].default and variable.default):
            found[name] = variable
    return list(found.values())


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with its gaps filled; what has no value gets its default. Values are not read for gaps again."""
    defaults = {variable.name: variable.default for variable in variables_of(text)}
    return _VARIABLE.sub(lambda match: values.get(match[1], defaults[match[1]]), text)


def matching_prompts(prompts: Sequence[SavedPrompt], typed: str) -> list[SavedPrompt]:
    """The prompts that hold every word that was typed; those with them in the title first."""
    words = typed.casefold().split()
    hits = [
        prompt
        for prompt in prompts
        if all(word in f"{prompt.title}\n{prompt.text}".casefold() for word in words)
    ]
    return sorted(hits, key=lambda prompt: not all(word in prompt.title.casefold() for word in words))


@cache
def shipped_prompts(language: Literal["en", "zh"]) -> tuple[SavedPrompt, ...]:
    """The prompts that ship in a language."""
    source = files("resources").joinpath("prompts", f"library_{language}.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(source)["prompt"]
    return tuple(SavedPrompt(entry["title"], entry["text"].strip(), language) for entry in entries)


class PromptBook:
    """The user's prompts and the shipped ones, changed by one thread. Every change returns what `undo` takes
    back, and is written as a `LibraryFile` is."""

    def __init__(self, path: Path, language: Literal["en", "zh"] = "en") -> None:
        """`language` is the one of the shipped prompts."""
        self._file = LibraryFile(path, FORM, SavedPrompt)
        self._language = language

    def in_language(self, language: Literal["en", "zh"]) -> "PromptBook":
        """The same book with the shipped prompts of a language."""
        book = copy(self)
        book._language = language
        return book

    @property
    def own(self) -> tuple[SavedPrompt, ...]:
        """The prompts that the user wrote."""
        return tuple(sorted(self._file.items, key=lambda prompt: prompt.title.casefold()))

    def prompts(self) -> list[SavedPrompt]:
        """All: the user's own, then those that ship in the window's language."""
        return [*self.own, *shipped_prompts(self._language)]

    def save(self, title: str, text: str, in_place_of: SavedPrompt | None = None) -> Change[SavedPrompt]:
        """Keep a prompt of the user, in the place of one of them or as a new one."""
        others = tuple(prompt for prompt in self._file.items if prompt != in_place_of)
        free = free_name(title, {prompt.title for prompt in others})
        return self._file.keep((*others, SavedPrompt(free, text)))

    def delete(self, prompt: SavedPrompt) -> Change[SavedPrompt]:
        """Take away a prompt of the user."""
        return self._file.keep(tuple(other for other in self._file.items if other != prompt))

    def undo(self, change: Change[SavedPrompt]) -> None:
        """Take a change back; what was changed since stays."""
        self._file.undo(change)

    def close(self) -> None:
        """Wait until what was changed is written."""
        self._file.close()

    def export(self, path: Path) -> None:
        """Write the user's prompts to a file; any thread, waits for the disk. Raises `StillroomError`."""
        self._file.export(path, self.own)

    def read(self, path: Path) -> tuple[SavedPrompt, ...]:
        """Read the prompts of another file; any thread, waits for the disk. Raises `StillroomError`."""
        return self._file.read(path)

    def add(self, found: Sequence[SavedPrompt]) -> Change[SavedPrompt]:
        """Take in prompts of another file beside those that are there."""
        items = list(self._file.items)
        for prompt in found:
            free = free_name(prompt.title, {other.title for other in items})
            items.append(SavedPrompt(free, prompt.text))
        return self._file.keep(tuple(items))
