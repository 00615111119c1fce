"""The build process, driven as the window and the commands drive it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import filelock
import psutil
import pytest

from app.base.children import child_command
from converters.build.build_client import build
from converters.build.quantised_output import quantised_output
from converters.build.working_files import discard_build, journal_path, working_path
from converters.gguf.gguf_reader import inspect
from converters.gguf.gguf_types import F16
from converters.process.messages import BuildRequest, BuildResult, line_of
from converters.system.errors import BuildError, CheckpointError, GgufError
from models.quantisation.quantisation_mixture import MixtureModel
from models.system.disk_space import DiskFullError
from models.system.errors import Cancelled
from models.system.progress import JobContext, OnProgress, Progress, ignore_progress
from tests.support.checkpoints import write_json
from tests.support.children import running_children

COMMAND = child_command("build")
NAME = "Model"


def build_into(
    out: Path,
    checkpoint: Path,
    types: Sequence[str],
    on_progress: OnProgress = ignore_progress,
    cancel: threading.Event | None = None,
    command: Sequence[str] = COMMAND,
    name: str = NAME,
) -> BuildResult:
    return build(BuildRequest(checkpoint, list(types), out, name), command, JobContext(on_progress, cancel))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_outputs_are_named_hashed_and_alone_in_the_folder(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    told: list[Progress] = []
    result = build_into(tmp_path / "new", checkpoints["qwen2"], ["q4_k_m", "Q8_0", "Q8_0"], told.append)
    assert [output.type for output in result.outputs] == ["Q4_K_M", "Q8_0"]
    for output in result.outputs:
        assert output.path == tmp_path / "new" / f"Model-{output.type}.gguf"
        assert output.sha256 == hashlib.sha256(output.path.read_bytes()).hexdigest()
        assert output.bytes == output.path.stat().st_size
        assert {tensor.type for tensor in inspect(output.path).tensors} >= {"F32", output.type[:4]}
    assert names(tmp_path / "new") == ["Model-Q4_K_M.gguf", "Model-Q8_0.gguf"]
    assert 10 << 20 < result.peak_memory_bytes < 1 << 30
    assert list(dict.fromkeys(step.stage for step in told)) == ["quantise", "verify"]
    assert {step.stage for step in told if step.done == step.total} == {"quantise", "verify"}
    assert all(0 <= step.done <= step.total for step in told)


def test_the_full_precision_file_is_kept_only_where_asked_for(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    kept = build_into(tmp_path, checkpoints["qwen2"], ["Q4_0", "bf16", "f16"])
    assert [output.type for output in kept.outputs] == ["Q4_0", "BF16", "F16"]
    assert names(tmp_path) == ["Model-BF16.gguf", "Model-F16.gguf", "Model-Q4_0.gguf"]


def test_a_gguf_file_is_quantised_anew(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    source = build_into(tmp_path, checkpoints["llama"], ["F16", "Q8_0"])
    f16, q8 = (output.path for output in source.outputs)
    out = tmp_path / "again"
    result = build(BuildRequest(f16, ["Q8_0"], out, NAME), COMMAND)
    assert result.outputs[0].sha256 == source.outputs[1].sha256
    smaller = build(BuildRequest(q8, ["Q4_0"], out, NAME), COMMAND)
    assert smaller.outputs[0].bytes < q8.stat().st_size
    with pytest.raises(BuildError, match="cannot be turned into F32"):
        build(BuildRequest(f16, ["f32"], out, NAME), COMMAND)


def test_a_damaged_gguf_source_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(GgufError, match=r"bad\.gguf has the format version 0"):
        build(BuildRequest(file, ["Q8_0"], tmp_path, NAME), COMMAND)


def test_what_is_not_supported_is_refused_before_a_byte_is_written(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoints["llama"], tmp_path / "checkpoint"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", {**config, "architectures": ["GptOssForCausalLM"]})
    with pytest.raises(CheckpointError, match="GptOssForCausalLM is not supported") as refused:
        build_into(tmp_path / "out", folder, ["Q4_K_M"])
    assert "ready-made GGUF" in refused.value.hint_text()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("types", "name", "message"),
    [
        ([], NAME, "No type was chosen"),
        (["Q3_K"], NAME, "does not build the type Q3_K"),
        (["Q8_0"], "a/b", "cannot be a file's name"),
        (["Q8_0"], "..", "cannot be a file's name"),
        (["Q8_0"], "", "cannot be a file's name"),
    ],
)
def test_a_wrong_request_is_refused(types: list[str], name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=message):
        build_into(tmp_path / "out", tmp_path, types, name=name)
    assert names(tmp_path) == []


def test_rows_that_cannot_be_quantised_are_refused() -> None:
    model = MixtureModel("llama", 1, 1, 1)
    with pytest.raises(BuildError, match="rows are 250 weights long"):
        quantised_output("Q8_0", {}, {"blk.0.ffn_up.weight": ((768, 250), F16)}, model, {}, None)


def test_too_little_disk_space_is_told_before_writing(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    # Stand-in for a full disk: the child sees one free byte.
    script = (
        "import shutil, collections, sys\n"
        "shutil.disk_usage = lambda path: collections.namedtuple('U', 'total used free')(1, 0, 1)\n"
        "from converters.build.build_worker import main\nsys.exit(main())"
    )
    with pytest.raises(DiskFullError, match=r"4\.0 MB more are needed, and 1 B are free") as told:
        build_into(tmp_path / "out", checkpoints["qwen2"], ["Q4_K_M"], command=[sys.executable, "-c", script])
    need = told.value.need
    assert need is not None
    assert need.folder == tmp_path / "out"
    assert 3_900_000 < need.bytes < 4_100_000
    assert names(tmp_path / "out") == []
    full = build_into(tmp_path / "out", checkpoints["qwen2"], ["Q4_K_M"])
    assert names(tmp_path / "out") == [full.outputs[0].path.name]


def test_a_folder_that_cannot_be_written_is_named(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="cannot be written to"):
        build_into(tmp_path / "file" / "out", checkpoints["qwen2"], ["bf16"])


def test_cancel_ends_the_process_and_what_it_made_can_be_discarded(
    starter_checkpoint: Path, tmp_path: Path
) -> None:
    cancel = threading.Event()

    def on_progress(step: Progress) -> None:
        if step.stage == "quantise":
            cancel.set()

    with pytest.raises(Cancelled):
        build_into(tmp_path, starter_checkpoint, ["Q4_K_M"], on_progress, cancel)
    assert not running_children(COMMAND)
    assert all(name.startswith(".") for name in names(tmp_path))
    discard_build(tmp_path, NAME)
    assert names(tmp_path) == []


def test_a_listener_that_fails_ends_the_process(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    def on_progress(step: Progress) -> None:
        raise ValueError("listener")

    with pytest.raises(ValueError, match="listener"):
        build_into(tmp_path, checkpoints["qwen2"], ["Q4_K_M"], on_progress)
    assert not running_children(COMMAND)


def test_a_process_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import os, sys; print('GGML_ASSERT(x) failed', file=sys.stderr); os.abort()",
    ]
    with pytest.raises(BuildError, match=r"ended unexpectedly \(code -6\)") as failed:
        build_into(tmp_path, tmp_path, ["Q8_0"], command=command)
    assert "GGML_ASSERT(x) failed" in failed.value.native


def test_a_gguf_of_another_architecture_is_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    source = build_into(tmp_path, checkpoints["llama"], ["F16"]).outputs[0].path
    data = source.read_bytes()
    for name, change, message in (
        ("other", (b"llama.block_count", b"llama.blocX_count"), "does not say what its llama.block_count is"),
        ("moe", (b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0gemma"), "is a gemma model"),
    ):
        (tmp_path / f"{name}.gguf").write_bytes(data.replace(*change, 1))
        with pytest.raises(BuildError, match=message):
            build(BuildRequest(tmp_path / f"{name}.gguf", ["Q8_0"], tmp_path / "out", NAME), COMMAND)
    assert not (tmp_path / "out").exists()


def test_two_builds_of_one_name_are_kept_apart(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    part = working_path(tmp_path, NAME, "BF16")
    part.write_text("another build's")
    with (
        filelock.FileLock(journal_path(tmp_path, NAME).with_suffix(".lock")),
        pytest.raises(BuildError, match="Model is being built already"),
    ):
        build_into(tmp_path, checkpoints["qwen2"], ["BF16"])
    assert part.read_text() == "another build's"


def start_worker(request: BuildRequest) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin is not None
    worker.stdin.write(line_of(request))
    worker.stdin.flush()
    return worker


def test_the_process_ends_when_its_stdin_closes(starter_checkpoint: Path, tmp_path: Path) -> None:
    request = BuildRequest(starter_checkpoint, ["Q4_K_M"], tmp_path, NAME)
    with start_worker(request) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert b'"progress"' in worker.stdout.readline()
        worker.stdin.close()
        assert worker.wait(timeout=30) == 1
    assert "Model-Q4_K_M.gguf" not in names(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_process_ends_with_its_parent(starter_checkpoint: Path, tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:-1], stdin=subprocess.PIPE)\n"
        "child.stdin.write(sys.argv[-1].encode() + b'\\n'); child.stdin.flush()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    request = {"source": str(starter_checkpoint), "types": ["Q4_K_M"], "out_dir": str(tmp_path), "name": NAME}
    command = [sys.executable, "-c", script, *COMMAND, json.dumps(request)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert b'"progress"' in parent.stdout.readline()
        os.kill(parent.pid, signal.SIGKILL)
        psutil.wait_procs([child], timeout=30)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert "Model-Q4_K_M.gguf" not in names(tmp_path)
