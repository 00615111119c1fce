"""A report as a picture, drawn in a process of its own."""

import subprocess

import msgspec

from app.bench.quality.figures import QualityReport
from app.bench.report import Report
from app.children import child_command
from app.errors import StillroomError
from models.child_process import NO_WINDOW

WAIT_S = 60


def card_png(report: Report | QualityReport) -> bytes:
    """The card as PNG; waits a second or two. Raises `StillroomError`."""
    child = subprocess.Popen(
        child_command("card"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=NO_WINDOW,
    )
    try:
        picture, _ = child.communicate(msgspec.json.encode(report), timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        picture = b""
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    if child.returncode or not picture:
        raise StillroomError(
            "The picture could not be drawn: the process ended with {code}.",
            "Save the report as a web page, or the picture from the window.",
            code=child.returncode,
        )
    return picture
