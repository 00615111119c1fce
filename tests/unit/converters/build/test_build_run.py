"""A build that was stopped goes on at the tensor where it was, or starts over where that would be wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from converters.build import durable_commits as commits
from converters.build.build_run import run_build
from converters.build.quantise_rows import Bench, RowRange
from converters.build.working_files import journal_path, working_path
from converters.gguf.gguf_reader import inspect
from converters.process.messages import BuildRequest
from models.store.manifest import BuiltFile
from models.system.progress import Progress, ignore_progress
from tests.support.make_reference import DATA

NAME = "DeepSeek-R1-Distill-Qwen-6M"
TYPES = ["Q4_0", "BF16"]


class PowerCutError(BaseException):
    """Stands in for an end without a word: no code of the build catches it."""


def build(source: Path, out: Path, types: list[str] | None = None) -> list[BuiltFile]:
    request = BuildRequest(source=source, types=types or TYPES, out_dir=out, name=NAME)
    return run_build(request, ignore_progress)


def build_and_cut(source: Path, out: Path, fraction: float) -> None:
    def on_progress(progress: Progress) -> None:
        if progress.done >= fraction * progress.total:
            raise PowerCutError

    request = BuildRequest(source=source, types=TYPES, out_dir=out, name=NAME)
    with pytest.raises(PowerCutError):
        run_build(request, on_progress)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tensors whose rows were worked on; every tensor is committed on its own."""
    monkeypatch.setattr(commits, "COMMIT_BYTES", 1)
    monkeypatch.setattr("converters.process.reporter.REPORT_S", 0)
    names: list[str] = []
    work = Bench.work

    def noted(bench: Bench, rows: RowRange) -> None:
        names.append(rows.tensor.name)
        work(bench, rows)

    monkeypatch.setattr(Bench, "work", noted)
    return names


def assert_right(built: list[BuiltFile]) -> None:
    outputs = json.loads((DATA / "qwen2.json").read_text("utf-8"))["outputs"]
    assert [file.type for file in built] == TYPES
    for file in built:
        assert file.sha256 == outputs[file.type]["sha256"]


def test_finished_tensors_are_not_quantised_again(
    checkpoints: dict[str, Path], tmp_path: Path, worked: list[str]
) -> None:
    build_and_cut(checkpoints["qwen2"], tmp_path, 0.6)
    first = set(worked)
    worked.clear()
    assert_right(build(checkpoints["qwen2"], tmp_path))
    assert 0 < len(set(worked)) < len(first | set(worked))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"{NAME}-{kind}.gguf" for kind in sorted(TYPES)
    ]


def test_a_build_cut_between_its_names_names_the_rest(
    checkpoints: dict[str, Path], tmp_path: Path, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        renamed: list[Path] = []

        def rename_once(source: Path, target: Path) -> None:
            if renamed:
                raise PowerCutError
            renamed.append(target)
            source.rename(target)

        patch.setattr("converters.build.build_run.rename_durably", rename_once)
        with pytest.raises(PowerCutError):
            build(checkpoints["qwen2"], tmp_path)
    worked.clear()
    assert_right(build(checkpoints["qwen2"], tmp_path))
    assert worked == []


def lose_a_part(source: Path, out: Path) -> None:
    working_path(out, NAME, "Q4_0").unlink()


def shorten_a_part(source: Path, out: Path) -> None:
    with working_path(out, NAME, "Q4_0").open("r+b") as file:
        file.truncate(1000)


def lose_the_journal(source: Path, out: Path) -> None:
    journal_path(out, NAME).unlink()


def change_the_source(source: Path, out: Path) -> None:
    (source / "model.safetensors").touch()


@pytest.mark.parametrize("change", [lose_a_part, shorten_a_part, lose_the_journal, change_the_source])
def test_a_build_whose_files_are_not_what_they_were_starts_over(
    change: Callable[[Path, Path], None],
    checkpoints: dict[str, Path],
    tmp_path: Path,
    worked: list[str],
) -> None:
    build_and_cut(checkpoints["qwen2"], tmp_path, 0.6)
    everything = set(worked)
    worked.clear()
    change(checkpoints["qwen2"], tmp_path)
    assert_right(build(checkpoints["qwen2"], tmp_path))
    assert set(worked) >= everything


def test_a_torn_last_line_of_the_journal_is_forgotten(
    checkpoints: dict[str, Path], tmp_path: Path, worked: list[str]
) -> None:
    build_and_cut(checkpoints["qwen2"], tmp_path, 0.6)
    worked.clear()
    with journal_path(tmp_path, NAME).open("ab") as journal:
        journal.write(b"tensor\toutput.weight 0000")
    assert_right(build(checkpoints["qwen2"], tmp_path))
    assert worked


def test_what_was_damaged_between_two_runs_is_made_again(
    checkpoints: dict[str, Path], tmp_path: Path, worked: list[str]
) -> None:
    build_and_cut(checkpoints["qwen2"], tmp_path, 0.6)
    worked.clear()
    lines = journal_path(tmp_path, NAME).read_text("utf-8").splitlines()
    stored = [line.split("\t")[1].split(" ")[0] for line in lines if line.startswith("tensor\t")]
    part = working_path(tmp_path, NAME, "Q4_0")
    tensors = {tensor.name: tensor for tensor in inspect(part).tensors}
    data = bytearray(part.read_bytes())
    data[60] ^= 4  # in the header
    data[tensors[stored[-1]].offset + tensors[stored[-1]].bytes // 2] ^= 16
    part.write_bytes(data)
    assert_right(build(checkpoints["qwen2"], tmp_path))
    assert set(stored) & set(worked) == {stored[-1]}


def test_other_types_start_over(checkpoints: dict[str, Path], tmp_path: Path, worked: list[str]) -> None:
    build_and_cut(checkpoints["qwen2"], tmp_path, 0.6)
    [built] = build(checkpoints["qwen2"], tmp_path, ["Q8_0"])
    assert [file.name for file in tmp_path.iterdir()] == [built.path.name]
