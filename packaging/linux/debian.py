"""A fresh Debian in a folder: what releases are made in, and what installers are tried in. Needs root.

Packages come from where this computer's own apt takes Debian from, or from `STILLROOM_DEBIAN_MIRROR`. The
keys of Debian's archive must have signed what arrives, else nothing is made of it.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

DEFAULT_MIRROR = "https://deb.debian.org/debian"
KEYRINGS = [Path("/usr/share/keyrings", f"debian-archive-keyring.{ending}") for ending in ("pgp", "gpg")]
"""The keys of Debian's archive, of the package debian-archive-keyring, which Ubuntu has, too."""
USER_ID = 1000
"""The ordinary user of each of these folders; its name is `user`."""

PROGRAMS_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Finds debootstrap and chroot also for root who came by `su`, and so keeps an ordinary user's path."""

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Its mounts and whatever is still running end with the command.
_ENTER = (
    "PATH=$PATH:/usr/sbin:/sbin && "
    'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot "$@"'
)


class Debian:
    """Debian `release` ("bookworm", "trixie") in `folder`, made on first use by `create`."""

    def __init__(self, release: str, folder: Path) -> None:
        self.release = release
        self.folder = folder

    def create(self, packages: Sequence[str] = ()) -> None:
        """Make the smallest system with `packages`, unless it was finished before; about a minute."""
        stamp = self.folder / "etc" / "stillroom-chroot"
        wanted = " ".join(packages)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        if os.geteuid() != 0:
            raise SystemExit("Making a Debian folder needs root: run this goal with sudo.")
        print(f"Making Debian {self.release} in {self.folder}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        quietly(self.bootstrap_command())
        self._take_network_settings()
        self.run(f"useradd --uid {USER_ID} --create-home user")
        self.run("apt-get update")
        if packages:
            self.run(f"apt-get install -y {shlex.join(packages)}")
        stamp.write_text(wanted)

    def bootstrap_command(self, keyrings: Iterable[Path] = KEYRINGS) -> list[str]:
        """The command that makes it; without `--force-check-gpg` a missing key is only a warning."""
        keyring = next((path for path in keyrings if path.is_file()), None)
        if keyring is None or shutil.which("gpgv") is None:
            raise SystemExit(
                "Nothing here can tell whether Debian's packages are Debian's: "
                "install debian-archive-keyring and gpgv, then try again."
            )
        options = [
            "--force-check-gpg",
            f"--keyring={keyring}",
            "--variant=minbase",
            "--include=ca-certificates",
        ]
        return ["debootstrap", *options, self.release, str(self.folder), mirror()]

    def run(
        self, script: str, *, user: bool = False, environment: Iterable[str] = (), check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script inside, as root or as the ordinary user; its output is returned, and shown when
        it fails. `environment` are NAME=VALUE beside the few that a fresh login has."""
        done = subprocess.run(
            self.command(script, user=user, environment=environment),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if check and done.returncode:
            print(done.stdout + done.stderr)
            done.check_returncode()
        return done

    def command(self, script: str, *, user: bool = False, environment: Iterable[str] = ()) -> list[str]:
        """The command line that runs a script inside; ending it ends all that it started."""
        root = str(self.folder)
        space = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _ENTER, root]
        who = [f"--userspec={USER_ID}:{USER_ID}"] if user else []
        login = [
            f"HOME={'/home/user' if user else '/root'}",
            "PATH=/usr/local/bin:/usr/bin:/bin" + ("" if user else ":/usr/local/sbin:/usr/sbin:/sbin"),
            "LANG=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        return [*space, *who, root, "env", "-i", *login, *environment, "sh", "-ec", script]

    def _take_network_settings(self) -> None:
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", self.folder / "etc" / name)
        if _CERTIFICATES.exists():
            shutil.copyfile(_CERTIFICATES, self.folder / str(_CERTIFICATES).lstrip("/"))
        settings = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        kept = [
            line for line in settings.splitlines() if line.startswith(("Acquire::http", "Acquire::Check"))
        ]
        kept.append('APT::Install-Recommends "false";')
        (self.folder / "etc" / "apt" / "apt.conf.d" / "99host").write_text("\n".join(kept) + "\n")


def mirror() -> str:
    """Where Debian's packages come from."""
    named = os.environ.get("STILLROOM_DEBIAN_MIRROR")
    if named:
        return named
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"]
    done = subprocess.run(listing, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        address, _, label = line.partition(" ")
        if label == "Debian" and address.startswith("http"):
            return address
    return DEFAULT_MIRROR


def quietly(command: Sequence[str]) -> None:
    """Run it; what it says is shown only when it fails."""
    found = os.environ | {"PATH": PROGRAMS_PATH}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=found)
    if done.returncode:
        print(done.stdout)
        done.check_returncode()
