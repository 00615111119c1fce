"""`stillroom build` by bits a weight, and with --fit where a cache in q8_0 leaves more memory for weights."""

import json
from pathlib import Path

import pytest

from app.bootstrap import build_core
from app.cli import main
from app.commands import build as build_command
from app.load_choices import LoadChoices
from app.settings import SettingsFile
from models.system.units import byte_count
from tests.support.make_quality_reference import DATA, MODEL
from tests.support.tiny_models import make_tiny_model


def test_so_many_bits_a_weight_are_made_told_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    checkpoint = make_tiny_model(MODEL, tmp_path / "original")
    command = ["build", str(checkpoint), "--bits", "5.5", "--imatrix", str(DATA / "imatrix.gguf")]
    code = main([*command, "--json"], build_core)
    told = capsys.readouterr()
    assert code == 0, told.err
    [built] = json.loads(told.out)["outputs"]
    assert built["type"] == "MIX_5.50BPW"
    mixture = built["mixture"]
    assert mixture["asked_bits"] == 5.5
    assert mixture["bits_per_weight"] == pytest.approx(5.5, rel=0.003)
    assert main(command, build_core) == 0
    again = capsys.readouterr().out
    sentence = f"Chosen for 5.50 bits a weight: {mixture['bits_per_weight']:.2f} in "
    assert f"MIX_5.50BPW  {byte_count(built['bytes'])}  {built['path']}" in again
    assert sentence in again
    assert "It was there already" in again
    # Without its record the file says it, too.
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(Path(built["path"]).read_bytes())
    for file in (built["path"], str(copy)):
        assert main(["inspect", file], build_core) == 0
        assert sentence in capsys.readouterr().out


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
