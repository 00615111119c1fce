"""Pictures of the window: `python -m tests.support.screenshots FOLDER`, or `--ask QUESTION FILE` for one."""

import argparse
from pathlib import Path

from app.ui.application import WindowApplication
from tests.support.window import ask, grab, run_with_window, settle


def take_answer(question: str, path: Path) -> None:
    """Ask in the chat and save the whole window."""

    async def scene(application: WindowApplication) -> None:
        await ask(application, question)
        await settle()
        grab(application.window, path)

    run_with_window(scene)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--ask", default="")
    arguments = parser.parse_args()
    take_answer(arguments.ask, arguments.target)


if __name__ == "__main__":
    main()
