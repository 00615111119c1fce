"""`stillroom measure`: a file against its full-precision form, and the picture of size against loss."""

from pathlib import Path
from xml.etree import ElementTree

from converters.quality.measuring_client import OWN_TRACES
from tests.support.cli import Cli
from tests.support.make_quality_reference import TEXT, build_small_model


def test_what_was_measured_is_drawn(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    files = build_small_model(tmp_path / "small")
    plot = tmp_path / "loss.svg"
    compared = ("--reference", str(files["BF16"]), "--text", str(TEXT))
    ran = cli("measure", str(files["Q4_0"]), *compared, "--plot", str(plot), "--json")
    assert ran.code == 0, ran.err
    [measured] = ran.json()["models"]
    assert measured["quality"]["kld_mean"] > 0
    labels = [text.text for text in ElementTree.parse(plot).iter() if text.get("class") == "label"]
    assert labels == ["Q4_0"]


def test_reasoning_traces_of_our_own_are_read_on_request(tmp_path: Path) -> None:
    files = build_small_model(tmp_path / "small")
    compared = ("--reference", str(files["BF16"]), "--text", "reasoning")
    ran = Cli(tmp_path / "home")("measure", str(files["Q4_0"]), *compared, "--json")
    assert ran.code == 0, ran.err
    [measured] = ran.json()["models"]
    assert measured["quality"]["text"] == OWN_TRACES
    assert measured["quality"]["scored_tokens"] > 5000


def test_a_plot_of_another_form_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    ran = Cli(tmp_path / "home")("measure", "starter", "--plot", str(tmp_path / "loss.png"))
    assert ran.code == 2
    assert "A plot's name ends in .svg." in ran.err
