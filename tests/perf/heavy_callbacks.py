"""The GUI thread's longest piece of work in each act that makes or lays out much:
`python -m tests.perf.heavy_callbacks [ROUNDS] [PLACE[:ACT] ...]`.

Each place of `PLACES` is a window of its own in a home that holds what its acts need; each is used once a
round, or those that are named. Printed are milliseconds of processor time of the longest callback of each
act; with `STILLROOM_STACKS` where the longest ones were, too.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from inspect import iscoroutine
from pathlib import Path

import msgspec

from app.base.shutdown import end_at_once
from app.bootstrap import build_core
from app.ui.base.bridge import Bridge
from app.ui.shell import program
from app.ui.shell.callback_watch import Callback, WatchedLoop
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.system.notices import NoticeInbox
from tests.perf.heavy_acts import extreme_texts, first_shows, long_chats, many_chats, many_models, many_runs
from tests.perf.heavy_acts.desk import Act, Desk
from tests.support.window_child import SETTINGS, loaded

ACT_S = float(os.environ.get("STILLROOM_ACT_S", "1.5"))
PLACES = {
    "first shows": first_shows.PLACE,
    "long chats": long_chats.PLACE,
    "extreme texts": extreme_texts.PLACE,
    "rare letters": extreme_texts.RARE_PLACE,
    "one line": extreme_texts.ONE_LINE_PLACE,
    "message field": extreme_texts.FIELD_PLACE,
    "many chats": many_chats.PLACE,
    "many runs": many_runs.PLACE,
    "many models": many_models.PLACE,
}


async def scene(application: WindowApplication, place: str, told: dict[str, list[Callback]]) -> None:
    """Do each act, and note what it took."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    watch = loop.watch
    assert watch is not None
    await loaded(application)
    await asyncio.sleep(ACT_S)
    desk = Desk(application)
    await asyncio.sleep(ACT_S)
    for name, act in PLACES[place].acts(desk).items():
        watch.forget()
        loop.call_soon(_begin, application, act, done := asyncio.Event())
        await done.wait()
        await asyncio.sleep(ACT_S)
        told[name] = watch.figures().most_computed[:3]
    application.window.close()


def _begin(application: WindowApplication, act: Act, done: asyncio.Event) -> None:
    """Do an act as a click does; `done` is set when what it has begun has ended."""
    try:
        result = act()
    except Exception:
        done.set()
        raise
    if not iscoroutine(result):
        done.set()
        return

    async def work() -> None:
        try:
            await result
        finally:
            done.set()

    # Not by `begin_work`: it goes on in another window when the language changes.
    Bridge(_give_up, application).start(work())


def main() -> None:
    """Begin anew in empty homes where there are no figures yet, then use the window there."""
    if program.CALLBACKS_VARIABLE not in os.environ:
        _rounds(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2:])
        return
    place, out = sys.argv[1], Path(sys.argv[2])
    core = build_core()
    PLACES[place].prepare(core)
    core.settings.update(load=SETTINGS, first_run_over=True)
    told: dict[str, list[Callback]] = {}
    inbox = NoticeInbox()
    status = program.run_window(
        lambda: program_parts(core, inbox),
        core.paths.data,
        (),
        lambda one: Bridge(_give_up, one).start(scene(one, place, told)),
    )
    out.write_bytes(msgspec.json.encode(told))
    end_at_once(status)


def _give_up(error: BaseException) -> None:
    traceback.print_exception(error)
    os._exit(1)


def _rounds(rounds: int, wanted: Sequence[str]) -> None:
    for place in PLACES:
        acts = [each.partition(":")[2] for each in wanted if each.partition(":")[0] == place]
        if wanted and not acts:
            continue
        found: dict[str, list[list[Callback]]] = {}
        for _ in range(rounds):
            for name, worst in _round(place).items():
                found.setdefault(name, []).append(worst)
        print(f"{place}:")
        for name, each in found.items():
            if any(name.startswith(act) for act in acts or [""]):
                _tell(name, each)
    print(json.dumps({"rounds": rounds}))


def _round(place: str) -> dict[str, list[Callback]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "told.json"
        subprocess.run(
            [sys.executable, "-m", "tests.perf.heavy_callbacks", place, str(out)],
            env={
                **os.environ,
                program.CALLBACKS_VARIABLE: str(Path(folder) / "figures.json"),
                "STILLROOM_HOME": str(Path(folder) / "home"),
            },
            check=True,
        )
        return msgspec.json.decode(out.read_bytes(), type=dict[str, list[Callback]])


def _tell(name: str, each: Sequence[Sequence[Callback]]) -> None:
    times_ms = [1000 * worst[0].cpu_s for worst in each]
    then_ms = [1000 * worst[1].cpu_s for worst in each if len(worst) > 1]
    print(
        f"  {name:26} median {statistics.median(times_ms):6.1f} ms, most {max(times_ms):6.1f}; "
        f"the next {statistics.median(then_ms or [0.0]):6.1f}"
    )
    if "STILLROOM_STACKS" in os.environ:
        longest = max((worst[0] for worst in each), key=lambda one: one.cpu_s)
        print("\n".join(f"        {line}" for line in [longest.what, *longest.stack.splitlines()]))


if __name__ == "__main__":
    main()
