"""`stillroom doctor` and `stillroom bench` with the real program."""

import json
import subprocess
from pathlib import Path

import pytest

from models.catalogue.catalogue import catalogue
from tests.support.cli import ROOT, Cli
from tests.support.starter_variants import shallow_path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_doctor_says_in_words_what_runs_here(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("This computer: ")
    assert "llama.cpp can use: CPU" in ran.out
    assert str(cli.home / "logs") in ran.out
    assert ("\nRecommended, provisionally: " in ran.out) is ("(provisional: " in ran.out)
    table = ran.out[ran.out.index("The models as they would be loaded, with context tokens") :]
    assert [line.split()[:2] for line in table.splitlines()[2:9]] == [
        [model.key, "Q4_K_M"] for model in catalogue() if model.thinks
    ]
    asked = cli("doctor", "--all", "--context", "4096", "--kv-type", "q8_0")
    [row] = [line for line in asked.out.splitlines() if line.split()[:2] == ["r1-qwen-1.5b", "Q8_0"]]
    assert " x 4,096 " in row


def test_doctor_as_json(cli: Cli) -> None:
    document = cli("doctor", "--json").json()
    assert document["can_run"] is True
    assert any(device["backend"] == "CPU" for device in document["backends"])
    assert isinstance(document["gpus"], list)
    assert document["memory_bytes_per_s"] > 0
    models = {(model["key"], model["quantisation"]): model for model in document["models"]}
    assert len({key for key, _ in models}) == 7
    small = models["r1-qwen-1.5b", "Q4_K_M"]
    assert small["sequences"] >= 1
    assert small["cache_bytes"] == 28 * 2 * 256 * 2 * small["context_tokens"] * small["sequences"]
    assert small["ram_bytes"] + small["vram_bytes"] == (
        small["weights_bytes"] + small["cache_bytes"] + small["compute_bytes"]
    )
    assert small["verdict"] in ("ram", "too_large", "gpu", "partly")
    assert small["tok_per_s_basis"] in ("memory", "provisional", "")
    assert (small["tok_per_s_basis"] == "provisional") is document["memory_speed_is_provisional"]
    for problem in document["problems"]:
        assert problem["severity"] in ("limits", "info")
        assert problem["message"]
        assert problem["hint"]


def test_doctor_fails_when_llama_cpp_does_not_start(cli: Cli, tmp_path: Path) -> None:
    # What a CUDA build says where NVIDIA's libraries are not installed.
    broken = tmp_path / "broken" / "llama_cpp"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
    environment = cli.environment()
    environment["PYTHONPATH"] = f"{broken.parent}:{environment['PYTHONPATH']}"
    done = subprocess.run(
        cli.command("doctor", "--json"),
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["can_run"] is False
    assert document["problems"][0]["key"] == "engine"
    assert "libcudart.so.13" in document["problems"][0]["message"]
    assert "Traceback" not in done.stderr


def test_bench_reports_and_keeps_the_figures(cli: Cli, tmp_path: Path) -> None:
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    model = shallow_path()
    ran = cli("bench", model, "--suite", "quick", "--json", "--save", str(page), "--save", str(text))
    assert ran.code == 0, ran.err
    report = ran.json()
    assert report["schema"] == "stillroom.benchmark"
    assert report["suite"] == "quick"
    measures = {measure["key"]: measure for measure in report["measures"]}
    assert measures["pp512"]["mean"] > 0
    assert measures["tg32"]["mean"] > 0
    assert report["machine"]["features"]
    assert (cli.home / "data" / "benchmarks.sqlite3").is_file()
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "Generation, 32 tokens" in text.read_text(encoding="utf-8")
    side = tmp_path / "side.md"
    quick = ("--suite", "quick", "--against", model)
    compared = cli("bench", model, *quick, "--save-comparison", str(side), "--json")
    assert compared.code == 0, compared.err
    document = compared.json()
    assert document["comparison"]["runs"][0]["id"] == report["id"]
    assert document["comparison"]["against_first"][0]["run"] == document["report"]["id"]
    assert "| Generation, 32 tokens | 3 |" in side.read_text(encoding="utf-8")


def test_bench_asks_for_the_other_run_before_it_measures(cli: Cli) -> None:
    ran = cli("bench", "starter", "--against", "starter")
    assert ran.code == 1
    assert "There is no run of" in ran.err
    assert "stillroom bench starter --suite speed" in ran.err


def test_bench_takes_up_the_runs_of_a_file(cli: Cli, tmp_path: Path) -> None:
    test = {
        "model_filename": "m-Q8_0.gguf",
        "n_prompt": 0,
        "n_gen": 128,
        "avg_ts": 9.0,
        "samples_ts": [9, 9.2],
    }
    file = tmp_path / "runs.json"
    file.write_text(json.dumps([test]), encoding="utf-8")
    ran = cli("bench", "import", str(file))
    assert ran.code == 0, ran.err
    assert "m, Q8_0" in ran.out
    assert "Generation, 128 tokens: 9.10 ± 0.14 tok/s, n = 2" in ran.out
    document = cli("bench", "import", str(file), "--json").json()
    assert [report["source"] for report in document["imported"]] == ["llama-bench"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("bench", "import"),
        ("bench", "starter", "x.json"),
        ("bench", "starter", "--save", "report.exe"),
        ("bench", "starter", "--suite", "quality", "--save", "report.exe"),
        ("bench", "starter", "--save-comparison", "report.md"),
        ("bench", "starter", "--against", "starter", "--save-comparison", "report.png"),
        ("bench", "starter", "--suite", "drift", "--save", "report.md"),
    ],
)
def test_bench_refuses_what_makes_no_sense(cli: Cli, wrong: tuple[str, ...]) -> None:
    ran = cli(*wrong)
    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err
