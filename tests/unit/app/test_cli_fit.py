"""`stillroom build --fit` where a cache in q8_0 leaves more memory for the weights."""

import json
from pathlib import Path

import pytest

from app.bootstrap import build_core
from app.cli import main
from app.commands import build as build_command
from app.load_choices import LoadChoices
from app.settings import SettingsFile
from tests.support.make_quality_reference import DATA, MODEL
from tests.support.tiny_models import make_tiny_model


def test_the_file_is_loaded_with_the_cache_that_it_was_sized_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stands in for a computer on which so small a model only just fits."""
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(build_command, "fitting_by_cache", lambda *_: (3_100_000, 4_200_000))
    checkpoint = make_tiny_model(MODEL, tmp_path / "original")
    matrix = str(DATA / "imatrix.gguf")
    code = main(["build", str(checkpoint), "--fit", "--imatrix", matrix, "--json"], build_core)
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "up to 3.1 MB with a cache in f16, or of up to 4.2 MB with one in q8_0" in told.err
    [built] = json.loads(told.out)["outputs"]
    assert built["type"] == "MIX_4M"
    cache = built["mixture"]["cache"]
    assert cache["kv_type"] == "q8_0"
    assert cache["loss"]["divergence"] < cache["other_divergence"]
    [settings] = (tmp_path / "home").rglob("settings.json")
    assert LoadChoices(SettingsFile(settings)).of(Path(built["path"])).load.kv_type == "q8_0"
