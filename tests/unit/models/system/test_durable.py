import threading
from pathlib import Path

from models.system.durable import write_durably


def test_a_file_that_somebody_looks_at_is_replaced_once_they_are_done(tmp_path: Path) -> None:
    # Windows refuses to replace a file that is open.
    path = tmp_path / "manifest.json"
    path.write_text("old")
    reader = path.open()
    done = threading.Timer(0.2, reader.close)
    done.start()
    write_durably(path, b"new")
    done.join()
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]
