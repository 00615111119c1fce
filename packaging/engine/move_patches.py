"""Move our changes to another version of llama-cpp-python: `make patches`.

Without options to the version that the locks name: change pyproject.toml, `make lock`, `make patches`. Both
versions may also be named, as a source archive or a folder: PATCH_FLAGS="--to PLACE --from PLACE". Each patch
is made in the source that it is for and carried over by git's three-way merge, which follows files that were
renamed. What could be placed is written back; the rest is shown with both sides of the lines in conflict and
stays as it is, and the exit status is 1.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.patch_series import FOR, PATCHES, Git, Patch, apply, read_series, repository
from environment import ARCHIVES, llama_archive, unpack


@dataclass(frozen=True, slots=True)
class Source:
    """An unpacked llama-cpp-python and what it says about itself."""

    tree: Path
    version: str
    commit: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one patch: its difference in the new version, or why there is none."""

    patch: Patch
    difference: str = ""
    why_not: str = ""


def main() -> int:
    """Move them and say what became of each."""
    parser = argparse.ArgumentParser(description="Move our changes to another llama-cpp-python.")
    parser.add_argument("--to", type=Path, help="its source archive or folder; else that of the locks")
    parser.add_argument("--from", dest="base", type=Path, help="the same of the version that they are for")
    options = parser.parse_args()
    return move(PATCHES, options.to or llama_archive(), options.base)


def move(folder: Path, new: Path, base: Path | None = None) -> int:
    """Move the patches of a folder from one source (archive or folder) to another; the exit status.

    A patch that is for the new version already, since somebody has placed it by hand, only has to fit.
    """
    patches = read_series(folder)
    with tempfile.TemporaryDirectory(prefix="stillroom-", ignore_cleanup_errors=True) as place:
        target = opened(new, Path(place, "new"))
        old = [patch for patch in patches if patch.version != target.version]
        origin = opened(base or _archive_of(old), Path(place, "old")) if old else target
        for patch in old:
            if patch.version != origin.version:
                raise SystemExit(f"{patch.name} is for {patch.version}, and `--from` is {origin.version}.")
        work = Path(place, "work")
        work.mkdir()
        with repository(work) as git:
            outcomes = moved(patches, origin, target, git)
    for outcome in outcomes:
        if outcome.difference:
            write(outcome.patch, outcome.difference, target)
        print(f"{outcome.patch.name}: {outcome.why_not or f'is for {target.version} now'}", flush=True)
    return 1 if any(outcome.why_not for outcome in outcomes) else 0


def _archive_of(patches: list[Patch]) -> Path:
    version = patches[0].version
    archive = ARCHIVES / f"llama_cpp_python-{version}.tar.gz"
    if not archive.exists():
        raise SystemExit(
            f"The patches are for llama-cpp-python {version}, and {archive} is not there: fetch it "
            f"(pip download --no-deps --no-binary :all: llama-cpp-python=={version}) and name it by `--from`."
        )
    return archive


def opened(source: Path, folder: Path) -> Source:
    """What a source holds; an archive is unpacked into the folder."""
    if not source.exists():
        raise SystemExit(f"{source} is not there.")
    tree = source
    if not source.is_dir():
        folder.mkdir()
        tree = unpack(source, folder)
    version = re.search(r'__version__ = "(.+)"', _text(tree / "llama_cpp" / "__init__.py"))
    commit = re.search(r"ggml-org/llama\.cpp@(\w+)", _text(tree / "CHANGELOG.md"))
    if version is None or commit is None:
        raise SystemExit(f"{source} is no source of llama-cpp-python.")
    return Source(tree, version[1], commit[1])


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def moved(patches: list[Patch], origin: Source, target: Source, git: Git) -> list[Outcome]:
    """Carry each patch over into the target's source, on top of those before it."""
    base = _committed(origin.tree, git)
    steps: dict[str, str] = {}
    for patch in patches:
        if patch.version == origin.version:
            apply(patch, git, "--index")
            git("commit", "-q", "--allow-empty", "-m", patch.name)
            steps[patch.name] = git("rev-parse", "HEAD").strip()
    git("checkout", "-q", "-f", base)
    _committed(target.tree, git)
    return [_placed(patch, steps.get(patch.name), target, git) for patch in patches]


def _committed(tree: Path, git: Git) -> str:
    for path in git.tree.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    # The archive's own repository is left out: it would be taken for a part that lies elsewhere.
    shutil.copytree(tree, git.tree, symlinks=True, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True)
    git("add", "-A", "-f")
    git("commit", "-q", "--allow-empty", "-m", tree.name)
    return git("rev-parse", "HEAD").strip()


def _placed(patch: Patch, step: str | None, target: Source, git: Git) -> Outcome:
    taken = [str(place) for place in patch.adds if (target.tree / place).exists()]
    if taken:
        return Outcome(patch, why_not=f"llama-cpp-python {target.version} has {', '.join(taken)}, too")
    if step is None:
        apply(patch, git, "--index")
    else:
        try:
            git("cherry-pick", "--no-commit", step)
        except subprocess.CalledProcessError as error:
            conflicts = "".join(_conflicts(git)) or f"\n{error.stderr.decode(errors='replace')}"
            git("reset", "-q", "--hard")
            return Outcome(patch, why_not=f"could not be placed{conflicts}")
    difference = git("diff", "--cached", "--full-index", "--no-renames")
    if not difference:
        return Outcome(patch, why_not=f"is in {target.version} already: take it out of the series")
    git("commit", "-q", "-m", patch.name)
    return Outcome(patch, difference)


def _conflicts(git: Git) -> Iterator[str]:
    """Each file with its lines in conflict, between git's marks."""
    for name in git("diff", "--name-only", "--diff-filter=U").splitlines():
        # The merge leaves our side of a file that is not in the new version.
        both = re.findall(r"^<<<<<<< .*?^>>>>>>> [^\n]*$", _text(git.tree / name), re.M | re.S)
        yield "\n".join([f"\n{name}:", *(both or ["it is there no more"])])


def write(patch: Patch, difference: str, target: Source) -> None:
    """Write a patch back for the version that it was moved to."""
    fits = FOR.format(version=target.version, commit=target.commit)
    header = re.sub(r"^For: .*$", fits, patch.header, flags=re.M)
    patch.path.write_bytes((header + difference).encode())


if __name__ == "__main__":
    sys.exit(main())
