"""The places of names beside a plot's points."""

from itertools import combinations

from app.bench.report.label_places import DOT_PX, GAP_PX, Box, NamedPoint, label_places

AREA = Box(0, 0, 300, 150)


def placed(*points: tuple[float, float], width: float = 60) -> list[Box]:
    return label_places([NamedPoint(x, y, width, 15) for x, y in points], AREA)


def test_a_name_alone_stands_at_the_right_of_its_point() -> None:
    for x in (100, 100.1, 258.33 / 3, 71.7):
        [place] = placed((x, 75.3), width=59.140625)
        assert place.x > x
        assert place.y < 75.3 < place.y + place.height


def test_a_name_at_an_edge_stays_inside() -> None:
    for corner in ((2, 3), (298, 3), (2, 148), (298, 148), (2, 75), (298, 75)):
        [place] = placed(corner)
        assert place.outside(AREA) == 0, corner


def test_names_of_close_points_cover_neither_each_other_nor_a_point() -> None:
    points = [(100.0, 75.0), (125.0, 70.0), (128.0, 78.0), (150.0, 90.0)]
    places = placed(*points)
    assert all(one.shared(other) == 0 for one, other in combinations(places, 2))
    assert not any(place.shared(Box(x - 1, y - 1, 2, 2)) for place in places for x, y in points)
    assert all(place.outside(AREA) == 0 for place in places)


def test_no_long_name_covers_a_point() -> None:
    """As of models whose files are about as large."""
    points = [(42.0, 26.0), (70.0, 31.0), (121.0, 39.0), (152.0, 43.0), (288.0, 80.0)]
    places = placed(*points, width=155)
    dots = [Box(x - DOT_PX, y - DOT_PX, 2 * DOT_PX, 2 * DOT_PX) for x, y in points]
    assert not any(place.shared(dot) > 5 for place in places for dot in dots)
    shown = [place for place in places if place.width]
    assert len(shown) >= 2
    whole = Box(-GAP_PX, -GAP_PX, AREA.width + 2 * GAP_PX, AREA.height + 2 * GAP_PX)
    assert all(place.outside(whole) < 1 for place in shown), "part of a name"
    assert all(one.shared(other) < 0.05 * 155 * 15 for one, other in combinations(shown, 2))


def test_a_point_without_a_name_keeps_others_off() -> None:
    places = label_places([NamedPoint(100, 75, 60, 15), NamedPoint(120, 75)], AREA)
    assert places[0].x < 100


def test_a_name_keeps_off_a_line() -> None:
    point = NamedPoint(100, 75, 60, 15)
    [place] = label_places([point], AREA, [[(100, 75), (200, 80)]])
    assert place.x + place.width < 100


def test_a_name_keeps_off_a_line_between_points() -> None:
    """As under the roof of what a computer allows, with the name of another point at the right."""
    points = [NamedPoint(140, 90), NamedPoint(215, 73, 204, 15), NamedPoint(364, 57), NamedPoint(445, 73)]
    roof = [(37.0, 140.0), (166.0, 37.0), (509.0, 37.0)]
    taken = NamedPoint(445, 80, 120, 15)
    place = label_places([taken, *points], Box(0, 0, 540, 180), [roof])[2]
    assert place.width
    slope_x = 166 - (place.y - 37) * (166 - 37) / (140 - 37)
    assert place.x >= slope_x or place.y > 90, "right of the slope, or below it"


def test_a_name_that_could_only_lie_on_others_is_left_out() -> None:
    points = [(140.0 + step, 75.0 + step) for step in range(0, 24, 2)]
    shown = [place for place in placed(*points, width=140) if place.width]
    assert 2 <= len(shown) < len(points)
    assert all(one.shared(other) < 0.05 * 140 * 15 for one, other in combinations(shown, 2))
