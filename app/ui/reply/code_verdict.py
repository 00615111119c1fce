"""A syntax verdict in the window's words."""

from PySide6.QtCore import QCoreApplication

from app.code.check import SyntaxReport


def error_sentence(report: SyntaxReport) -> str:
    """Say where the error is, and what; the message is the parser's own."""
    if not report.line:
        return report.message
    if report.column:
        sentence = QCoreApplication.translate("CodeVerdict", "line {line}, column {column}: {message}")
    else:
        sentence = QCoreApplication.translate("CodeVerdict", "line {line}: {message}")
    return sentence.format(line=report.line, column=report.column, message=report.message)


def unchecked_sentence(report: SyntaxReport) -> str:
    """Say why there is no verdict."""
    match report.reason:
        case "language":
            return QCoreApplication.translate(
                "CodeVerdict", "syntax not checked: no checker for this language"
            )
        case "size":
            return QCoreApplication.translate("CodeVerdict", "syntax not checked: the code is too long")
        case "time":
            return QCoreApplication.translate("CodeVerdict", "syntax not checked: the checker took too long")
        case _:
            return QCoreApplication.translate("CodeVerdict", "syntax not checked: the checker gave up on it")
