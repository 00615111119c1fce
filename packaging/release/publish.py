"""Make the folder that is published: `packaging/release/publish.py TAG ARTEFACTS OUT`.

ARTEFACTS holds what the builds made, in any folders. OUT gets all of it, `release.json` (which `stillroom
update` reads), `SHA256SUMS`, and the notes beside it, as OUT.md. Both files are signed where
UPDATE_SIGNING_KEY (Ed25519, PEM) is set; the signature must be the one that the bundles believe,
UPDATE_PUBLIC_KEY (32 bytes, hex). Needs openssl.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pinned_download import digest
from release_notes import notes_for
from write_release_feed import write_feed

REQUIRED = (
    *("*_amd64.deb", "*-x86_64.run", "*-linux-x86_64.tar.xz", "*[0-9].cdx.json"),
    *("*-setup.exe", "*-windows-x86_64.zip", "*-windows.cdx.json"),
)
"""The files without which no release is published, a list of parts for each system among them. AppImage,
Flatpak and what is for ARM may be missing."""
ED25519_PUBLIC_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""The bytes before the key in its DER form: https://www.rfc-editor.org/rfc/rfc8410"""


def main() -> int:
    """Make it; prints each file with its size."""
    tag, artefacts, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    publish(
        tag, artefacts, out, os.environ.get("UPDATE_SIGNING_KEY", ""), os.environ.get("UPDATE_PUBLIC_KEY", "")
    )
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size / 1e6:9.3f} MB  {path.name}")
    return 0


def publish(tag: str, artefacts: Path, out: Path, signing_key: str = "", public_key: str = "") -> None:
    """The folder, complete; ends with a sentence where something of it is missing or there twice."""
    notes = notes_for(tag)
    out.mkdir(parents=True)
    for path in sorted(path for path in artefacts.rglob("*") if path.is_file()):
        if (out / path.name).exists():
            raise SystemExit(f"Two builds made a file of the name {path.name}.")
        shutil.copyfile(path, out / path.name)
    missing = [pattern for pattern in REQUIRED if not list(out.glob(pattern))]
    if missing:
        raise SystemExit(f"Nothing is published without {', '.join(missing)}.")
    out.with_suffix(".md").write_text(notes + "\n", "utf-8")
    feed = write_feed(tag, notes, out)
    sums = out / "SHA256SUMS"
    lines = [f"{digest(path)}  {path.name}\n" for path in sorted(out.iterdir())]
    sums.write_text("".join(lines), "utf-8")
    if not signing_key:
        print("::warning::UPDATE_SIGNING_KEY is not set: nothing is signed, so no bundle believes it.")
        return
    for path in (sums, feed):
        sign(path, signing_key, public_key)


def sign(path: Path, signing_key: str, public_key: str) -> Path:
    """Write the signature beside the file, as FILE.sig, and look whether the bundles will believe it."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", public_key):
        raise SystemExit(
            "UPDATE_PUBLIC_KEY has to be the public half of UPDATE_SIGNING_KEY: 32 bytes, hexadecimal."
        )
    signature = path.with_name(f"{path.name}.sig")
    with tempfile.TemporaryDirectory() as place:
        private, public = Path(place) / "private.pem", Path(place) / "public.der"
        private.touch(0o600)
        private.write_text(signing_key.strip() + "\n")
        public.write_bytes(ED25519_PUBLIC_PREFIX + bytes.fromhex(public_key))
        openssl("-sign", "-inkey", str(private), "-in", str(path), "-out", str(signature))
        verify = ["-verify", "-pubin", "-keyform", "DER", "-inkey", str(public)]
        try:
            openssl(*verify, "-in", str(path), "-sigfile", str(signature))
        except subprocess.CalledProcessError:
            signature.unlink()
            raise SystemExit(
                "UPDATE_PUBLIC_KEY is not the public half of UPDATE_SIGNING_KEY: no bundle would believe it."
            ) from None
    return signature


def openssl(*arguments: str) -> None:
    """Run `openssl pkeyutl -rawin`; raises `CalledProcessError`."""
    subprocess.run(["openssl", "pkeyutl", "-rawin", *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
