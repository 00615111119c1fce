from app.bench.quality.item import Item
from app.bench.quality.progress import Pace, QualityProgress
from app.bench.quality.result import ItemResult
from tests.unit.app.bench.quality.test_comparison import RUN, part


def item(name: str, kind: str = "maths") -> Item:
    return Item(id=f"{kind}/{name}", kind=kind, turns=["?"], expected=["!"])  # type: ignore[arg-type]


def result(of: Item, seconds: float, verdict: str = "right") -> ItemResult:
    return ItemResult(id=of.id, kind=of.kind, verdict=verdict, scores={"seconds": seconds})  # type: ignore[arg-type]


def test_the_time_left_is_known_once_each_kind_has_an_item_done() -> None:
    told: list[QualityProgress] = []
    now = [0.0]
    pace = Pace(told.append, lambda: now[0])
    items = [item("a"), item("b", "intent"), item("c"), item("d", "intent")]
    pace.start(items, [])
    pace.begin(items[0])
    pace.finish(result(items[0], 10.0))
    assert told[-1].remaining_s is None
    pace.begin(items[1])
    pace.finish(result(items[1], 2.0, "wrong"))
    assert told[-1].remaining_s == 12.0
    assert told[-1].fraction == 0.5
    assert (told[-1].done, told[-1].total, told[-1].right, told[-1].judged) == (2, 4, 1, 2)
    pace.begin(items[2])
    now[0] = 4.0
    pace.tick()
    assert told[-1].remaining_s == 8.0


def test_no_time_is_told_before_the_items_are_known_nor_for_a_text_alone() -> None:
    told: list[QualityProgress] = []
    now = [0.0]
    pace = Pace(told.append, lambda: now[0])
    pace.tell("identify")
    items = [item("a"), item("b")]
    pace.start(items, [result(items[0], 6.0)])
    now[0] = 2.0
    pace.text(0.5)
    [read] = part(3.0)
    pace.read(read)
    assert [(each.stage, each.remaining_s) for each in told] == [
        ("identify", None),
        ("text", None),
        ("text", None),
    ]


def test_what_an_earlier_process_did_counts() -> None:
    told: list[QualityProgress] = []
    items = [item("a"), item("b")]
    pace = Pace(told.append, lambda: 0.0)
    pace.start(items, [result(items[0], 6.0)])
    pace.begin(items[1])
    assert (told[-1].done, told[-1].remaining_s) == (1, 6.0)


def test_a_part_of_a_text_is_told_with_the_run_it_belongs_to() -> None:
    told: list[QualityProgress] = []
    pace = Pace(told.append, lambda: 0.0)
    pace.run = RUN
    pace.start([item("a")], [])
    pace.text(0.5)
    [read] = part(3.0)
    pace.read(read)
    assert (told[-1].result, told[-1].run, told[-1].fraction, told[-1].done) == (read, RUN, 0.5, 0)
