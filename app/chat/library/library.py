"""The user's presets and prompts, which are kept beside the chats."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.chat.library.presets import PresetBook
from app.chat.library.prompt_library import PromptBook


@dataclass(frozen=True, slots=True)
class ChatLibrary:
    """The two books; `in_folder` opens them where they are kept, `close` waits until they are on the disk."""

    presets: PresetBook
    prompts: PromptBook

    @classmethod
    def in_folder(cls, folder: Path) -> "ChatLibrary":
        """The books of a data folder."""
        return cls(PresetBook(folder / "presets.json"), PromptBook(folder / "prompts.json"))

    def in_language(self, language: Literal["en", "zh"]) -> "ChatLibrary":
        """The same books with the shipped prompts of a language."""
        return ChatLibrary(self.presets, self.prompts.in_language(language))

    def close(self) -> None:
        """Wait until what was changed is written."""
        self.presets.close()
        self.prompts.close()
