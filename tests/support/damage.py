"""Damages a file that Stillroom has written, and says whether the user hears of it or sees no difference."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from models.system.errors import StillroomError
from models.system.notices import NoticeInbox
from tests.support.own_files import OwnFile

Outcome = Literal["said", "no effect", "silent"]
Damage = Callable[[bytes], bytes]


def flipped(data: bytes, bit: int) -> bytes:
    """`data` with this bit the other way round."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class DamagedCopies:
    """Copies of what `kind` writes, below `folder`, one damaged after the other."""

    def __init__(self, kind: OwnFile, folder: Path) -> None:
        self._kind = kind
        self._whole = folder / "whole"
        self._case = folder / "case"
        self._whole.mkdir()
        kind.write(self._whole)
        self.content = _file(self._whole / kind.path).read_bytes()
        shutil.copytree(self._whole, self._case)
        self._shown = kind.shown(self._case)

    def outcome(self, damage: Damage) -> tuple[Outcome, str]:
        """Return what becomes of a copy whose file is damaged, and the sentences that the user reads."""
        shutil.rmtree(self._case)
        shutil.copytree(self._whole, self._case)
        file = _file(self._case / self._kind.path)
        damaged = damage(self.content)
        file.write_bytes(damaged)
        said: list[str] = []
        with NoticeInbox() as inbox:
            inbox.observe(lambda notice: said.append(f"{notice} {notice.hint_text()}"))
            try:
                shown = self._kind.shown(self._case)
            except StillroomError as error:
                said.append(f"{error} {error.hint_text()}")
                shown = None
        text = "\n".join(said)
        if f"{file.name} is damaged. It is kept as" in text:
            kept = [path for path in file.parent.glob("*.damaged-*") if path.read_bytes() == damaged]
            assert kept, f"what was damaged is gone: {text}"
        if file.name.removesuffix(".part.journal") in text:
            return "said", text
        return ("no effect" if shown == self._shown else "silent"), text


def _file(path: Path) -> Path:
    """`path`, or the only file in it."""
    if path.is_dir():
        [path] = path.iterdir()
    return path
