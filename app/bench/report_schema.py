"""The JSON Schema of a report, as it lies in `resources/schemas` for other programs to check with."""

from importlib.resources import files
from inspect import cleandoc
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
        **_cleaned(msgspec.json.schema(Report)),
    }


def _cleaned(schema: Any) -> Any:
    """`schema` with its docstrings as Python 3.13 keeps them: older ones keep the indentation."""
    if isinstance(schema, dict):
        return {
            key: cleandoc(value) if key == "description" and isinstance(value, str) else _cleaned(value)
            for key, value in schema.items()
        }
    return [_cleaned(value) for value in schema] if isinstance(schema, list) else schema


def schema_text() -> str:
    """The file as it must be; a test compares it with the one that is there."""
    return msgspec.json.format(msgspec.json.encode(report_schema()), indent=2).decode() + "\n"


def kept_schema() -> str:
    """The file that comes with the program."""
    return (files("resources") / "schemas" / FILE).read_text(encoding="utf-8")
