"""A process that gets a model from a hub into a store, for tests that kill it: `ENDPOINT REPO ROOT TYPE...`.

It prints a line for every step, and at its end the hash of each file.
"""

import sys
from pathlib import Path

from app.acquire.acquirer import Acquirer
from app.base.children import child_command
from app.base.errors import StillroomError
from models.catalog.reference import parse_reference
from models.hub.hub import HubClient
from models.hub.retry import RetryPolicy
from models.store.store import ModelStore
from models.system.progress import Progress


def main() -> int:
    endpoint, repo, root, *types = sys.argv[1:]
    client = HubClient(endpoint, retry=RetryPolicy(attempts=2, first_wait_s=0.01))
    store = ModelStore(Path(root) / "models")
    acquirer = Acquirer(client, store, Path(root) / "checkpoints", child_command("build"))
    try:
        acquired = acquirer.get(parse_reference(repo), types, on_progress=show)
    except StillroomError as error:
        print("refused", error, error.hint_text(), flush=True)
        return 1
    for model in acquired.models:
        print("built", model.type, model.sha256, flush=True)
    return 0


def show(progress: Progress) -> None:
    print(progress.stage, progress.done, progress.total, flush=True)


if __name__ == "__main__":
    sys.exit(main())
