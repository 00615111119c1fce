"""A report as a picture, drawn in a process of its own."""

import contextlib

import msgspec

from app.base.children import child_command
from app.base.errors import StillroomError
from app.base.one_shot_child import ask_child
from app.bench.quality.figures import QualityReport
from app.bench.results.report import Report

WAIT_S = 60


def card_png(report: Report | QualityReport) -> bytes:
    """The card as PNG; waits a second or two. Raises `StillroomError`."""
    picture, code = b"", "SIGKILL"
    with contextlib.suppress(TimeoutError):
        answer = ask_child(child_command("card"), msgspec.json.encode(report), limit_s=WAIT_S)
        picture, code = answer.data, str(answer.returncode)
    if code != "0" or not picture:
        raise StillroomError(
            "The picture could not be drawn: the process ended with {code}.",
            "Save the report as a web page, or the picture from the window.",
            code=code,
        )
    return picture
