"""A report as a picture, drawn in a process of its own."""

import contextlib
import subprocess

import msgspec

from app.base.children import child_command
from app.base.errors import StillroomError
from app.bench.quality.figures import QualityReport
from app.bench.results.report import Report
from models.system.child_process import NO_WINDOW

WAIT_S = 60


def card_png(report: Report | QualityReport) -> bytes:
    """The card as PNG; waits a second or two. Raises `StillroomError`."""
    picture, code = b"", "SIGKILL"
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            child_command("card"),
            input=msgspec.json.encode(report),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WAIT_S,
            check=False,
            creationflags=NO_WINDOW,
        )
        picture, code = done.stdout, str(done.returncode)
    if code != "0" or not picture:
        raise StillroomError(
            "The picture could not be drawn: the process ended with {code}.",
            "Save the report as a web page, or the picture from the window.",
            code=code,
        )
    return picture
