"""A process that downloads one repository, for tests that kill it: `ENDPOINT REPO FOLDER`."""

import sys
from pathlib import Path

from models.hub.hub_client import HubClient
from models.hub.repository_download import download
from models.hub.snapshot import checkpoint_files


def main() -> None:
    endpoint, repo, folder = sys.argv[1:]
    client = HubClient(endpoint)
    snapshot = client.resolve(repo)
    download(snapshot, checkpoint_files(snapshot), Path(folder), client)


if __name__ == "__main__":
    main()
