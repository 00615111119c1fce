"""The rules that come with Stillroom, all of them off."""

import functools
import importlib.resources
import tomllib

import msgspec

from app.filters.rule import FilterRule


@functools.cache
def shipped_rules() -> tuple[FilterRule, ...]:
    """The rules of `resources/filters.toml`, in their order, switched off; tests check that they can work."""
    text = (importlib.resources.files("resources") / "filters.toml").read_text(encoding="utf-8")
    rules = msgspec.convert(tomllib.loads(text)["rule"], list[FilterRule])
    return tuple(msgspec.structs.replace(rule, on=False) for rule in rules)
