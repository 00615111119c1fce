"""A process that gets a model from a hub into a store, for tests that kill it: `ENDPOINT REPO ROOT TYPE...`.

A TYPE that is a number asks for the mixture of a file of so many bytes, one with a point for that of so many
bits a weight, measured, all by a short text. It prints a line for every step, and at its end the hash of each
file.
"""

import sys
from pathlib import Path

from app.acquire.acquirer import Acquirer
from app.acquire.build_options import BuildWish, Order
from app.acquire.quality_build import Commands
from app.base.children import child_command
from app.base.errors import StillroomError
from converters.quality import measuring_client
from models.catalogue.reference import parse_reference
from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.store.store import ModelStore
from models.system.progress import JobContext, Progress
from tests.support.make_quality_reference import TEXT


def main() -> int:
    endpoint, repo, root, *asked = sys.argv[1:]
    wish, types = BuildWish(), list[str]()
    for kind in asked:
        if kind.isdecimal():
            wish = BuildWish(size_bytes=int(kind), measure=True)
        elif kind.replace(".", "").isdecimal():
            wish = BuildWish(bits=float(kind), measure=True)
        else:
            types.append(kind)
    measuring_client.calibration_text = measuring_client.held_out_text = lambda: TEXT
    client = HubClient(endpoint, retry=RetryPolicy(attempts=2, first_wait_s=0.01))
    store = ModelStore(Path(root) / "models")
    commands = Commands(child_command("build"), child_command("measure"))
    acquirer = Acquirer(client, store, Path(root) / "checkpoints", commands)
    try:
        acquired = acquirer.get(Order(parse_reference(repo), types, wish), JobContext(show))
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
