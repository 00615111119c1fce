import hashlib
import threading
from pathlib import Path

import pytest

from models.store.file_check import check_file, difference
from models.store.store import InstalledModel
from models.system.errors import Cancelled, StillroomError
from models.system.progress import JobContext, Progress

CONTENT = b"GGUF" + bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Q4_K_M.gguf"
    path.write_bytes(CONTENT)
    return path


def installed(file: Path, sha256: str = SHA256, *, imported: bool = False) -> InstalledModel:
    return InstalledModel("Model", "Q4_K_M", file, len(CONTENT), sha256, imported=imported)


def test_an_untouched_file_matches(file: Path) -> None:
    told: list[Progress] = []
    check = check_file(installed(file), JobContext(told.append))
    assert (check.matches, check.sha256, check.bytes) == (True, SHA256, len(CONTENT))
    assert difference(check) is None
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("verify", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("change", ["one bit", "cut short", "longer"])
def test_a_changed_file_is_told_with_what_to_do(file: Path, change: str) -> None:
    content = bytearray(CONTENT)
    if change == "one bit":
        content[5000] ^= 1
    elif change == "cut short":
        del content[-1:]
    else:
        content += b"\0"
    file.write_bytes(content)
    problem = difference(check_file(installed(file)))
    assert problem is not None
    assert str(file) in str(problem)
    assert "get the model again" in problem.hint_text()
    imported = difference(check_file(installed(file, imported=True)))
    assert imported is not None
    assert "take it off the list" in imported.hint_text()


def test_where_nothing_was_recorded_nothing_is_claimed(file: Path) -> None:
    check = check_file(installed(file, "", imported=True))
    assert not check.is_recorded
    assert difference(check) is None


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match="cannot be read"):
        check_file(installed(tmp_path / "gone.gguf"))


def test_it_can_be_cancelled(file: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        check_file(installed(file), JobContext(cancel=cancel))
