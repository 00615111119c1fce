"""The whole job: download, convert, quantise, load, answer, and a window that shows it."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.end2end.main_job import run_main_job


@pytest.mark.timeout(600)
def test_the_main_job_ends_with_an_answer_and_a_picture(tmp_path: Path) -> None:
    summary = run_main_job(tmp_path)
    assert summary["answer"].strip()
    assert summary["decode_tok_per_s"] > 0
    built = next((tmp_path / "home").rglob("Q4_K_M.gguf"))
    assert hashlib.sha256(built.read_bytes()).hexdigest() == summary["output_sha256"]
    assert json.loads((tmp_path / "summary.json").read_text("utf-8")) == summary
    assert Path(summary["window"]).stat().st_size > 20_000
