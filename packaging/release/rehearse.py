"""Rehearse a release on this computer: `sudo make rehearse-release`. Nothing leaves it.

The Linux part is real: bundle, installers, archive, wheels, extension, list of parts, in fresh Debian
folders; then the folder that would be published, signed with a key made for this run. A copy of the bundle
that calls itself an older version finds the release at a loopback address, fetches the .run or, in a fresh
Debian, the .deb, verifies and installs it, and is the new version with the user's data untouched. The Windows
installer and archive are stand-ins. With `--twice` everything after the compilers is made a second time and
compared, with `--compilers-too` what they make as well. The log lies in build/rehearsal/log.md. With
`--go-on` a rehearsal that was ended or has failed goes on with the step that it did not finish.
"""

import argparse
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.debian import Debian
from linux.debian_depends import needed_libraries
from linux.payload import BUNDLE, version
from linux.release_bundle import releases_debian
from release.build_linux import build_steps
from release.compare_artefacts import differences
from release.publish import publish
from release.rehearsal_log import RehearsalLog
from reproducible import NAME as EPOCH
from reproducible import pin_time, source_date_epoch

FOLDER = ROOT / "build" / "rehearsal"
DIST = ROOT / "dist"
OLD = "0.0.1"
CHATS = "a stand-in for the user's chats"
BOOKWORMS_GLIBC = (2, 36)
MADE = ("*.deb", "*.run", "*.tar.xz", "*.cdx.json", "*.vsix", "wheels/*.whl")


class Options(argparse.Namespace):
    """Read the parts that are wanted, and the ways of doing them."""

    twice: bool
    compilers_too: bool
    quick: bool
    bundle_as_is: bool
    go_on: bool


def main() -> int:
    """Do all of it; the status is that of the first step that failed."""
    parser = argparse.ArgumentParser(description="Rehearse a release on this computer.")
    parser.add_argument("--twice", action="store_true", help="make it again and compare the files")
    parser.add_argument("--compilers-too", action="store_true", help="the second time, compile all again")
    parser.add_argument("--quick", action="store_true", help="compress the installers little")
    parser.add_argument("--bundle-as-is", action="store_true", help="begin with the bundle in dist")
    parser.add_argument("--go-on", action="store_true", help="with the first step that is not finished")
    options = parser.parse_args(namespace=Options())
    if not options.go_on:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = RehearsalLog(FOLDER, f"Rehearsal of {version()}")
    # What is made bears one time, also where something was committed since the rehearsal began.
    os.environ[EPOCH] = log.noted(EPOCH, lambda: str(source_date_epoch()))
    pin_time()
    port = int(log.noted("port", lambda: str(free_port())))
    with serve(FOLDER / "releases", port):
        return rehearse(log, f"http://127.0.0.1:{port}", options)


def rehearse(log: RehearsalLog, address: str, options: Options) -> int:
    """Make the release, publish it to a folder, update from it, and where asked for make it again."""
    secret, public = key_pair(FOLDER / "key.pem")
    os.environ |= {"STILLROOM_RELEASES": address, "STILLROOM_RELEASE_KEY": public}
    build = build_steps(quick=options.quick, bundle_as_is=options.bundle_as_is)
    for title, step in build.items():
        log.step(title, step)
    published, feed = FOLDER / "releases" / "latest", f"{address}/latest"
    artefacts = FOLDER / "artefacts"

    def publish_here() -> None:
        gather(artefacts)
        shutil.rmtree(published, ignore_errors=True)
        publish(f"v{version()}", artefacts, published, secret, public)

    log.step("the folder that is published", publish_here)
    log.files(published)
    log.step(
        "an older copy updates itself from loopback by the .run", lambda: update_an_older_copy(feed, public)
    )
    log.step(
        "an older package in a fresh Debian updates itself from loopback by the .deb",
        lambda: update_an_older_package(feed, public),
    )
    if not options.twice:
        return 0
    if options.compilers_too:
        log.step("what was compiled, deleted", delete_compiled)
    for title, step in build.items():
        log.step(f"{title}, once more", step)
    again = FOLDER / "again"
    gather(again)
    different = differences(artefacts / "linux", again / "linux")
    for line in different or ["All of it is the same the second time."]:
        log.remark(line)
    return 1 if different else 0


def delete_compiled() -> None:
    """Let the next bundle compile llama.cpp and numpy anew."""
    for name in ("engine", "numpy"):
        shutil.rmtree(releases_debian().folder / "src" / "build" / name)


def gather(folder: Path) -> None:
    """Lay out what the builds would hand over; what Windows would have made is a word."""
    shutil.rmtree(folder, ignore_errors=True)
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
    shutil.rmtree(home, ignore_errors=True)
    program = home / ".local" / "lib" / "stillroom"
    program.parent.mkdir(parents=True)
    shutil.copytree(BUNDLE, program, symlinks=True)
    place = make_older(program, address, public)
    chats = home / ".local" / "share" / "stillroom" / "chats.sqlite3"
    chats.parent.mkdir(parents=True)
    chats.write_text(CHATS)

    def run(*command: str | Path) -> str:
        environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    installer = found_installer(run(program / "stillroom", "update", "--download", home, "--json"))
    run("sh", installer, "--nox11")
    check_updated(run(program / "stillroom", "--version"), chats)
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


def update_an_older_package(address: str, public: str) -> None:
    """The same with a .deb in a fresh Debian, which an ordinary user fetches and root installs."""
    (package,) = DIST.glob("*.deb")
    stage, older = FOLDER / "older", FOLDER / "older.deb"
    shutil.rmtree(stage, ignore_errors=True)
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(stage)], check=True)
    make_older(stage / "usr" / "lib" / "stillroom", address, public)
    control = stage / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"\nVersion: {version()}\n", f"\nVersion: {OLD}\n", 1))
    pack = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(stage), str(older)]
    subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(stage)
    # A bundle that was made on this computer itself may need a newer one than releases are made in.
    _, glibc = needed_libraries(BUNDLE)
    release = "bookworm" if tuple(map(int, glibc.split("."))) <= BOOKWORMS_GLIBC else "trixie"
    debian = Debian(release, FOLDER / release)
    shutil.rmtree(debian.folder, ignore_errors=True)
    debian.create(["xz-utils"])
    older.rename(debian.folder / "tmp" / older.name)
    debian.run(f"apt-get install -y --no-install-recommends /tmp/{older.name}")
    chats = debian.folder / "home/user/.local/share/stillroom/chats.sqlite3"
    debian.run(f"mkdir -p /{chats.parent.relative_to(debian.folder)}", user=True)
    chats.write_text(CHATS)
    told = debian.run("stillroom update --download /home/user --json", user=True).stdout
    debian.run(f"apt-get install -y --no-install-recommends {shlex.quote(found_installer(told))}")
    check_updated(debian.run("stillroom --version", user=True).stdout, chats)
    shutil.rmtree(debian.folder)


def make_older(program: Path, address: str, public: str) -> Path:
    """Let a copy of the bundle call itself older and look for releases at `address`; gives the file that says
    where."""
    (notes,) = program.glob("_internal/stillroom-*.dist-info")
    metadata = notes / "METADATA"
    text = metadata.read_text("utf-8").replace(f"\nVersion: {version()}\n", f"\nVersion: {OLD}\n", 1)
    metadata.write_text(text, "utf-8")
    notes.rename(notes.with_name(f"stillroom-{OLD}.dist-info"))
    place = program / "_internal" / "resources" / "release_place.json"
    place.write_text(json.dumps({"address": address, "public_key": public}))
    return place


def found_installer(told: str) -> str:
    """The file that an older copy has fetched, by what its `update --download --json` has told."""
    found: dict[str, Any] = json.loads(told)
    if (found["installed"], found["newest"]) != (OLD, version()) or not found["path"]:
        raise SystemExit(f"The older copy did not find the release: {found}")
    return str(found["path"])


def check_updated(told: str, chats: Path) -> None:
    """Stop unless it is the new version now, by its `--version`, and the user's data is as it was."""
    if told.split()[-1] != version() or chats.read_text() != CHATS:
        raise SystemExit(f"After the update it calls itself {told}")


def key_pair(path: Path) -> tuple[str, str]:
    """Make a key for this rehearsal, unless it has one: its private half as PEM, its public half in
    hexadecimal."""
    if not path.exists():
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    command = ["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"]
    public = subprocess.run(command, check=True, capture_output=True).stdout[-32:].hex()
    return path.read_text(), public


class Server(ThreadingHTTPServer):
    """Says nothing of a client that has enough of an answer, as a download that tries for pieces."""

    def handle_error(self, *_: Any) -> None:
        """Go on."""


def free_port() -> int:
    """A port that nothing listens at now; it is written into the bundle, so it stays the rehearsal's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serve(folder: Path, port: int) -> Iterator[None]:
    """Serve the folder's files on loopback meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            """Say nothing of what is asked for."""

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
