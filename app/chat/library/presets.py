"""Presets: named ways of making replies, for any chat and as the beginning of every chat with a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from app.chat.library.library_file import Change, LibraryFile, free_name
from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import Sampling, ThinkingLimits

FORM = "stillroom-presets"
SHORT_THINKING_TOKENS = 1024
BuiltInKey = Literal["authors", "short_thinking", "no_thinking"]


class Preset(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name and what it stands for; `models` are those whose new chats begin with it."""

    name: str
    choices: ReplyChoices
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A preset that is always there; the window names it in its language."""

    key: BuiltInKey
    choices: ReplyChoices


# "Set the temperature within the range of 0.5-0.7 (0.6 is recommended)", "Avoid adding a system prompt", and
# top-p 0.95 in the evaluation:
# https://github.com/deepseek-ai/DeepSeek-R1#usage-recommendations
BUILT_IN = (
    BuiltIn("authors", ReplyChoices(sampling=Sampling(temperature=0.6, top_p=0.95))),
    BuiltIn(
        "short_thinking",
        ReplyChoices(sampling=Sampling(), thinking=ThinkingLimits(tokens=SHORT_THINKING_TOKENS)),
    ),
    BuiltIn("no_thinking", ReplyChoices(sampling=Sampling(), thinking=ThinkingLimits(tokens=0))),
)


class PresetBook:
    """The user's own presets, changed by one thread. Every change returns what `undo` takes back, and is
    written as a `LibraryFile` is."""

    def __init__(self, path: Path) -> None:
        self._file = LibraryFile(path, FORM, Preset)

    @property
    def own(self) -> tuple[Preset, ...]:
        """The presets that the user made, in the order of their names."""
        return tuple(sorted(self._file.items, key=lambda preset: preset.name.casefold()))

    def find(self, name: str) -> Preset | None:
        """The preset of this name."""
        return next((preset for preset in self._file.items if preset.name == name), None)

    def save(self, name: str, choices: ReplyChoices) -> Change[Preset]:
        """Keep `choices`, except the adapters, under a name; in the place of what has the name."""
        there = self.find(name)
        kept = Preset(name, msgspec.structs.replace(choices, loras=()), there.models if there else ())
        return self._file.keep((*self._without(name), kept))

    def rename(self, name: str, new_name: str) -> Change[Preset]:
        """Give a preset another name, with a number where another has it."""
        preset = self.find(name)
        if preset is None or name == new_name:
            return self._file.keep(self._file.items)
        free = free_name(new_name, {other.name for other in self._without(name)})
        return self._file.keep((*self._without(name), msgspec.structs.replace(preset, name=free)))

    def duplicate(self, name: str) -> Change[Preset]:
        """A second preset like this one."""
        preset = self.find(name)
        if preset is None:
            return self._file.keep(self._file.items)
        free = free_name(name, {other.name for other in self._file.items})
        return self._file.keep((*self._file.items, Preset(free, preset.choices)))

    def delete(self, name: str) -> Change[Preset]:
        """Take a preset away; chats that used it stay as they are."""
        return self._file.keep(self._without(name))

    def undo(self, change: Change[Preset]) -> None:
        """Take a change back; what was changed since stays."""
        self._file.undo(change)

    def begin_with(self, model: str, name: str) -> Change[Preset]:
        """Let new chats with a model begin with a preset; an empty name with none."""
        changed = tuple(
            msgspec.structs.replace(
                preset,
                models=(
                    *(other for other in preset.models if other != model),
                    *((model,) if preset.name == name else ()),
                ),
            )
            for preset in self._file.items
        )
        return self._file.keep(changed)

    def for_model(self, model: str) -> Preset | None:
        """Return the preset that new chats with a model begin with; None without one."""
        return next((preset for preset in self._file.items if model in preset.models), None)

    def close(self) -> None:
        """Wait until what was changed is written."""
        self._file.close()

    def export(self, path: Path) -> None:
        """Write the user's presets to a file; any thread, waits for the disk. Raises `StillroomError`."""
        self._file.export(path, self.own)

    def read(self, path: Path) -> tuple[Preset, ...]:
        """Read the presets of another file; any thread, waits for the disk. Raises `StillroomError`."""
        return self._file.read(path)

    def add(self, found: Sequence[Preset]) -> Change[Preset]:
        """Take in presets of another file beside those that are there."""
        items = list(self._file.items)
        for preset in found:
            name = free_name(preset.name, {other.name for other in items})
            items.append(msgspec.structs.replace(preset, name=name, models=()))
        return self._file.keep(tuple(items))

    def _without(self, name: str) -> tuple[Preset, ...]:
        return tuple(preset for preset in self._file.items if preset.name != name)


def same(one: ReplyChoices, other: ReplyChoices) -> bool:
    """Tell whether both make replies in the same way; adapters belong to the chat alone."""
    return msgspec.structs.replace(one, loras=()) == msgspec.structs.replace(other, loras=())
