"""The process between Stillroom and a sandboxed program: it builds the sandbox, watches it, and ends it.

One JSON line on stdin says what to run (`request_line` makes it). JSON lines on stdout tell the output as it
comes and, last, how it ended. When stdin closes, the program is ended. Only Python's own library is used, so
that it starts in no time, and its environment is next to empty, so that there is nothing to find in it.
"""

import dataclasses
import json
import os
import sys

from app.code.sandbox.limits import BackEnd, Job, Limits


def request_line(back_end: BackEnd, job: Job, limits: Limits, group: str = "") -> bytes:
    """Give what to write to the process's stdin. `group` is the folder of a control group for the program."""
    request = {
        "back_end": back_end,
        "job": dataclasses.asdict(job),
        "limits": dataclasses.asdict(limits),
        "group": group,
    }
    return json.dumps(request).encode() + b"\n"


def main() -> None:
    """Run the one request on stdin."""
    # Not through a buffer: after the first line only the end is waited for.
    with os.fdopen(os.dup(0), "rb", buffering=0) as stdin:
        request = json.loads(stdin.readline())
    job, limits = Job(**request["job"]), Limits(**request["limits"])
    if sys.platform == "win32":
        from app.code.sandbox.windows_run import WindowsRun

        WindowsRun(job, limits).supervise()
    else:
        from app.code.sandbox.linux_run import LinuxRun

        LinuxRun(request["back_end"], job, limits, request["group"]).supervise()


if __name__ == "__main__":
    main()
