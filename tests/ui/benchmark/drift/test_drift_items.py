"""The table of the golden answers beside those of before."""

from PySide6.QtWidgets import QApplication

from app.bench.drift.comparison import compare_golden
from app.ui.base.theme import Theme
from app.ui.benchmark.drift.drift_items_table import LIKELIHOOD, DriftItems
from app.ui.benchmark.drift.drift_words import DriftWords
from tests.support.golden_runs import BASE, answer, run, several


def test_no_likelihood_is_told_where_no_word_is_common(qapp: QApplication) -> None:
    table = DriftItems(Theme(qapp, "light"))
    now = [answer([9, 9], text="x y", number=1), answer([1, 2, 9], text="a b x", number=2)]
    table.show_report(compare_golden(BASE, [], run("now", now, "2026-11-02T10:00:00Z")))
    assert [table.index(row, LIKELIHOOD).data() for row in range(2)] == ["–", "0.0000"]


def test_no_figure_of_the_speed_begins_a_line_alone() -> None:
    slow = compare_golden(BASE, [], run("now", several(35.0), "2026-11-02T10:00:00Z"))
    said = DriftWords().speed_line(slow)
    assert said.split(" ")[0].startswith("generation\u00a0−")
    assert not any(word[0] in "+−=" for word in said.split(" "))


def test_what_has_changed_is_said_in_words() -> None:
    words = DriftWords()
    assert words.value("rpc_servers", "none") == "none"
    assert words.value("gpu_driver", "") == "–"
    assert words.value("flash_attention", "auto") == "automatic"
    assert words.value("gpu_layers", "-1") == "automatic"
    assert words.value("gpu_layers", "0") == "0"
    assert words.value("threads", "0") == "automatic"
    assert words.value("system_info", "SSE3, AVX2") == "SSE3, AVX2"
