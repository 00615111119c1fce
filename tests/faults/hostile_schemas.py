"""Hostile JSON schemas and grammars, of many kinds and sizes."""

import json
from collections.abc import Iterator
from typing import Any

Named = tuple[str, str]
"""A name for it, and its text."""


def schemas() -> Iterator[Named]:
    """Schemas as JSON texts."""
    for name, schema in _schemas():
        yield name, schema if isinstance(schema, str) else json.dumps(schema)


def _schemas() -> Iterator[tuple[str, Any]]:
    for size in (1, 3, 50, 2000):
        ring = {f"a{i}": {"$ref": f"#/$defs/a{(i + 1) % size}"} for i in range(size)}
        yield f"references in a ring of {size}", {"$ref": "#/$defs/a0", "$defs": ring}
        yield f"allOf of a ring of {size}", {"allOf": [{"$ref": "#/$defs/a0"}], "$defs": ring}
        yield (
            f"anyOf of a ring of {size}",
            {"anyOf": [{"$ref": "#/$defs/a0"}, {"type": "null"}], "$defs": ring},
        )
    for levels in (8, 16, 20, 64, 900):
        twice = {
            f"a{i}": {"properties": {x: {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}]} for x in "xy"}}
            for i in range(levels)
        } | {f"a{levels}": {"properties": {"z": {"type": "null"}}}}
        yield f"allOf that doubles {levels} times", {"allOf": [{"$ref": "#/$defs/a0"}], "$defs": twice}
        either = {
            f"a{i}": {
                "anyOf": [
                    {"$ref": f"#/$defs/a{i + 1}"},
                    {"type": "array", "items": {"$ref": f"#/$defs/a{i + 1}"}},
                ]
            }
            for i in range(levels)
        } | {f"a{levels}": {"type": "null"}}
        yield f"anyOf that doubles {levels} times", {"$ref": "#/$defs/a0", "$defs": either}
    for count in (100, 5000, 20_000):
        yield f"an enum of {count} numbers", {"enum": list(range(count))}
        yield f"an enum of {count} texts", {"enum": [f"v{i * 7919 % 99991}" for i in range(count)]}
        yield f"an enum of {count} that end alike", {"enum": [f"{i:x}aa" for i in range(count)]}
        yield f"{count} names", {"type": "object", "properties": {f"p{i}": {} for i in range(count)}}
        names = [chr(0x4E00 + i) for i in range(count)]
        yield f"{count} required names", {
            "type": "object", "properties": {one: {"type": "null"} for one in names}, "required": names,
        }  # fmt: skip
        yield f"{count} types", {"type": ["object"] * count, "properties": {"a": {"const": "x" * 50}}}
        yield (
            f"{count} alternatives",
            {"anyOf": [{"type": "object", "properties": {"a": {"const": i}}} for i in range(count)]},
        )
        yield f"{count} parts", {"allOf": [{"properties": {f"p{i}": {"type": "null"}}} for i in range(count)]}
        yield (
            f"one part {count} times",
            {
                "allOf": [{"$ref": "#/$defs/a"}] * count,
                "$defs": {"a": {"properties": {f"p{i}": {} for i in range(1000)}}},
            },
        )
        yield (
            f"a tuple of {count}",
            {"type": "array", "prefixItems": [{"type": "boolean"}] * count, "items": False},
        )
    for depth in (20, 200, 900, 5000, 60_000):
        yield f"lists {depth} deep", '{"type":"array","items":' * depth + "{}" + "}" * depth
        yield f"anyOf {depth} deep", '{"anyOf":[' * depth + "{}" + "]}" * depth
        yield f"objects {depth} deep", '{"properties":{"a":' * depth + "{}" + "}}" * depth
        yield f"{depth} brackets", "[" * depth
    for low, high in ((0, 2000), (2000, 2000), (0, 2001), (-1, 5), (5, 1), (0, 10**30)):
        letters = {"type": "string", "minLength": low, "maxLength": high}
        yield f"texts of {low} to {high}", letters
        lists = {"type": "array", "minItems": low, "maxItems": high, "items": letters}
        yield f"lists of {low} to {high}", lists
        yield f"lists of lists of {low} to {high}", {**lists, "items": {**lists, "items": lists}}
    wrong: list[Any] = [None, 0, 1.5, "x", [], [{}], [1], [None], {}, {"a": 1}, [["a"]], True, "\x1b[2J\n"]
    for keyword in (
        "required", "type", "format", "properties", "additionalProperties", "items", "prefixItems",
        "minItems", "maxLength", "minimum", "allOf", "anyOf", "oneOf", "$ref", "enum", "$defs",
    ):  # fmt: skip
        for value in wrong[:: 3 if len(keyword) % 2 else 2]:
            yield f"{keyword} is {value!r}", {keyword: value}
    yield "a keyword of 100,000 letters", {"x\x00" * 50_000: 1}
    yield "a reference of 100,000 steps", {"$ref": "#" + "/a" * 100_000}
    yield "half a surrogate pair", {"const": "\ud800"}
    yield "a text of 200,000 letters", {"const": "x" * 200_000}
    yield "numbers beyond all", '{"type": "integer", "minimum": -1e400, "maximum": 1e400}'
    yield "a number of 4,000 digits", '{"type": "integer", "minimum": ' + "9" * 4000 + "}"
    yield "a number of 5,000 digits", '{"type": "integer", "minimum": ' + "9" * 5000 + "}"


def grammars() -> Iterator[Named]:
    """Grammars in llama.cpp's form."""
    for depth in (50, 101, 5000, 200_000):
        yield f"brackets {depth} deep", f'root ::= {"(" * depth}"a"{")" * depth}'
        yield f"{depth} open brackets", f"root ::= {'(' * depth}"
        yield f"{depth} rules in a row", _chain(depth, "a{next}", '"x"')
        yield f"{depth} rules in a ring", _chain(depth, "a{next}", "a0")
    for levels in (10, 30, 1000):
        yield f"rules that double {levels} times", _chain(levels, "a{next} | a{next}", '"x"')
        yield f"rules that double with an end, {levels} times", _chain(levels, 'a{next} | a{next} "y"', '"x"')
        yield f"texts that double {levels} times", _chain(levels, "a{next} a{next}", '"x"')
        yield f"nothing that doubles {levels} times", _chain(levels, "a{next} a{next}", '""')
    for count in (5, 12, 40, 2000, 100_000):
        yield f"{count} spaces that may be there", f'root ::= (" "? " "?){{{count}}} "x"'
        yield f"{count} letters that may be there", f"root ::= {'[a-z]? ' * count}"
        yield f"at most {count}", f'root ::= "a"{{0,{count}}} "b"'
        yield (
            f"at most {count} of at most {count}",
            f'root ::= (("a"{{0,{count}}}){{0,{count}}}){{0,{count}}} "b"',
        )
        yield f"{count} alternatives alike", "root ::= " + " | ".join(f'"value {i}"' for i in range(count))
        yield (
            f"{count} stars",
            f'root ::= {"(" * min(count, 90)}[a-z]{"*)" * min(count, 90)}{"[a-z]* " * count}"~"',
        )
        yield (
            f"a set of {count}",
            "root ::= [^" + "".join(chr(0x4E00 + 2 * i % 20_000) for i in range(count)) + "]+",
        )
    letters = ("[a-z ]", "[^~]", ".", '" "', "[a-zA-Z0-9 .,]")
    for letter in letters:
        yield (
            f"two ways through {letter}",
            f'root ::= s "~"\ns ::= {letter} s | {letter} t\nt ::= {letter} s | {letter} t | "~~"',
        )
        yield (
            f"three ways, that grow, through {letter}",
            f'root ::= s "~"\ns ::= {letter} s s | {letter} s t | {letter}\nt ::= {letter} t s | {letter}',
        )
        yield f"palindromes of {letter}", f"root ::= {letter} root {letter} | {letter}"
        yield f"all sums of {letter}", f"root ::= e\ne ::= {letter} | {letter} e e | {letter} e e e"
        yield f"lists of lists of {letter}", f'root ::= ({letter}+ {letter}*)* "~"'
        yield f"ends that are open, of {letter}", f"root ::= ({letter}* {letter}? {letter}*){{100}}"
    yield "left recursion", 'root ::= root "a" | "b"'
    yield "left recursion behind nothing", 'root ::= a\na ::= b a "z" | "x"\nb ::= c\nc ::= "" | "y"'
    yield "left recursion by a star", 'root ::= ("a"? root)* "b"'
    yield "a rule that is nothing, for ever", 'root ::= (""*)* "a"'
    yield "nothing for ever", "root ::= (a*)*\na ::= b*\nb ::= [a-z]?"
    yield "no end", 'root ::= "a" root'
    yield "a megabyte of nothing", "root ::= " + " " * 1_000_000 + '"a"'
    yield "a megabyte of comment", "#" * 1_000_000 + '\nroot ::= "a"'
    yield "a megabyte of text", 'root ::= "' + "x" * 1_000_000 + '"'
    yield "a megabyte of rules", "".join(f'r{i} ::= "a" | r{i + 1} "b"\n' for i in range(40_000))
    yield "a megabyte of names", "root ::= " + "x" * 1_000_000
    yield "more than a megabyte", "root ::= " + '"a" ' * 600_000
    yield "a null", 'root ::= "\x00"'
    yield "an escape to nowhere", 'root ::= "\\xZZ" [\\UFFFFFFFF]'
    yield "terminal codes", "\x1b[2J\x1b]0;x\x07 ::= y\n"
    yield "half a surrogate pair", 'root ::= "\ud800"'
    yield "a token", "root ::= <[7]> !<[8]>"
    yield "no closing", 'root ::= "a'
    yield "a repetition of 10^30", 'root ::= "a"{' + "9" * 30 + "}"


def _chain(length: int, body: str, last: str) -> str:
    rules = (f"a{i} ::= {body.replace('{next}', str(i + 1))}\n" for i in range(length))
    return f"root ::= a0\n{''.join(rules)}a{length} ::= {last}"
