"""Everything that a goal installs has a version and a hash; pyproject.toml without `make lock` is said."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGING))
    spec = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("lock", monkeypatch)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("environment", monkeypatch)


def test_the_locks_are_those_of_pyproject(lock: ModuleType) -> None:
    assert lock.disagreements() == []


def test_they_name_no_place_and_every_pin_has_hashes(lock: ModuleType) -> None:
    files = sorted((PACKAGING / "locks").iterdir())
    assert [path.stem for path in files] == sorted(lock.WANTED)
    for path in files:
        assert "://" not in path.read_text("utf-8")
        assert all(pin.version and pin.hashes for pin in lock.read_lock(path))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pyproject.toml", '"fastapi>=0.120"', '"fastapi>=99"', "asks for fastapi>=99"),
        ("pyproject.toml", '"ziamath>=0.13"', '"ziamath>=0.13", "left-pad>=1"', "lacks left-pad"),
        ("pyproject.toml", '    "ziamath>=0.13",\n', "", "made from other requirements"),
        ("locks/test.txt", "\nfastapi==", "\nfastapi>=", "names no single version of fastapi"),
        ("locks/bundle.txt", "\nfastapi==0", "\nfastapi==1", "fastapi is 0"),
        ("locks/build.txt", "    --hash=sha256:", "    --hash=md5:", "has no sha256 of cmake"),
        (
            "locks/tools.txt",
            "\nuv==",
            "\n--index-url https://elsewhere\nuv==",
            "holds what is no requirement",
        ),
        ("locks/node.txt", "\nnodejs", "\nleft-pad==1\nnodejs", "has no sha256 of left-pad"),
    ],
)
def test_what_does_not_agree_is_said(
    lock: ModuleType, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    shutil.copytree(PACKAGING / "locks", tmp_path / "locks")
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), "utf-8")
    wrong = lock.disagreements(tmp_path / "locks", tmp_path / "pyproject.toml")
    assert any(said in sentence for sentence in wrong), wrong


def test_pip_puts_nothing_in_that_has_another_hash(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real pip, with a wheel of our own in place of the index."""
    wheel = tmp_path / "left_pad-1.0-py3-none-any.whl"
    about = {"METADATA": "Metadata-Version: 2.1\nName: left-pad\nVersion: 1.0\n", "RECORD": ""}
    about["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for name, text in about.items():
        (tmp_path / "left_pad-1.0.dist-info").mkdir(exist_ok=True)
        (tmp_path / "left_pad-1.0.dist-info" / name).write_text(text)
    shutil.make_archive(str(wheel), "zip", tmp_path, "left_pad-1.0.dist-info")
    Path(f"{wheel}.zip").rename(wheel)
    (tmp_path / "test.txt").write_text(f"left-pad==1.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(environment, "LOCKS", tmp_path)
    monkeypatch.setattr(environment, "python_of", lambda _: Path(sys.executable))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "installed"))
    with pytest.raises(SystemExit) as ended:
        environment.install_lock("test", tmp_path)
    assert str(ended.value).startswith(
        "left-pad==1.0: the index sent another file than packaging/locks names"
    )
    assert not (tmp_path / "installed").exists()


def test_one_package_of_a_lock(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    lines = environment.lock_of("llama-cpp-python").read_text("utf-8").splitlines()
    assert lines[0].startswith("llama-cpp-python==")
    assert len(lines) >= 2
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
    with pytest.raises(SystemExit, match="does not name left-pad"):
        environment.lock_of("left-pad")


def test_an_environment_follows_its_locks(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = environment.fingerprint("test")
    changed = tmp_path / "test.txt"
    changed.write_bytes((PACKAGING / "locks" / "test.txt").read_bytes() + b"# other\n")
    inputs = [changed if path.name == "test.txt" else path for path in environment.INPUTS]
    assert changed in inputs
    monkeypatch.setattr(environment, "INPUTS", inputs)
    assert environment.fingerprint("test") != before


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "Nothing is known against 1 packages."),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "GHSA-1", "fix_versions": ["1.1", "2"]}]}] * 2,
            1,
            "a 1: GHSA-1, fixed in 1.1, 2",
        ),
        ([{"name": "a", "skip_reason": "not found"}], 3, "1 of 1 packages could not be looked up (a)."),
    ],
)
def test_advisories_are_a_status_and_a_line(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, object]], status: int, said: str
) -> None:
    advisories = script("advisories", monkeypatch)
    assert advisories.judged(answers) == (status, [said])
    # What pip-audit prints, from a stand-in that is told what to print.
    program = (sys.executable, "-c", f"print({json.dumps({'dependencies': answers})!r})")
    assert advisories.audited(PACKAGING / "locks" / "node.txt", program) == answers
    assert (
        advisories.audited(PACKAGING / "locks" / "node.txt", (sys.executable, "-c", "raise OSError")) is None
    )


def test_check_needs_no_network_and_says_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PACKAGING / "lock.py"), "--check"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
