"""Make everything that a release has for Linux, into dist: `sudo python packaging/release/build_linux.py`.

Bundle, .deb and .run (made in fresh Debian folders), the bundle's archive, both wheels, the editor
extension, the list of parts. What follows are the tests of what was made (`make installers-test`, `make
bundle-test`).
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE
from linux.release_bundle import copy_sources, handed_on, releases_debian
from release.archive_bundle import make_tar
from reproducible import pin_time

PACKAGING = ROOT / "packaging"
WHEELS = ROOT / "dist" / "wheels"
PIP_WHEEL = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
IN_THE_FOLDER = "cd /src && rm -rf build/lib build/bdist.* dist/wheels && .venv/bin/python"


class Options(argparse.Namespace):
    """Read the parts that are wanted, and the ways of making them."""

    quick: bool
    bundle_as_is: bool


def main() -> int:
    """Make them, one after the other; prints how long each took."""
    parser = argparse.ArgumentParser(description="Make everything that a release has for Linux.")
    parser.add_argument(
        "--quick", action="store_true", help="compress the installers little, to try things out"
    )
    parser.add_argument(
        "--bundle-as-is", action="store_true", help="pack dist/stillroom, and make no llama.cpp and no bundle"
    )
    options = parser.parse_args(namespace=Options())
    pin_time()
    started_s = time.monotonic()
    for title, step in build_steps(quick=options.quick, bundle_as_is=options.bundle_as_is).items():
        step()
        print(f"{title}: after {time.monotonic() - started_s:.0f} s", flush=True)
    return 0


def build_steps(*, quick: bool, bundle_as_is: bool) -> dict[str, Callable[[], object]]:
    """Each step by its title, in their order; each takes what those before it have left in dist."""
    compression = ["--quick"] if quick else []
    bundle = {} if bundle_as_is else {"bundle": lambda: run("linux/release_bundle.py")}
    return {
        **bundle,
        ".deb, .run, list of parts": lambda: run("linux/installers.py", "--bundle-as-is", *compression),
        "archive": lambda: make_tar(BUNDLE),
        "wheels": own_wheel if bundle_as_is else wheels,
        "editor extension": lambda: run("editor/build_editor.py"),
    }


def run(script: str, *arguments: str) -> None:
    """Run one of packaging's scripts; where it fails, so does this, with its status."""
    done = subprocess.run([sys.executable, str(PACKAGING / script), *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def wheels() -> None:
    """Stillroom's wheel and the portable llama-cpp-python, from the Debian folder that the bundle was made
    in."""
    debian = releases_debian()
    debian.run(f"{IN_THE_FOLDER} {shlex.join(PIP_WHEEL)} dist/wheels .", environment=handed_on())
    WHEELS.mkdir(parents=True, exist_ok=True)
    source = debian.folder / "src"
    for wheel in (*source.glob("dist/wheels/*.whl"), *source.glob("build/engine/*.whl")):
        shutil.copyfile(wheel, WHEELS / wheel.name)


def own_wheel() -> None:
    """Stillroom's wheel alone, by this Python, which has to have setuptools."""
    sources = ROOT / "build" / "wheel-source"
    shutil.rmtree(sources, ignore_errors=True)
    copy_sources(sources)
    subprocess.run([sys.executable, *PIP_WHEEL, str(WHEELS), "."], check=True, cwd=sources)


if __name__ == "__main__":
    sys.exit(main())
