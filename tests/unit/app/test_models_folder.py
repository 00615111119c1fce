"""Where the models lie, as another process has written it down."""

from pathlib import Path

from app.base.paths import AppPaths
from app.models_folder import models_root_on_disk
from app.settings import SettingsFile


def test_a_move_by_another_process_is_read_from_the_settings(tmp_path: Path) -> None:
    paths = AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")
    assert models_root_on_disk(paths) is None
    settings = SettingsFile(paths.settings)
    settings.update(language="en")
    assert models_root_on_disk(paths) is None
    settings.update(models_folder=str(tmp_path / "disk"))
    assert models_root_on_disk(paths) == tmp_path / "disk"
    paths.settings.write_bytes(b"{")
    assert models_root_on_disk(paths) is None
    assert paths.settings.exists()
