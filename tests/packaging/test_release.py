"""Everything that the release workflow needs is there, and the small parts it is made of."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / "packaging" / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    loaded = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_every_step_does_one_thing(workflow: dict[Any, Any]) -> None:
    assert [step for step in steps(workflow) if ("uses" in step) == ("run" in step)] == []
    assert [step["uses"] for step in steps(workflow) if "@" not in step.get("uses", "@")] == []


def test_every_job_runs_after_jobs_that_exist(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    needed = {name for job in jobs.values() for name in job.get("needs", [])}
    assert needed <= jobs.keys()
    # What publish collects, some job hands over.
    handed = {step["with"]["name"] for step in steps(workflow) if "upload-artifact" in step.get("uses", "")}
    assert needed == handed


def test_every_script_and_goal_that_it_runs_exists(workflow: dict[Any, Any]) -> None:
    commands = "\n".join(step.get("run", "") for step in steps(workflow)).replace("\\", "/")
    named = set(re.findall(r"(?:packaging|tests)/[\w/.]+\.(?:py|ps1)", commands))
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert len(named) >= 8
    goals = set(re.findall(r"make ([a-z-]+)", commands))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert goals <= made
    assert goals


def test_it_has_the_token_that_it_publishes_with_and_no_more(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    writing = {name for name, job in workflow["jobs"].items() if "permissions" in job}
    assert writing == {"publish"}


def test_advisories_are_asked_for_each_week_and_for_a_release(workflow: dict[Any, Any]) -> None:
    weekly = yaml.safe_load((WORKFLOW.parent / "advisories.yml").read_text("utf-8"))
    assert weekly["permissions"] == {"contents": "read"}
    # YAML reads a bare `on` as true.
    assert weekly[True]["schedule"]
    asked = [
        [step["run"] for step in steps(jobs) if "make advisories" in step.get("run", "")]
        for jobs in (workflow, weekly)
    ]
    assert asked[0] == asked[1] != []


def test_the_notes_are_the_versions_section() -> None:
    changelog = (
        "# Changelog\n\n## Unreleased\n\n- New\n\n## 0.2.0 - 2026-12-01\n\n- Old\n\n## 0.1.0\n\n- First\n"
    )
    notes = script("release_notes.py")
    assert notes.section(changelog, "0.2.0") == "- Old"
    assert notes.section(changelog, "0.3.0") == "- New"
    assert notes.section(changelog, "0.1.0") == "- First"


def test_the_list_of_parts_names_each_with_its_licence(tmp_path: Path) -> None:
    inside = tmp_path / "bundle" / "_internal"
    for name, metadata in (
        ("numpy-2.4.6", "Name: numpy\nVersion: 2.4.6\nLicense-Expression: BSD-3-Clause\n"),
        ("old_one-1.0", "Name: Old.One\nVersion: 1.0\nClassifier: License :: OSI Approved :: MIT License\n"),
        ("stillroom-0.1.0", "Name: stillroom\nVersion: 0.1.0\n"),
    ):
        (inside / f"{name}.dist-info").mkdir(parents=True)
        (inside / f"{name}.dist-info" / "METADATA").write_text(metadata + "\nText.\n")
    (inside / "licences" / "libssl3_3.0.15-1").mkdir(parents=True)
    (inside / "licences" / "libssl3_3.0.15-1" / "copyright").write_text("Apache-2.0\n")
    path = script("parts_list.py").write_parts_list(tmp_path / "bundle", tmp_path, "0.1.0")
    document = json.loads(path.read_text("utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert [(part["purl"], part["licenses"]) for part in document["components"]] == [
        ("pkg:pypi/numpy@2.4.6", [{"expression": "BSD-3-Clause"}]),
        ("pkg:pypi/old-one@1.0", [{"license": {"name": "MIT License"}}]),
        (
            "pkg:deb/debian/libssl3@3.0.15-1",
            [{"license": {"name": "see licences/libssl3_3.0.15-1/copyright"}}],
        ),
    ]
