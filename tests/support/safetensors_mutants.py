"""Safetensors files with one thing wrong in their header, and settings files around them that lie."""

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

Header = dict[str, Any]


def mutants(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Hundreds of files, each with the name of what is wrong with it."""
    length = int.from_bytes(whole[:8], "little")
    header: Header = json.loads(whole[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    data = whole[8 + length :]
    yield from _lengths(whole, length)
    for label, text in _texts(names[0]).items():
        yield label, _packed(text, data)
    for name in (names[0], names[len(names) // 2], names[-1]):
        for label, change in _changes(header[name]).items():
            made = json.loads(json.dumps(header))
            change(made, name)
            yield f"{label}, {name}", _packed(json.dumps(made).encode(), data)
    for label, renamed in _names().items():
        made = {renamed if name == names[0] else name: entry for name, entry in header.items()}
        yield f"name {label}", _packed(json.dumps(made).encode(), data)
    metadata: dict[str, object] = {
        "a number": 7,
        "a list": [[]],
        "deep": json.loads("[" * 900 + "]" * 900),
        "large": {"x": "y" * (1 << 20)},
    }
    for label, value in metadata.items():
        yield f"metadata {label}", _packed(json.dumps(header | {"__metadata__": value}).encode(), data)


def settings() -> Iterator[tuple[str, str, bytes]]:
    """Contents of the files beside the weights: what is wrong, the file's name, its content."""
    for name in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "README.md",
        "chat_template.json",
    ):
        for label, content in _documents().items():
            yield f"{name}: {label}", name, content()


def _packed(text: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text + data


def _lengths(whole: bytes, length: int) -> Iterator[tuple[str, bytes]]:
    for wrong in (
        0,
        1,
        2,
        length - 1,
        length + 1,
        len(whole) - 8,
        len(whole),
        1 << 24,
        10**8,
        10**8 + 1,
        1 << 31,
        1 << 32,
        1 << 62,
        (1 << 63) - 1,
        (1 << 64) - 1,
    ):
        yield f"a header of {wrong}", struct.pack("<Q", wrong) + whole[8:]
    for place in (
        *range(16),
        *range(16, 8 + length, max(1, length // 60)),
        8 + length,
        9 + length,
        len(whole) - 1,
    ):
        yield f"cut at {place}", whole[:place]
    yield "a byte more", whole + b"x"


def _texts(name: str) -> dict[str, bytes]:
    entry = b'{"dtype":"U8","shape":[],"data_offsets":[0,0]}'
    return {
        "empty": b"",
        "spaces": b" " * 100_000,
        "null": b"null",
        "a list": b"[]",
        "a number": b"1",
        "no UTF-8": b'{"\xff": 1}',
        "UTF-16": json.dumps({}).encode("utf-16"),
        "deep lists": b"[" * (4 << 20),
        "deep objects": b'{"a":' * (1 << 20),
        "a number of a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
        "a name twice": b'{"%s": %s, "%s": %s}' % (name.encode(), entry, name.encode(), entry),
        "15 MB of lists": b'{"a":[' + b"[]," * (5 << 20) + b"[]]}",
        "15 MB of objects": b'{"a":[' + b"{}," * (5 << 20) + b"{}]}",
        "15 MB of zeros": b'{"a":[' + b"0," * (7 << 20) + b"0]}",
        "15 MB of names": b"{" + b",".join(b'"%d":0' % number for number in range(1_300_000)) + b"}",
        "15 MB of one name": b'{"' + b"x" * (15 << 20) + b'": 1}',
        "15 MB of emoji": b'{"' + "🙂".encode() * (15 << 18) + b'": 1}',
        "30 MB": b'{"a":[' + b"[]," * (10 << 20) + b"[]]}",
        "99 MB": b'{"a":[' + b"{}," * (33 << 20) + b"{}]}",
        "200,000 tensors": b"{"
        + b",".join(b'"t%d":%s' % (number, entry) for number in range(200_000))
        + b"}",
        "100,000 tensors": b"{"
        + b",".join(b'"t%d":%s' % (number, entry) for number in range(100_000))
        + b"}",
        "half an emoji": b'{"\\ud83d": 1}',
    }


def _changes(entry: Header) -> dict[str, Callable[[Header, str], None]]:
    changes: dict[str, Callable[[Header, str], None]] = {}
    start, end = entry["data_offsets"]
    shape = entry["shape"]

    def put(label: str, field: str, value: object) -> None:
        changes[f"{field} {label}"] = lambda header, name: header[name].__setitem__(field, value)

    for place, dtype in enumerate(
        (7, None, [], {}, "", "F8", "f32", "F64", "U8", "BOOL", "\x1b[31m", "x" * 100_000)
    ):
        put(str(place), "dtype", dtype)
    shapes = (
        7,
        None,
        "x",
        {},
        [-1],
        [1.5],
        ["1"],
        [True],
        [[1]],
        [None],
        [2**63],
        [2**64],
        [10**400],
        [1 << 40, 1 << 40],
        [0, *shape],
        [*shape, 1],
        [*shape, 0],
        shape[::-1],
        shape[:-1],
        [1] * 100_000,
        [2] * 5000,
        [shape[0] + 1, *shape[1:]],
    )
    for place, value in enumerate(shapes):
        put(str(place), "shape", value)
    offsets = (
        7,
        None,
        "x",
        {},
        [],
        [start],
        [start, end, end],
        [end, start],
        [start + 1, end + 1],
        [start, end + 1],
        [start - 1, end - 1],
        [-1, end],
        [start, 2**63],
        [start, 2**64],
        [10**400, 10**400],
        [0.0, 1.0],
        [True, False],
        [str(start), str(end)],
        [0, end],
        [2**62, 2**62 + end - start],
    )
    for place, value in enumerate(offsets):
        put(str(place), "data_offsets", value)
    for field in ("dtype", "shape", "data_offsets"):
        changes[f"no {field}"] = lambda header, name, field=field: header[name].pop(field)  # type: ignore[misc]
    for place, other in enumerate((7, None, [], "x", {})):
        changes[f"entry {place}"] = lambda header, name, other=other: header.__setitem__(name, other)  # type: ignore[misc]
    changes["gone"] = lambda header, name: header.pop(name)
    changes["again"] = lambda header, name: header.__setitem__(f"{name}.again", header[name])
    return changes


def _names() -> dict[str, str]:
    return {
        "empty": "",
        "control": "\x1b[2J\n",
        "other": "x",
        "long": "x" * 100_000,
        "path": "../../etc/passwd",
        "zero": "\0",
        "override": "\u202e",
    }


def _documents() -> dict[str, Callable[[], bytes]]:
    return {
        "empty": lambda: b"",
        "no JSON": lambda: b"{",
        "null": lambda: b"null",
        "a list": lambda: b"[]",
        "empty object": lambda: b"{}",
        "no UTF-8": lambda: b'{"a": "\xff"}',
        "half an emoji": lambda: b'{"chat_template": "\\ud83d", "_name_or_path": "\\ud83d"}',
        "deep": lambda: b'{"a":' * 1_000_000,
        "deep lists": lambda: b"[" * 4_000_000,
        "deep, but not too deep": lambda: (
            b'{"normalizer":' + b'{"type":"Sequence","normalizers":[' * 400 + b"]}" * 400 + b"}"
        ),
        "60 MB of lists": lambda: b'{"a":[' + b"[]," * (20 << 20) + b"[]]}",
        "60 MB of spaces": lambda: b"{" + b" " * (60 << 20) + b"}",
        "300 MB": lambda: b'{"a":"' + b"x" * (300 << 20) + b'"}',
        "2 million values": lambda: b'{"a":[' + b"0," * 2_000_000 + b"0]}",
        "a number of a million digits": lambda: b'{"vocab_size": ' + b"9" * 1_000_000 + b"}",
        "aliases": lambda: (
            b"---\na: &a [x,x]\n"
            + b"".join(
                b"k%d: &k%d [%s]\n" % (n, n, b",".join([b"*k%d" % (n - 1) if n else b"*a"] * 9))
                for n in range(12)
            )
            + b"---\n"
        ),
    }
