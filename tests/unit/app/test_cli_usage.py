"""The command line itself: what is wrong use, what help says, what is never loaded."""

import subprocess
from pathlib import Path

import pytest

from app.cli import COMMANDS, make_parser
from models.store.manifest import Manifest, OutputFile
from tests.support.cli import ROOT, Cli

WRONG = [
    ([], "COMMAND"),
    (["lst"], "lst"),
    (["serve"], "MODEL"),
    (["list", "--jason"], "--jason"),
    (["list", "--\x1b[2J"], "--·[2J"),
    (["pull"], "MODEL"),
    (["build", "starter", "--type", "Q3_K"], "Q3_K is no type that Stillroom builds: Q4_K_M, Q4_K_S"),
    (["build", "starter", "--size", "4.1"], "4.1 is no size; 4.1GB and 900MB are"),
    (["build", "starter", "--size", "4GB", "--fit"], "not allowed with argument --size"),
    (["build", "starter", "--bits", "many"], "many is no number of bits; 4.5 is"),
    (["build", "starter", "--bits", "2.99"], "2.99 is not from 3 to 8.5"),
    (["build", "starter", "--bits", "8.51"], "8.51 is not from 3 to 8.5"),
    (["build", "starter", "--bits", "nan"], "nan is not from 3 to 8.5"),
    (["build", "starter", "--bits", "4.5", "--size", "4GB"], "not allowed with argument --bits"),
    (["build", "starter", "--fit", "--bits", "4.5"], "not allowed with argument --fit"),
    (["inspect"], "FILE"),
    (["chat", "starter", "hi", "--temperature", "hot"], "hot is no number"),
    (["chat", "starter", "hi", "--temperature", "-0.1"], "-0.1 is not from 0 to 5"),
    (["chat", "starter", "hi", "--temperature", "nan"], "nan is not from 0 to 5"),
    (["chat", "starter", "hi", "--seed", "-1"], "--seed"),
    (["chat", "starter", "hi", "--seed", "4294967296"], "4294967296 is not from 0 to 4294967295"),
    (["chat", "starter", "hi", "--max-tokens", "0"], "0 is less than 1"),
    (["chat", "starter", "hi", "--max-tokens", "1.5"], "1.5 is no whole number"),
    (["chat", "starter", "hi", "--context", "-5"], "--context"),
    (["chat", "starter", "hi", "--gpu-layers", "-2"], "-2 is not from -1 to 1000"),
    (["chat", "starter", "hi", "--threads", "x"], "x is no whole number"),
    (["chat", "starter", "hi", "there"], "there"),
    (["bench", "starter", "--suite", "slow"], "slow"),
    (["doctor", "now"], "now"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong_use_says_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        make_parser().parse_args(arguments)
    assert end.value.code == 2
    written = capsys.readouterr()
    assert said in written.err
    assert written.err.startswith("usage: stillroom")
    assert written.out == ""


def test_numbers_and_types_are_read() -> None:
    options = make_parser().parse_args(
        ["chat", "m", "p", "--temperature", "0", "--seed", "1", "--gpu-layers", "-1", "--context", "4096"]
    )
    assert (options.temperature, options.seed, options.gpu_layers, options.context) == (0.0, 1, -1, 4096)
    assert make_parser().parse_args(["build", "m", "--type", "q4_k_m", "--type", "bf16"]).types == [
        "Q4_K_M",
        "BF16",
    ]
    assert make_parser().parse_args(["build", "m", "--bits", "4.504"]).bits == 4.5


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
def test_each_command_explains_itself_with_an_example(command: object, tmp_path: Path) -> None:
    name, example = command.NAME, command.EXAMPLE  # type: ignore[attr-defined]  # modules with one shape
    ran = Cli(tmp_path)(name, "--help")
    assert ran.code == 0
    assert example in ran.out
    assert "--json" in ran.out


def test_help_names_the_commands_there_are(tmp_path: Path) -> None:
    ran = Cli(tmp_path)("--help")
    assert ran.code == 0
    for command in ("list", "pull", "build", "inspect", "chat", "bench", "serve", "doctor"):
        assert f"  {command} " in ran.out


def test_version(tmp_path: Path) -> None:
    ran = Cli(tmp_path)("--version")
    assert (ran.code, ran.out.split()[0]) == (0, "stillroom")


def test_wrong_use_ends_with_2(tmp_path: Path) -> None:
    ran = Cli(tmp_path)("lst", "--json")
    assert (ran.code, ran.out) == (2, "")


def test_a_context_without_what_it_is_for_is_refused(tmp_path: Path) -> None:
    ran = Cli(tmp_path)("build", "starter", "--bits", "4.5", "--context", "4096")
    assert (ran.code, ran.out) == (2, "")
    assert "--context is what --fit leaves room for" in ran.err


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    with cli.start("inspect", "starter") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.read(1)
        program.stdout.close()
        assert program.stderr.read() == b""


def test_commands_never_load_qt(tmp_path: Path) -> None:
    code = (
        "import sys; from app.bootstrap import build_core; from app.cli import main\n"
        "code = main(['list'], build_core)\n"
        "assert not {'PySide6', 'shiboken6'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    cli = Cli(tmp_path)
    done = subprocess.run(
        [cli.command()[0], "-c", code], capture_output=True, env=cli.environment(), cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_bad_byte_in_one_record_costs_no_other_model(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    models = cli.home / "data" / "models"
    for name in ("First", "Second"):
        (models / name).mkdir(parents=True)
        (models / name / "Q8_0.gguf").write_bytes(b"GGUF")
        Manifest(name=name, outputs=[OutputFile(type="Q8_0", file="Q8_0.gguf", bytes=4)]).write(models / name)
    record = models / "First" / "manifest.json"
    record.write_bytes(record.read_bytes().replace(b'"First"', b'"F\xffrst"'))
    settings = cli.home / "config" / "settings.json"
    settings.parent.mkdir()
    settings.write_bytes(b"")
    ran = cli("list", "--json")
    assert ran.code == 0, ran.err
    assert {"First", "Second"} <= {model["name"] for model in ran.json()["models"]}
    said = ran.err.splitlines()
    assert [str(path) in line for path, line in zip((settings, record), said, strict=True)] == [True, True]
    assert cli("list").err == ""
