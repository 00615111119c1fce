import asyncio
from pathlib import Path

import pytest

from models.hub.resumable_file import SAVE_BYTES, PartFile, stored_bytes
from models.system.errors import StillroomError

SIZE = 100


def journal(target: Path) -> Path:
    return target.with_name(target.name + ".part.journal")


def part_path(target: Path) -> Path:
    return target.with_name(target.name + ".part")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights.bin"


def saved(target: Path, size: int = SIZE, content: str = "sha256:a") -> list[tuple[int, int]]:
    part = PartFile(target, size, content)
    part.close()
    return list(part.written)


def half_written(target: Path) -> None:
    part = PartFile(target, SIZE, "sha256:a")
    part.write(0, b"x" * 10)
    part.write(40, b"y" * 20)
    part.close()


def test_a_later_part_goes_on_where_it_stopped(target: Path) -> None:
    half_written(target)
    part = PartFile(target, SIZE, "sha256:a")
    assert list(part.written) == [(0, 10), (40, 60)]
    assert stored_bytes(target) == 30
    part.write(10, b"z" * 30)
    part.write(60, b"w" * 40)
    assert part.complete
    part.close()
    part.finish()
    assert target.read_bytes() == b"x" * 10 + b"z" * 30 + b"y" * 20 + b"w" * 40
    assert not part_path(target).exists()
    assert not journal(target).exists()
    assert stored_bytes(target) == SIZE


def test_what_was_not_saved_is_not_claimed(target: Path) -> None:
    part = PartFile(target, SIZE, "sha256:a")
    part.write(0, b"x" * 10)
    asyncio.run(part.save())
    part.write(10, b"x" * 10)
    assert saved(target) == [(0, 10)]
    part.close()


def test_data_is_synced_before_the_journal_names_it(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = PartFile(target, SIZE, "sha256:a")
    part.write(0, b"x" * 10)
    before = journal(target).read_bytes()
    seen = []
    monkeypatch.setattr(
        "models.hub.resumable_file.os.fsync", lambda _: seen.append(journal(target).read_bytes())
    )
    asyncio.run(part.save())
    assert seen == [before]
    assert journal(target).read_bytes() != before
    part.close()


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_torn_last_line_is_left_out(target: Path, cut: int) -> None:
    half_written(target)
    whole = journal(target).read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    torn = whole[: max(last, len(whole) - cut)] + b"\0" * 5
    journal(target).write_bytes(torn)
    part = PartFile(target, SIZE, "sha256:a")
    assert list(part.written) == [(0, 10)]
    part.write(10, b"z")
    part.close()
    assert saved(target) == [(0, 11)]


def test_a_damaged_line_costs_only_its_own_range(target: Path) -> None:
    half_written(target)
    lines = journal(target).read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"0 10", b"0 90")
    journal(target).write_bytes(b"\n".join(lines))
    assert saved(target) == [(40, 60)]


def test_a_journal_of_an_earlier_version_is_gone_on_with(target: Path, told: list[StillroomError]) -> None:
    half_written(target)
    header, *rest = journal(target).read_bytes().split(b"\n")
    journal(target).write_bytes(b"\n".join([header.rpartition(b" ")[0], *rest]))
    assert saved(target) == [(0, 10), (40, 60)]
    assert told == []


def test_that_a_large_file_comes_again_is_told(target: Path, told: list[StillroomError]) -> None:
    size = SAVE_BYTES + 1
    part = PartFile(target, size, "sha256:a")
    part.write(0, b"x" * 10)
    part.close()
    journal(target).write_bytes(journal(target).read_bytes().replace(b"sha256:a", b"sha256:c", 1))
    assert saved(target, size) == []
    assert str(target) in str(told[0])


@pytest.mark.parametrize(("size", "content"), [(SIZE, "sha256:b"), (SIZE + 1, "sha256:a")])
def test_a_part_of_another_content_is_thrown_away(target: Path, size: int, content: str) -> None:
    half_written(target)
    assert saved(target, size, content) == []
    assert part_path(target).stat().st_size == size


def test_a_journal_without_its_part_claims_nothing(target: Path) -> None:
    half_written(target)
    part_path(target).unlink()
    assert stored_bytes(target) == 0
    part = PartFile(target, SIZE, "sha256:a")
    assert list(part.written) == []
    part.close()
    part.discard()
    assert list(target.parent.iterdir()) == []


def test_a_cancelled_save_keeps_its_ranges(target: Path) -> None:
    async def scenario() -> None:
        part = PartFile(target, SIZE, "sha256:a")
        part.write(0, b"x" * 10)
        saving = asyncio.create_task(part.save())
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        part.close()

    asyncio.run(scenario())
    assert stored_bytes(target) == 10
