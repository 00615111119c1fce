"""The user's presets and prompts, which are kept beside the chats."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.chat.library.presets import PresetBook
from app.chat.library.prompt_library import PromptBook


@dataclass(frozen=True, slots=True)
class ChatLibrary:
    """The two books; `in_folder` opens them where they are kept."""

    presets: PresetBook
    prompts: PromptBook

    @classmethod
    def in_folder(cls, folder: Path, language: Literal["en", "zh"] = "en") -> "ChatLibrary":
        """The books of a data folder; `language` is the one of the shipped prompts."""
        return cls(PresetBook(folder / "presets.json"), PromptBook(folder / "prompts.json", language))
