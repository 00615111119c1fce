"""Runs `stillroom update` as a bundle of a release: `VERSION ADDRESS KEY`, then the command's options."""

import sys

from app.__main__ import main
from app.update import release_feed


def run() -> int:
    installed, address, key = sys.argv[1:4]
    place = release_feed.ReleasePlace(address, bytes.fromhex(key))
    release_feed.release_place = lambda: place
    release_feed.installed_version = lambda: installed
    sys.argv[1:] = ["update", *sys.argv[4:]]
    return main()


if __name__ == "__main__":
    sys.exit(run())
