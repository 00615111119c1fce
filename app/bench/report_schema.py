"""The JSON Schema of a report, as it lies in `resources/schemas` for other programs to check with."""

from importlib.resources import files
from typing import Any

import msgspec

from app.bench.report import SCHEMA, SCHEMA_VERSION, Report

FILE = "benchmark-report.schema.json"


def report_schema() -> dict[str, Any]:
    """The schema that the report's own types come to; other fields are allowed, as later versions add some.

    https://json-schema.org/draft/2020-12
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SCHEMA} {SCHEMA_VERSION}",
        **msgspec.json.schema(Report),
    }


def schema_text() -> str:
    """The file as it must be; a test compares it with the one that is there."""
    return msgspec.json.format(msgspec.json.encode(report_schema()), indent=2).decode() + "\n"


def kept_schema() -> str:
    """The file that comes with the program."""
    return (files("resources") / "schemas" / FILE).read_text(encoding="utf-8")
