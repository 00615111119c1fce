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
