"""Which texts are open in the Code tab, and where each is kept, over restarts and crashes."""

import re
from pathlib import Path

import msgspec

from app.code.draft import DraftFile
from app.code.kept_file import KeptFile

_DRAFT = re.compile(r"code-(?:draft|tests)(?:-(\d{1,9}))?\.json")


class OpenTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The open texts by number, in their order, and the `current` one of them.

    `parked` has the numbers of tests whose files are closed, by the files' paths: they come back with them.
    `folder` is the open folder, empty where there is none.
    """

    numbers: tuple[int, ...] = ()
    current: int = 0
    parked: dict[str, int] = {}
    folder: str = ""


class TextsFolder:
    """The folder in which the open texts are kept: a draft and the tests of each, and the list of them.

    Any thread, one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = KeptFile(folder / "code-files.json", OpenTexts)

    def draft(self, number: int) -> Path:
        """Return the place of a text; the first is where there was only one."""
        return self._folder / ("code-draft.json" if number == 1 else f"code-draft-{number}.json")

    def tests(self, number: int) -> Path:
        """Return the place of a text's tests."""
        return self._folder / ("code-tests.json" if number == 1 else f"code-tests-{number}.json")

    def load(self) -> OpenTexts:
        """Read what the last run left. A text that the list does not name is there all the same: the program
        may have ended between the two. Raises `OSError`."""
        kept = self._list.load()
        there = self._numbers("code-draft*.json")
        if kept is None:
            return OpenTexts(numbers=tuple(there), current=there[0] if there else 0)
        numbers = [number for number in dict.fromkeys(kept.numbers) if number in there]
        strays = [number for number in there if number not in numbers and self._holds_unsaved_text(number)]
        parked = {path: number for path, number in kept.parked.items() if number not in numbers}
        return msgspec.structs.replace(kept, numbers=(*numbers, *strays), parked=parked)

    def save(self, texts: OpenTexts) -> None:
        """Keep the list. Raises `OSError`."""
        self._list.save(texts)

    def free_number(self) -> int:
        """Return a number that nothing is kept under."""
        return max(self._numbers("code-*.json"), default=0) + 1

    def _holds_unsaved_text(self, number: int) -> bool:
        draft = DraftFile(self.draft(number)).load()
        return draft is not None and bool(draft.text)

    def _numbers(self, pattern: str) -> list[int]:
        names = (_DRAFT.fullmatch(path.name) for path in self._folder.glob(pattern))
        return sorted({int(name[1] or 1) for name in names if name is not None})
