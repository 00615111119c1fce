"""500 flipped bits and 50 truncations of each kind of file: the user is told, or there is no difference."""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from converters.build import durable_commits as commits
from converters.build.build_run import run_build
from converters.process import reporter
from converters.process.messages import BuildRequest
from models.system.progress import OnProgress, Progress, ignore_progress
from tests.support.damage import DamagedCopies, flipped
from tests.support.own_files import OWN_FILES, OwnFile
from tests.support.tiny_models import make_tiny_model

pytestmark = pytest.mark.faults

FLIPS, TRUNCATIONS = 500, 50


@pytest.mark.parametrize("kind", OWN_FILES, ids=lambda kind: kind.name)
def test_no_damage_is_silent(kind: OwnFile, tmp_path: Path) -> None:
    copies, rng = DamagedCopies(kind, tmp_path), random.Random(kind.name)
    bits = range(8 * len(copies.content))
    flips: Counter[str] = Counter()
    for bit in rng.sample(bits, FLIPS) if len(bits) > FLIPS else bits:
        outcome, text = copies.outcome(lambda data, bit=bit: flipped(data, bit))
        flips[outcome] += 1
        assert outcome != "silent", f"bit {bit}: {text}"
    cuts: Counter[str] = Counter()
    lengths = range(1, len(copies.content) - 1)
    # Always the empty file, and the one that lacks its last byte.
    for length in {0, len(copies.content) - 1, *rng.sample(lengths, TRUNCATIONS - 2)}:
        outcome, text = copies.outcome(lambda data, length=length: data[:length])
        cuts[outcome] += 1
        assert outcome != "silent", f"{length} bytes: {text}"
    print(
        f"\n{kind.name}: of {flips.total()} flipped bits {flips['said']} said, {flips['no effect']} without "
        f"effect; of {cuts.total()} truncations {cuts['said']} said, {cuts['no effect']} without effect"
    )


class PowerCutError(BaseException):
    """Stands in for an end without a word: no code of the build catches it."""


def test_no_damage_to_a_build_that_stands_still_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bits of its working files: the models that it then makes are the same."""
    monkeypatch.setattr(commits, "COMMIT_BYTES", 1)
    monkeypatch.setattr(reporter, "REPORT_S", 0)
    source, whole, case = make_tiny_model("qwen2", tmp_path), tmp_path / "whole", tmp_path / "case"

    def build(out: Path, on_progress: OnProgress = ignore_progress) -> list[str]:
        request = BuildRequest(source=source, types=["Q4_0", "BF16"], out_dir=out, name="m")
        return [file.sha256 for file in run_build(request, on_progress)]

    def cut(progress: Progress) -> None:
        if progress.done >= 0.8 * progress.total:
            raise PowerCutError

    expected = build(tmp_path / "undamaged")
    with pytest.raises(PowerCutError):
        build(whole, cut)
    parts = sorted(whole.glob(".*.part"))
    rng = random.Random(0)
    for number in range(FLIPS):
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(whole, case)
        part = case / rng.choice(parts).name
        bit = rng.randrange(8 * part.stat().st_size)
        with part.open("r+b") as file:
            file.seek(bit // 8)
            [byte] = file.read(1)
            file.seek(bit // 8)
            file.write(bytes([byte ^ 1 << bit % 8]))
        assert build(case) == expected, (number, part.name, bit)
    print(f"\nworking files of a build: {FLIPS} flipped bits, the same models each time")
