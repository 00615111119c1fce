"""The table of the golden answers beside those of before."""

from PySide6.QtWidgets import QApplication

from app.bench.drift.comparison import compare_golden
from app.ui.base.theme import Theme
from app.ui.benchmark.drift.drift_items_table import LIKELIHOOD, DriftItems
from tests.support.golden_runs import BASE, answer, run


def test_no_likelihood_is_told_where_no_word_is_common(qapp: QApplication) -> None:
    table = DriftItems(Theme(qapp, "light"))
    now = [answer([9, 9], text="x y", number=1), answer([1, 2, 9], text="a b x", number=2)]
    table.show_report(compare_golden(BASE, [], run("now", now, "2026-11-02T10:00:00Z")))
    assert [table.index(row, LIKELIHOOD).data() for row in range(2)] == ["–", "0.0000"]
