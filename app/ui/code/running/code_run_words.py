"""Say how a run ended, in the window's language."""

import sys

from PySide6.QtCore import QCoreApplication

from app.code.program_tests import Trial
from app.code.sandbox.limits import Limits, RunResult
from models.system.units import byte_count


def ending_sentence(result: RunResult, limits: Limits) -> str:
    """Say what ended it, and after how long."""
    seconds = f"{result.seconds:.1f}"
    match result.ending:
        case "exit" if result.exit_code == 0:
            text = QCoreApplication.translate("CodeRun", "Done in {seconds} s")
        case "exit":
            text = QCoreApplication.translate("CodeRun", "Exit code {code} after {seconds} s")
        case "time":
            text = QCoreApplication.translate("CodeRun", "Ended at the limit of {limit_s} s")
        case "memory":
            text = QCoreApplication.translate("CodeRun", "Ended: it took more than {memory} of memory")
        case "output":
            text = QCoreApplication.translate("CodeRun", "Ended: it wrote more than {output}")
        case "disk":
            text = QCoreApplication.translate("CodeRun", "Ended: its files took more than {disk}")
        case "files":
            text = QCoreApplication.translate("CodeRun", "Ended: it made more than {files} files")
        case "stopped":
            text = QCoreApplication.translate("CodeRun", "Stopped after {seconds} s")
        case "failed":
            text = QCoreApplication.translate("CodeRun", "It could not be started: {reason}")
    return text.format(
        seconds=seconds,
        code=result.exit_code,
        limit_s=f"{limits.time_s:g}",
        memory=byte_count(limits.memory_bytes),
        output=byte_count(limits.output_bytes),
        disk=byte_count(limits.disk_bytes),
        files=f"{limits.files:,}",
        reason=result.reason,
    )


def lacking_input_hint() -> str:
    """Say what to do about a program that read more input than there was."""
    return QCoreApplication.translate(
        "CodeRun", "The program reads more input than there is: write it on the page Input."
    )


def promise_sentence(limits: Limits) -> str:
    """Say what the sandbox keeps a program from."""
    if sys.platform == "win32":
        text = QCoreApplication.translate(
            "CodeRun",
            "Restricted: writes only into its own folder, {time_s} s, {memory}. The network and the files "
            "that you can read are open to it.",
        )
    else:
        text = QCoreApplication.translate(
            "CodeRun", "Sandbox: no network, no home, no other programs, {time_s} s, {memory}"
        )
    return text.format(time_s=f"{limits.time_s:g}", memory=byte_count(limits.memory_bytes))


def trial_sentence(trial: Trial, ratio: float | None = None) -> str:
    """Say how many tests passed, and if all, the program's length: `ratio` to the shortest that did."""
    if not trial.outcomes:
        return QCoreApplication.translate("CodeRun", "The tests did not run")
    text = QCoreApplication.translate("CodeRun", "{passed} of {total} tests passed")
    if ratio is not None and ratio > 1.005:
        text = QCoreApplication.translate(
            "CodeRun",
            "{passed} of {total} tests passed, {ratio} times as long as the shortest answer that does",
        )
    elif ratio is not None:
        text = QCoreApplication.translate(
            "CodeRun", "{passed} of {total} tests passed, the shortest answer so far"
        )
    return text.format(
        passed=trial.passed, total=trial.total, ratio=f"{ratio:.2f}" if ratio is not None else ""
    )
