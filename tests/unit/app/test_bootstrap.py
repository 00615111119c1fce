import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_window_whose_libraries_are_missing_says_what_to_do(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['app.ui.shell.window_application'] = None; sys.argv = ['stillroom'];"
        "from app.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"STILLROOM_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The window cannot open: ")
    assert "stillroom doctor" in done.stderr
    assert "Traceback" not in done.stderr
