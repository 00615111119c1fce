"""Rehearse a release on this computer: `sudo make rehearse-release`. Nothing leaves it.

The Linux part is real: bundle, installers, archive, wheels, extension, list of parts, in fresh Debian
folders; then the folder that would be published, signed with a key made for this run. A copy of the bundle
that calls itself an older version finds the release at a loopback address, fetches the .run, verifies and
installs it, and is the new version with the user's data untouched. The Windows installer and archive are
stand-ins. With `--twice` everything after the compilers is made a second time and compared. The log lies in
build/rehearsal/log.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE, version
from release.pinned_download import digest
from release.publish import publish

FOLDER = ROOT / "build" / "rehearsal"
DIST = ROOT / "dist"
OLD = "0.0.1"
MADE = ("*.deb", "*.run", "*.tar.xz", "*.cdx.json", "*.vsix", "wheels/*.whl")


def main() -> int:
    """Do all of it; the status is that of the first step that failed."""
    parser = argparse.ArgumentParser(description="Rehearse a release on this computer.")
    parser.add_argument("--twice", action="store_true", help="make it again and compare the files")
    parser.add_argument("--quick", action="store_true", help="compress the installers little")
    parser.add_argument("--bundle-as-is", action="store_true", help="begin with the bundle in dist")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    secret, public = key_pair(FOLDER / "key.pem")
    log = Log(FOLDER / "log.md")
    with serve(FOLDER / "releases") as address:
        os.environ |= {"STILLROOM_RELEASES": address, "STILLROOM_RELEASE_KEY": public}
        flags = [
            flag for flag in ("--quick", "--bundle-as-is") if getattr(options, flag[2:].replace("-", "_"))
        ]
        with log.step("everything for Linux"):
            build(flags)
        first = made()
        with log.step("the folder that is published"):
            gather(FOLDER / "artefacts")
            publish(f"v{version()}", FOLDER / "artefacts", FOLDER / "releases" / "latest", secret, public)
        with log.step("an older copy updates itself from loopback"):
            update_an_older_copy(f"{address}/latest", public)
    log.files(FOLDER / "releases" / "latest")
    if options.twice:
        with log.step("everything for Linux, once more"):
            build(flags)
        again = made()
        different = sorted(name for name in first if first[name] != again.get(name))
        log.write(
            f"Different the second time: {', '.join(different)}."
            if different
            else f"The same {len(first)} files the second time."
        )
        return 1 if different else 0
    return 0


class Log:
    """The steps, their times and what came out, as Markdown; also printed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.write(f"# Rehearsal of {version()}\n\n| step | s |\n|---|---|")

    def write(self, line: str) -> None:
        """Add a line."""
        print(line, flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Add what it took."""
        start_s = time.monotonic()
        yield
        self.write(f"| {title} | {time.monotonic() - start_s:.0f} |")

    def files(self, folder: Path) -> None:
        """Add each file with its size."""
        self.write("\n| file | MB |\n|---|---|")
        for path in sorted(folder.iterdir()):
            self.write(f"| {path.name} | {path.stat().st_size / 1e6:.3f} |")


def build(flags: list[str]) -> None:
    """Make everything, as the workflow does."""
    script = ROOT / "packaging" / "release" / "build_linux.py"
    if status := subprocess.run([sys.executable, str(script), *flags], check=False).returncode:
        raise SystemExit(status)


def made() -> dict[str, str]:
    """The sha256 of each file that was made, by its name."""
    return {path.name: digest(path) for pattern in MADE for path in sorted(DIST.glob(pattern))}


def gather(folder: Path) -> None:
    """Lay out what the builds would hand over; what Windows would have made is a word."""
    for name in ("linux", "windows"):
        (folder / name).mkdir(parents=True)
    for pattern in MADE:
        for path in DIST.glob(pattern):
            shutil.copyfile(path, folder / "linux" / path.name)
    for name in ("setup.exe", "windows-x86_64.zip", "windows.cdx.json"):
        (folder / "windows" / f"stillroom-{version()}-{name}").write_text(
            "A stand-in: Windows' part is made on Windows.\n"
        )


def update_an_older_copy(address: str, public: str) -> None:
    """Install an older copy for a user, update it by its own command, and look what became of it."""
    home = FOLDER / "home"
    program = home / ".local" / "lib" / "stillroom"
    program.parent.mkdir(parents=True)
    shutil.copytree(BUNDLE, program, symlinks=True)
    (notes,) = program.glob("_internal/stillroom-*.dist-info")
    metadata = notes / "METADATA"
    text = metadata.read_text("utf-8").replace(f"\nVersion: {version()}\n", f"\nVersion: {OLD}\n", 1)
    metadata.write_text(text, "utf-8")
    notes.rename(notes.with_name(f"stillroom-{OLD}.dist-info"))
    place = program / "_internal" / "resources" / "release_place.json"
    place.write_text(json.dumps({"address": address, "public_key": public}))
    chats = home / ".local" / "share" / "stillroom" / "chats.sqlite3"
    chats.parent.mkdir(parents=True)
    chats.write_text("a stand-in for the user's chats")

    def run(*command: str | Path) -> str:
        environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    found: dict[str, Any] = json.loads(run(program / "stillroom", "update", "--download", home, "--json"))
    if (found["installed"], found["newest"]) != (OLD, version()) or not found["path"]:
        raise SystemExit(f"The older copy did not find the release: {found}")
    run("sh", found["path"], "--nox11")
    said = run(program / "stillroom", "--version").split()[-1]
    if said != version() or chats.read_text() != "a stand-in for the user's chats":
        raise SystemExit(f"After the update it calls itself {said}.")
    # What somebody else wrote is believed by nobody.
    feed = FOLDER / "releases" / "latest" / "release.json"
    right = feed.read_bytes()
    feed.write_bytes(right.replace(version().encode(), b"9.9.9"))
    place.write_text(json.dumps({"address": address, "public_key": public}))
    refused = subprocess.run(
        [program / "stillroom", "update"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    feed.write_bytes(right)
    if refused.returncode != 1 or b"not signed" not in refused.stderr:
        raise SystemExit("A forged feed was believed.")


def key_pair(path: Path) -> tuple[str, str]:
    """Make a key for this run: its private half as PEM, its public half in hexadecimal."""
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    command = ["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"]
    public = subprocess.run(command, check=True, capture_output=True).stdout[-32:].hex()
    return path.read_text(), public


class Server(ThreadingHTTPServer):
    """Says nothing of a client that has enough of an answer, as a download that tries for pieces."""

    def handle_error(self, *_: Any) -> None:
        """Go on."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a server on loopback that has the folder's files."""
    folder.mkdir(parents=True, exist_ok=True)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            """Say nothing of what is asked for."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
