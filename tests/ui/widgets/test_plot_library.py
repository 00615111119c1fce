"""The window brings in its plots after it is painted; in a process of its own, as all is here already."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_the_first_thread_alone_loads_what_has_to_do_with_qt(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.imports_child"],
        env=os.environ | {"STILLROOM_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    looked_for = json.loads(child.stdout)
    assert "pyqtgraph" in looked_for["first"]
    assert looked_for["elsewhere"] == []
    # In several turns: at once they would hold the window up for a quarter of a second.
    assert looked_for["most_in_a_turn"] < looked_for["of_the_library"] / 3


def test_what_was_left_half_imported_is_imported_whole() -> None:
    child = subprocess.run(
        [sys.executable, "-c", HALF_IMPORTED],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
        text=True,
    )
    assert child.stdout.split() == ["False", "True", "True", "PlotWidget"]


HALF_IMPORTED = """
import sys
from PySide6.QtWidgets import QApplication
from app.ui.widgets.plot_library import import_steps

qt = QApplication([])
given_up = import_steps()
while "pyqtgraph.colormap" not in sys.modules:
    next(given_up)
print(hasattr(sys.modules["pyqtgraph"], "PlotWidget"))
for _ in import_steps():
    pass
import pyqtgraph
at_once = dict(pyqtgraph.__dict__)
print(hasattr(pyqtgraph, "PlotWidget"))
# Nothing is left to be done.
for _ in import_steps():
    pass
print(all(pyqtgraph.__dict__[name] is value for name, value in at_once.items()))
# Whoever had begun it earlier may come to the end, too.
for _ in given_up:
    pass
print(type(pyqtgraph.PlotWidget()).__name__)
"""
