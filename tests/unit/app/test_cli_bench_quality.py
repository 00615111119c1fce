"""`stillroom bench --suite quality` and `--suite drift` with the real program."""

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.hub import LoopbackHub


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_quality_asks_a_data_set_and_reports_every_item(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    problems = [
        {"problem": f"What is {n} plus 1?", "answer": str(n + 1), "unique_id": f"{n}.json"} for n in (1, 2)
    ]
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, problems)), "utf-8")
    with LoopbackHub() as hub:
        hub.add("HuggingFaceH4/MATH-500", folder)
        online = Cli(cli.home, hub.endpoint)
        arguments = ("--suite", "quality", "--kind", "maths", "--data", "math-500", "--max-tokens", "8")
        ran = online("bench", "starter", *arguments, "--json")
    assert ran.code == 0, ran.err
    report = ran.json()
    assert (report["schema"], report["schema_version"], report["finished"]) == ("stillroom.quality", 1, True)
    [facts] = report["run"]["collections"]
    assert (facts["name"], facts["licence"], facts["items"]) == ("MATH-500", "MIT", 2)
    assert "SHA-256" in facts["source"]
    assert [item["verdict"] for item in report["items"]] == ["unfinished", "unfinished"]
    [figure] = report["figures"]
    assert (figure["key"], figure["n"], figure["conclusive"]) == ("pass_at_1", 2, False)
    # Once here, the data set needs no network.
    again = cli("bench", "starter", *arguments)
    assert again.code == 0, again.err
    assert "MATH-500 (MIT; " in again.out
    assert "n = 2, not conclusive" in again.out


@pytest.mark.faults
def test_drift_keeps_answers_and_compares_the_next_time(cli: Cli) -> None:
    first = cli("bench", "starter", "--suite", "drift")
    assert first.code == 0, first.err
    assert "8 golden answers are kept" in first.out
    second = cli("bench", "starter", "--suite", "drift", "--json")
    assert second.code == 0, second.err
    report = second.json()
    assert (report["schema"], report["answers"], report["is_first"]) == ("stillroom.drift", "same", False)
    assert len(report["items"]) == 8


def test_what_cannot_be_asked_is_wrong_use(cli: Cli) -> None:
    ran = cli("bench", "starter", "--suite", "quality", "--kind", "poetry")
    assert ran.code == 2
    assert "no kind of question named poetry" in ran.err
    assert cli("bench", "starter", "--suite", "quality", "--max-tokens", "0").code == 2
