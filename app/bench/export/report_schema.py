"""The JSON Schemas of what the benchmark writes, kept in `resources/schemas` for other programs."""

from collections.abc import Mapping
from importlib.resources import files
from inspect import cleandoc
from typing import Any

import msgspec

from app.bench.drift.comparison import DriftReport
from app.bench.quality.comparison import QualityComparison
from app.bench.quality.figures import QualityReport
from app.bench.report.speed_comparison import SpeedComparison
from app.bench.results.report import Report

DOCUMENTS: Mapping[str, type[msgspec.Struct]] = {
    "benchmark-report.schema.json": Report,
    "benchmark-comparison.schema.json": SpeedComparison,
    "quality-report.schema.json": QualityReport,
    "quality-comparison.schema.json": QualityComparison,
    "drift-report.schema.json": DriftReport,
}
"""By the name of the file."""


def schema_of(document: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema that the type comes to; other fields are allowed, as later versions add some.

    https://json-schema.org/draft/2020-12
    """
    told = {field.name: field.default for field in msgspec.structs.fields(document)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{told['schema']} {told['schema_version']}",
        **_cleaned(msgspec.json.schema(document)),
    }


def _cleaned(schema: Any) -> Any:
    """`schema` with its docstrings as Python 3.13 keeps them: older ones keep the indentation."""
    if isinstance(schema, dict):
        return {
            key: cleandoc(value) if key == "description" and isinstance(value, str) else _cleaned(value)
            for key, value in schema.items()
        }
    return [_cleaned(value) for value in schema] if isinstance(schema, list) else schema


def schema_text(name: str) -> str:
    """The file as it must be; a test compares it with the one that is there."""
    data = msgspec.json.encode(schema_of(DOCUMENTS[name]))
    return msgspec.json.format(data, indent=2).decode() + "\n"


def kept_schema(name: str) -> str:
    """The file that comes with the program."""
    return (files("resources") / "schemas" / name).read_text(encoding="utf-8")
