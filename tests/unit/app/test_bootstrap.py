import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.bootstrap import build_core

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


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_is_kept_is_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "user"
    monkeypatch.setenv("STILLROOM_HOME", str(home))
    umask = os.umask(0o022)
    try:
        core = build_core()
        modes = {
            folder.name: folder.stat().st_mode & 0o777
            for folder in (core.paths.data, core.paths.config, core.paths.cache, core.paths.logs)
        }
        assert modes == {"data": 0o700, "config": 0o700, "cache": 0o700, "logs": 0o700}
        core.paths.data.chmod(0o750)
        build_core()
        assert core.paths.data.stat().st_mode & 0o777 == 0o750, "as it was given"
    finally:
        os.umask(umask)
