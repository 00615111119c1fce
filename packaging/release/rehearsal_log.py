"""Remember what a rehearsal has finished, and write it as a page: packaging/release/rehearse.py."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class RehearsalLog:
    """Steps with their times and what of processors they took, then files with their sizes, then remarks. A
    step that was finished is not done again by a rehearsal that goes on in the same folder."""

    def __init__(self, folder: Path, title: str) -> None:
        self._page = folder / "log.md"
        self._path = folder / "state.json"
        self._title = title
        kept: dict[str, Any] = {"notes": {}, "steps": {}, "processors": {}, "files": {}, "remarks": []}
        self._kept = json.loads(self._path.read_text("utf-8")) if self._path.exists() else kept

    def noted(self, name: str, make: Callable[[], str]) -> str:
        """Return the note of this name, made where there is none."""
        notes: dict[str, str] = self._kept["notes"]
        if name not in notes:
            notes[name] = make()
            self._keep()
        return notes[name]

    def step(self, title: str, do: Callable[[], object]) -> None:
        """Do it, unless it was finished before, and note what it took of time and of processors. The time of
        an attempt that failed is not in it."""
        if title in self._kept["steps"]:
            return
        start_s, used_before_s = time.monotonic(), used_s()
        do()
        taken_s, took_s = round(time.monotonic() - start_s), round(used_s() - used_before_s)
        print(f"{title}: {taken_s} s, of processors {took_s} s", flush=True)
        self._kept["steps"][title] = taken_s
        self._kept["processors"][title] = took_s
        self._keep()

    def files(self, folder: Path) -> None:
        """Note each file of a folder with its size."""
        self._kept["files"] = {path.name: path.stat().st_size / 1e6 for path in sorted(folder.iterdir())}
        self._keep()

    def remark(self, line: str) -> None:
        """Add a line below."""
        print(line, flush=True)
        self._kept["remarks"].append(line)
        self._keep()

    def _keep(self) -> None:
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text(json.dumps(self._kept, indent=1), "utf-8")
        unfinished.replace(self._path)
        lines = [f"# {self._title}", "", "| step | s | s of processors |", "|---|---|---|"]
        steps, processors = self._kept["steps"], self._kept["processors"]
        lines += [f"| {title} | {taken_s} | {processors[title]} |" for title, taken_s in steps.items()]
        lines += ["", "| file | MB |", "|---|---|"]
        lines += [f"| {name} | {megabytes:.3f} |" for name, megabytes in self._kept["files"].items()]
        lines += ["", *self._kept["remarks"]]
        self._page.write_text("\n".join(lines) + "\n", "utf-8")


def used_s() -> float:
    """Tell for how long this process and its children that have ended kept processors busy."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
