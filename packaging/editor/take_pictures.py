"""Take the pictures of docs/editor.md: `python packaging/editor/take_pictures.py [STEP ...]`. Linux only.

VS Code itself (as code-server, from npm) with the built extension, driven by keys in Chromium, against
`stillroom serve starter`. It fails where a command does not do what it should: it is the extension's test in
the real editor, too.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from build_editor import EDITOR, ROOT, compile_extension, install_node, package

TOOLS = ROOT / "build" / "code-server"
PICTURES = ROOT / "docs" / "screenshots"
NPM_PACKAGES = ("code-server@4.139.1", "puppeteer-core@25.16.0")
SYSTEM_PACKAGES = ("chromium", "g++", "make", "pkg-config", "libsecret-1-dev", "libkrb5-dev", "libx11-dev")
START_S = 120

SETTINGS = {
    "breadcrumbs.enabled": False,
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "editor.wordWrap": "on",
    "extensions.ignoreRecommendations": True,
    "files.hotExit": "off",
    "stillroom.maxTokens": 160,
    "telemetry.telemetryLevel": "off",
    "workbench.activityBar.location": "hidden",
    "workbench.layoutControl.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}
FIGURES = '''"""Figures of a list of numbers."""


def mean(values):
    """The arithmetic mean."""
    return sum(values) / len(values)


def median(values):
    """The middle value of the sorted list."""
    # TODO


def spread(values):
    """How far the values lie from their mean, on average."""
    middle = mean(values)
    return sum(abs(value - middle) for value in values) / len(values)
'''
TOTAL = """/** The sum of the prices. */
export function total(prices: number[]): number {
  let sum = 0;
  for (const price of prices) {
    sum += prise;
  }
  return sum;
}
"""


def main() -> int:
    """Take them all; one sentence where something is missing or goes wrong."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or shutil.which("pkg-config") is None:
        raise SystemExit(f"Please install these first: apt-get install {' '.join(SYSTEM_PACKAGES)}")
    node = install_node()
    environment = tool_environment(node) | {"CHROMIUM": chromium}
    compile_extension(node)
    vsix = package(node)
    install_tools(environment)
    with tempfile.TemporaryDirectory(prefix="stillroom-pictures-") as name:
        folder = Path(name)
        (folder / "project").mkdir()
        (folder / "project" / "figures.py").write_text(FIGURES, "utf-8")
        (folder / "project" / "total.ts").write_text(TOTAL, "utf-8")
        (folder / "user" / "User").mkdir(parents=True)
        (folder / "user" / "User" / "settings.json").write_text(json.dumps(SETTINGS), "utf-8")
        environment["STILLROOM_HOME"] = str(folder / "home")
        server = [sys.executable, "-m", "app", "serve", "starter", "--port", "0", "--json"]
        discovery = folder / "home" / "data" / "server.json"
        with running(server, environment, discovery.exists), vs_code(node, folder, vsix, environment) as url:
            address = f"{url}/?folder={folder / 'project'}"
            script = EDITOR / "pictures" / "take.js"
            command = [str(node), str(script), address, str(PICTURES), str(discovery), *sys.argv[1:]]
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def tool_environment(node: Path) -> dict[str, str]:
    """Where the tools' own scripts find Node.js, npm and the headers of this Node.js."""
    home = node.parents[1]
    # The wheel's own `npm` looks for its folder where Node.js's archives have it.
    npm = TOOLS / "bin" / "npm"
    npm.parent.mkdir(parents=True, exist_ok=True)
    npm.unlink(missing_ok=True)
    npm.symlink_to(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    path = [npm.parent, node.parent, os.environ["PATH"]]
    return os.environ | {
        "PATH": os.pathsep.join(map(str, path)),
        "npm_config_nodedir": str(home),
        "NODE_PATH": str(TOOLS / "node_modules"),
    }


def install_tools(environment: dict[str, str]) -> None:
    """code-server compiles parts of VS Code, which takes some minutes, once."""
    stamp = TOOLS / "stamp"
    if stamp.exists() and stamp.read_text() == " ".join(NPM_PACKAGES):
        return
    print("Installing code-server", flush=True)
    npm = [
        "npm",
        "install",
        "--prefix",
        str(TOOLS),
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ]
    subprocess.run([*npm, *NPM_PACKAGES], env=environment, check=True)
    # Its own script compiles what needs it and nothing else.
    server = TOOLS / "node_modules" / "code-server"
    subprocess.run(["npm", "run", "--silent", "postinstall"], cwd=server, env=environment, check=True)
    stamp.write_text(" ".join(NPM_PACKAGES))


@contextmanager
def vs_code(node: Path, folder: Path, vsix: Path, environment: dict[str, str]) -> Iterator[str]:
    """The editor with the extension, for this computer only; gives its address."""
    entry = TOOLS / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    config = folder / "config.yaml"
    config.write_text("", "utf-8")
    command = [str(node), str(entry), "--config", str(config), "--user-data-dir", str(folder / "user")]
    command += ["--extensions-dir", str(folder / "extensions")]
    subprocess.run([*command, "--install-extension", str(vsix)], env=environment, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{url}/healthz", timeout=2).status == 200)
        except OSError:
            return False

    options = ["--auth", "none", "--bind-addr", f"127.0.0.1:{port}", "--disable-telemetry"]
    options += ["--disable-update-check", "--disable-workspace-trust"]
    with running([*command, *options], environment, answers):
        yield url


@contextmanager
def running(command: list[str], environment: dict[str, str], is_ready: Callable[[], bool]) -> Iterator[None]:
    """A program that runs meanwhile, in a group of its own."""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as program:
        try:
            end_s = time.monotonic() + START_S
            while not is_ready():
                if program.poll() is not None or time.monotonic() > end_s:
                    raise SystemExit(f"This program does not start: {' '.join(command)}")
                time.sleep(0.2)
            yield
        finally:
            os.killpg(program.pid, signal.SIGINT)
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
