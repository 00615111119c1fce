"""The main job without a display: `python -m tests.end2end.main_job [FOLDER]`, which `make run` calls.

A hub on loopback serves a checkpoint rebuilt from the starter model's weights. Stillroom downloads it,
converts and quantises it, loads it and answers; a summary and a picture of the window stay in the folder.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.hub import LoopbackHub

REPO = "stillroom/starter-checkpoint"
QUESTION = "Explain in two sentences why the sky is blue."
TYPE = "Q4_K_M"


def run_main_job(folder: Path) -> dict[str, Any]:
    """Do it all in `folder`; gives the summary, which is also written there as JSON and Markdown."""
    # What an earlier run has made would be found done, in no time.
    shutil.rmtree(folder / "home", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    starter = starter_file()
    if starter is None:
        raise SystemExit("The starter model is not installed; `make` installs it.")
    say("Rebuilding a Hugging Face checkpoint from the starter model's weights")
    checkpoint = rebuild_starter(starter, folder / "checkpoint", shards=2)
    with LoopbackHub() as hub:
        hub.add(REPO, checkpoint.absolute())
        environment = os.environ | {
            "STILLROOM_HOME": str((folder / "home").absolute()),
            "HF_ENDPOINT": hub.endpoint,
        }
        say(f"Downloading it from {hub.endpoint}")
        pulled = stillroom(environment, "pull", REPO, "--json")
        say(f"Converting and quantising to {TYPE}")
        built = stillroom(environment, "build", REPO, "--type", TYPE, "--json")
    output = built["outputs"][0]
    say("Asking it a question")
    reply = stillroom(
        environment, "chat", output["path"], QUESTION, "--temperature", "0", "--max-tokens", "120", "--json"
    )
    say("Opening the window")
    picture = folder / "window.png"
    window_environment = environment if has_display() else environment | {"QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(
        [sys.executable, "-m", "tests.support.screenshots", "--ask", QUESTION, str(picture)],
        check=True,
        env=window_environment,
    )
    summary = {
        "download_bytes": sum(file["bytes"] for file in pulled["files"]),
        "download_s": pulled["seconds"],
        "build_s": built["seconds"],
        "build_peak_memory_bytes": built["peak_memory_bytes"],
        "type": output["type"],
        "output_bytes": output["bytes"],
        "output_sha256": output["sha256"],
        "question": QUESTION,
        "answer": reply["answer"],
        "prompt_tok_per_s": reply["prompt_tok_per_s"],
        "decode_tok_per_s": reply["decode_tok_per_s"],
        "ttft_ms": reply["ttft_ms"],
        "window": str(picture),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    (folder / "summary.md").write_text(as_markdown(summary), encoding="utf-8")
    return summary


def stillroom(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """One command of the program, its JSON document."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def as_markdown(summary: dict[str, Any]) -> str:
    """The summary as a small table."""
    rows = [
        ("downloaded", f"{summary['download_bytes'] / 1e6:.1f} MB in {summary['download_s']:.1f} s"),
        (
            "built",
            f"{summary['type']}, {summary['output_bytes'] / 1e6:.1f} MB in {summary['build_s']:.1f} s, "
            f"peak memory {summary['build_peak_memory_bytes'] / 1e6:.0f} MB",
        ),
        ("prompt", f"{summary['prompt_tok_per_s']:.1f} tok/s"),
        ("generation", f"{summary['decode_tok_per_s']:.1f} tok/s"),
        ("first token", f"{summary['ttft_ms']:.0f} ms"),
    ]
    lines = ["| step | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, "", f"> {summary['question']}", "", summary["answer"].strip(), ""])


def has_display() -> bool:
    """Tell whether a window can be shown to somebody."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def say(text: str) -> None:
    """One line of what happens now."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build") / "main-job"
    summary = run_main_job(folder)
    print(f"\n{as_markdown(summary)}\nThe window's picture: {summary['window']}\nAll of it: {folder}")


if __name__ == "__main__":
    main()
