"""Sizes as the system beside the window shows them."""

import pytest

from models.system import units


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (1_000_000, "1.0 MB"), (4_683_000_000, "4.7 GB")],
)
def test_powers_of_a_thousand_where_files_are_shown_so(
    count: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "THOUSAND", 1000)
    assert units.byte_count(count) == text


@pytest.mark.parametrize(
    ("first", "second", "texts"),
    [
        (21_300_000_000, 21_100_000_000, ("21.3 GB", "21.1 GB")),
        (21_140_000_000, 21_080_000_000, ("21.14 GB", "21.08 GB")),
        (21_141_000_000, 21_138_000_000, ("21.141 GB", "21.138 GB")),
        (210_300_000_000, 209_900_000_000, ("210.3 GB", "209.9 GB")),
        (5, 5, ("5 B", "5 B")),
    ],
)
def test_sizes_that_are_not_the_same_look_unlike(
    first: int, second: int, texts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "THOUSAND", 1000)
    assert units.unlike_counts(first, second) == texts


def test_powers_of_1024_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "THOUSAND", 1024)
    monkeypatch.setattr(units, "GIGABYTE", 1024**3)
    assert units.byte_count(12 << 30) == "12.0 GB"
    assert units.gigabytes(12 << 30) == "12.0"


@pytest.mark.parametrize(
    ("text", "count"), [("4.1GB", 4_100_000_000), ("900 mb", 900_000_000), ("1.5G", 1_500_000_000)]
)
def test_a_size_is_read_as_it_is_shown(text: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "THOUSAND", 1000)
    assert units.bytes_of(text) == count


@pytest.mark.parametrize("text", [" ", "GB", "4", "-4GB", "4XB", "4e9GB", "1" * 40 + "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        units.bytes_of(text)


@pytest.mark.parametrize(
    ("speed", "text"), [(0.04, "0.0"), (9.94, "9.9"), (9.97, "10"), (10.4, "10"), (1234.0, "1,234")]
)
def test_speeds_near_each_other_are_written_alike(speed: float, text: str) -> None:
    assert units.rate_text(speed) == text
