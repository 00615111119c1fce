"""A process that asks for each hostile answer and tells, in a JSON line, what that took: `ENDPOINT FOLDER`.

The path of each request begins with the number of its case.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from app.cuda.index import PackageIndex
from app.cuda.pins import Package, Wheel
from app.engine.protocol import Generate, Part
from app.remote.model_directory import fetch_models
from app.remote.remote_replies import ElsewhereAnswers
from app.remote.remote_server import ElsewhereServer
from app.update.release_feed import ReleasePlace, newest_release
from models.hub import bounded_http
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.repository_download import download
from models.hub.retry import RetryPolicy
from models.hub.snapshot import RemoteFile, Snapshot
from models.hub.weight_headers import fetch_weight_headers
from tests.support.hostile_answers import COMMIT, CONTENT, FILE, REPO, SHA256, WHEEL, Case, cases
from tests.support.measured import Outcome, measure

KEY = "hf_secret"
RETRY = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.05)
OPTIONS = TransferOptions(stall_s=1.0, connect_s=1.0, retry=RETRY)


def main() -> None:
    endpoint, folder = sys.argv[1], Path(sys.argv[2])
    numbered = list(enumerate(cases()))

    def run(number: int, case: Case) -> Outcome:
        return measure(case.name, lambda: ask(case, f"{endpoint}/{number}", folder / str(number)))

    run(*next(pair for pair in numbered if pair[1].fine and pair[1].asks == "resolve"))  # imports
    for number, case in numbered:
        if not case.drips:
            say(run(number, case))
    # Each takes its whole time, so they share it; and that is short here.
    bounded_http.WHOLE_S = 5.0
    with ThreadPoolExecutor(32) as pool:
        dripping = [pair for pair in numbered if pair[1].drips]
        for outcome in pool.map(lambda pair: run(*pair), dripping):
            say(outcome)
    # Of the program's own there is only the one that starts the others.
    others = {thread.name for thread in threading.enumerate()} - {threading.main_thread().name, "starter"}
    say(Outcome(name="threads left", seconds=0, peak_bytes=0, error=" ".join(others)))


def say(outcome: Outcome) -> None:
    print(msgspec.json.encode(outcome).decode(), flush=True)


def ask(case: Case, endpoint: str, folder: Path) -> None:
    if case.asks == "index":
        wheel = Wheel(file=WHEEL, sha256=SHA256, bytes=100, libraries={})
        package = Package(name="w", version="1", licence_text="x", linux=wheel, windows=wheel)
        PackageIndex(endpoint).locate(package)
    elif case.asks == "feed":
        newest_release(ReleasePlace(endpoint, bytes(32)))
    elif case.asks in ("models", "reply"):
        server = ElsewhereServer(id="s", name="S", url=endpoint, agreed=True)
        if case.asks == "models":
            fetch_models(server, KEY)
            return
        answers = ElsewhereAnswers(lambda: [server], lambda which: KEY)
        try:
            request = Generate(request_id=0, parts=[Part("hello")], model="elsewhere://s/m")
            answers.ask(request).future.result(20)
        finally:
            answers.close()
    else:
        ask_hub(case, HubClient(endpoint, KEY, retry=RETRY), folder)


def ask_hub(case: Case, hub: HubClient, folder: Path) -> None:
    if case.asks == "resolve":
        hub.resolve(REPO)
        return
    if case.name.startswith(("name", "a file of")):
        snapshot = hub.resolve(REPO)
    else:
        size = 10**9 if case.asks == "header" else len(CONTENT)
        snapshot = Snapshot(REPO, COMMIT, (RemoteFile(FILE, size, SHA256, "b" * 40),))
    if case.asks == "header":
        fetch_weight_headers(snapshot, snapshot.files, folder / "out", hub, options=OPTIONS)
    else:
        download(snapshot, snapshot.files, folder / "out", hub, options=OPTIONS)


if __name__ == "__main__":
    main()
