"""The child process that parses somebody else's source, so that a hostile one can only end this process.

One JSON request on stdin (`language`, `code`, `fragment`), one JSON answer on stdout. Nothing is run: Python
becomes an AST (`fragment`) or a code object that is thrown away, YAML is read as events, not objects.
"""

import ast
import json
import os
import re
import sys
import textwrap
import tomllib
import warnings
from collections.abc import Callable
from typing import NoReturn

import yaml

from app.base.child_limits import limit_resources
from models.system.child_process import die_with_parent

MEMORY_LIMIT_BYTES = 1 << 30
CPU_LIMIT_S = 5

Answer = dict[str, object]


def main() -> None:
    """Answer the one request on stdin."""
    die_with_parent(os.getppid())
    limit_resources(MEMORY_LIMIT_BYTES, CPU_LIMIT_S)
    request = json.load(sys.stdin)
    # A warning would otherwise be printed by Python's own machinery; they are collected instead.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = _check(request["language"], request["code"], request["fragment"])
        except (RecursionError, MemoryError):
            answer = {"verdict": "unchecked", "reason": "crash"}
    notes = [[warning.lineno or 0, str(warning.message)] for warning in caught]
    json.dump({**answer, "warnings": notes[:20]}, sys.stdout)


def _error(message: str, line: int | None, column: int | None) -> Answer:
    return {"verdict": "error", "message": message, "line": line or 0, "column": column or 0}


def _check_python(code: str, fragment: bool) -> Answer:
    try:
        if fragment:
            ast.parse(textwrap.dedent(code))
        else:
            compile(code, "<checked>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return _error(error.msg, error.lineno, error.offset)
    except ValueError as error:  # null bytes, lone surrogates, integers of more than 4,300 digits
        return _error(str(error), 0, 0)
    return {"verdict": "ok"}


def _check_json(code: str, _fragment: bool) -> Answer:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        json.loads(code, parse_constant=refuse)
    except json.JSONDecodeError as error:
        return _error(error.msg, error.lineno, error.colno)
    except ValueError as error:
        return _error(str(error), 0, 0)
    return {"verdict": "ok"}


_TOML_PLACE = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def _check_toml(code: str, _fragment: bool) -> Answer:
    try:
        tomllib.loads(code)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.match(str(error))
        if place is None:
            return _error(str(error), 0, 0)
        end = code.count("\n") + 1
        return _error(place[1], int(place[2] or end), int(place[3] or 0))
    except ValueError as error:
        return _error(str(error), 0, 0)
    return {"verdict": "ok"}


def _check_yaml(code: str, _fragment: bool) -> Answer:
    try:
        for _ in yaml.parse(code, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ": ".join(part for part in (error.context, error.problem) if part)
        return _error(message, mark.line + 1 if mark else 0, mark.column + 1 if mark else 0)
    except yaml.YAMLError as error:
        return _error(str(error).partition("\n")[0], 0, 0)
    return {"verdict": "ok"}


def _check(language: str, code: str, fragment: bool) -> Answer:
    checker = _CHECKERS.get(language)
    if checker is not None:
        return checker(code, fragment)
    # Native parsers, and slow to import: only where there is no other.
    from app.code.grammars import find_fault

    fault = find_fault(code, language)
    return _error(fault.message, fault.line, fault.column) if fault else {"verdict": "ok"}


_CHECKERS: dict[str, Callable[[str, bool], Answer]] = {
    "python": _check_python,
    "json": _check_json,
    "toml": _check_toml,
    "yaml": _check_yaml,
}

if __name__ == "__main__":
    main()
