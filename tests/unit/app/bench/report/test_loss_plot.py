"""The plot of loss against size: types as points, mixtures by size as a line, as an SVG that stands alone."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.bench.report.label_places import Box
from app.bench.report.loss_plot import loss_lines, loss_svg
from app.bench.report.svg_plot import CHARACTER_PX, LABEL_PX, LEFT, RIGHT, WIDTH
from models.store.store import InstalledModel
from tests.support.qualities import made_up_quality

SVG = "{http://www.w3.org/2000/svg}"


def file(kind: str, size_bytes: int, divergence: float) -> InstalledModel:
    quality = made_up_quality(bytes=size_bytes, kld_mean=divergence, kld_mean_error=0.001)
    return InstalledModel("A", kind, Path(f"{kind}.gguf"), size_bytes, quality=quality)


MODELS = [
    file("MIX_120M", 120_000_000, 0.008),
    file("Q4_K_M", 105_000_000, 0.04),
    file("MIX_100M", 100_000_000, 0.03),
    file("Q8_0", 144_000_000, 0.001),
    InstalledModel("A", "Q6_K", Path("q6.gguf"), 2),
]


def test_what_was_chosen_for_a_size_is_joined_and_types_are_not() -> None:
    plain, chosen = loss_lines(MODELS)
    assert (plain.joined, chosen.joined) == (False, True)
    assert list(plain.labels) == ["Q4_K_M", "Q8_0"]
    assert [(point.x, point.y) for point in chosen.points] == [(0.1, 0.03), (0.12, 0.008)]
    assert plain.points[0].high == pytest.approx(0.04 + 1.96 * 0.001)


def test_without_mixtures_there_is_no_line() -> None:
    assert [line.joined for line in loss_lines(MODELS[1:2])] == [False]
    assert loss_lines(MODELS[4:]) == []


def test_the_picture_stands_alone() -> None:
    picture = ElementTree.fromstring(loss_svg("A <b>", MODELS))
    assert picture.findtext(f"{SVG}title") == "Divergence of A <b> against its size"
    assert picture.find(f"{SVG}style") is not None
    labels = {text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "label"}
    assert labels == {"Q4_K_M", "Q8_0", "MIX_100M", "MIX_120M"}
    lines = [path for path in picture.iter(f"{SVG}path") if "line" in path.get("class", "").split()]
    assert len(lines) == 1
    assert len(list(picture.iter(f"{SVG}circle"))) == 4


def test_no_name_covers_another() -> None:
    close = [file("Q4_0", 105_500_000, 0.041), file("Q4_K_S", 106_000_000, 0.0395), *MODELS]
    picture = ElementTree.fromstring(loss_svg("A", close))
    places = [
        Box(float(text.get("x", "")), float(text.get("y", "")), CHARACTER_PX * len(text.text or ""), LABEL_PX)
        for text in picture.iter(f"{SVG}text")
        if text.get("class") == "label"
    ]
    assert len(places) == 6
    assert not any(one.shared(other) for one, other in combinations(places, 2))
    assert all(place.x >= LEFT and place.x + place.width <= WIDTH - RIGHT for place in places)
