"""GGUF files with one thing wrong: every field of the header, by type, count, length, value and place."""

import copy
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY, UINT32, INT32, FLOAT32, UINT64 = 8, 9, 4, 5, 6, 10
ALIGNMENT = 32

Value = tuple[int, bytes]
"""Its type, and its bytes without the type."""


@dataclass(slots=True)
class Tensor:
    name: bytes
    shape: list[int]
    kind: int
    offset: int


@dataclass(slots=True)
class Parts:
    """A file taken apart; `bounds` are the places in the original where one field ends and another begins."""

    values: list[tuple[bytes, Value]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    data: bytes = b""
    bounds: list[int] = field(default_factory=list)

    def encoded(self, *, values: int | None = None, tensors: int | None = None) -> bytes:
        """The file; with other counts than the true ones where they are given."""
        out = bytearray(b"GGUF" + struct.pack("<I", 3))
        out += struct.pack(
            "<QQ",
            len(self.tensors) if tensors is None else tensors,
            len(self.values) if values is None else values,
        )
        for key, (kind, data) in self.values:
            out += text(key) + struct.pack("<I", kind) + data
        for tensor in self.tensors:
            out += text(tensor.name) + struct.pack("<I", len(tensor.shape))
            out += b"".join(struct.pack("<Q", size) for size in tensor.shape)
            out += struct.pack("<IQ", tensor.kind, tensor.offset)
        return bytes(out) + bytes(-len(out) % ALIGNMENT) + self.data

    def changed(self, key: bytes, value: Value | None) -> "Parts":
        """A copy with another value of `key` (None takes it away), which is added where it is missing."""
        made = copy.copy(self)
        place = next((at for at, (name, _) in enumerate(self.values) if name == key), len(self.values))
        put = [] if value is None else [(key, value)]
        made.values = [*self.values[:place], *put, *self.values[place + 1 :]]
        return made


def text(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def string(data: bytes) -> Value:
    return STRING, text(data)


def number(kind: int, value: float) -> Value:
    return kind, struct.pack("<" + FIXED[kind], value if kind in (6, 12) else int(value))


def array(kind: int, items: list[bytes], count: int | None = None) -> Value:
    return ARRAY, struct.pack("<IQ", kind, len(items) if count is None else count) + b"".join(items)


def take_apart(data: bytes) -> Parts:
    """The parts of a whole file in version 3."""
    parts, at = Parts(), 24
    tensors, values = struct.unpack_from("<QQ", data, 8)

    def read(packing: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + packing, data, at)
        at += struct.calcsize("<" + packing)
        parts.bounds.append(at)
        return int(value) if packing not in ("f", "d") else 0

    def read_text() -> bytes:
        nonlocal at
        length = read("Q")
        at += length
        parts.bounds.append(at)
        return data[at - length : at]

    def skip(kind: int) -> None:
        if kind == STRING:
            read_text()
        else:
            read(FIXED[kind])

    for _ in range(values):
        key, kind = read_text(), read("I")
        start = at
        if kind == ARRAY:
            item, count = read("I"), read("Q")
            for _ in range(count):
                skip(item)
        else:
            skip(kind)
        parts.values.append((key, (kind, data[start:at])))
    for _ in range(tensors):
        name = read_text()
        shape = [read("Q") for _ in range(read("I"))]
        parts.tensors.append(Tensor(name, shape, read("I"), read("Q")))
    parts.data = data[at + -at % ALIGNMENT :]
    return parts


def mutants(whole: bytes, architecture: str) -> Iterator[tuple[str, bytes]]:
    """Hundreds of files, each with the name of what is wrong with it."""
    parts = take_apart(whole)
    yield from _cut(whole, parts)
    yield from _counts(parts)
    yield from _values(parts)
    yield from _arrays(parts)
    yield from _tensors(parts)
    yield from _hyperparameters(parts, architecture.encode())
    yield from _vocabulary(parts)


def _cut(whole: bytes, parts: Parts) -> Iterator[tuple[str, bytes]]:
    places = [*parts.bounds[:: max(1, len(parts.bounds) // 40)], 0, 3, 4, 8, 16, 24, len(whole) - 1]
    for place in places:
        yield f"cut at {place}", whole[:place]
    yield "another magic", b"GGML" + whole[4:]
    for version in (0, 1, 4, 3 << 24, 2**32 - 1):
        yield f"version {version}", whole[:4] + struct.pack("<I", version) + whole[8:]


def _counts(parts: Parts) -> Iterator[tuple[str, bytes]]:
    for count in (0, 1, len(parts.values) - 1, len(parts.values) + 1, 2**31, 2**63, 2**64 - 1):
        yield f"{count} values", parts.encoded(values=count)
    for count in (0, 1, len(parts.tensors) - 1, len(parts.tensors) + 1, 2**31, 2**63, 2**64 - 1):
        yield f"{count} tensors", parts.encoded(tensors=count)
    many = copy.copy(parts)
    many.values = [*parts.values, *((b"k%d" % place, number(0, 1)) for place in range(100_000))]
    yield "100,000 values more", many.encoded()
    for name, key in {
        "empty": b"",
        "control": b"a\x1b[31mb",
        "no UTF-8": b"\xff\xfe",
        "long": b"k" * 70_000,
        "zero": b"a\0b",
    }.items():
        yield f"a key, {name}", parts.changed(key, number(0, 1)).encoded()
    key, value = parts.values[0]
    twice = copy.copy(parts)
    twice.values = [*parts.values, (key, value)]
    yield "a key twice", twice.encoded()
    huge = struct.pack("<Q", 2**60)
    yield "a key of 2^60 bytes", parts.encoded().replace(text(key), huge + key, 1)


def _values(parts: Parts) -> Iterator[tuple[str, bytes]]:
    for key, (kind, data) in parts.values:
        name = key.decode()
        yield f"{name} missing", parts.changed(key, None).encoded()
        other = string(b"x") if kind != STRING else number(UINT32, 7)
        yield f"{name} of another type", parts.changed(key, other).encoded()
        yield f"{name} of no type", parts.changed(key, (13, data)).encoded()
        yield f"{name} as a list", parts.changed(key, array(INT32, [bytes(4)] * 3)).encoded()
        if kind in FIXED:
            for value in _extremes(kind):
                yield f"{name} = {value}", parts.changed(key, number(kind, value)).encoded()
        elif kind == STRING:
            for label, content in {
                "empty": b"",
                "controls": b"\x1b[2J\0\n" * 9,
                "no UTF-8": b"\xff\xfe\x80",
                "5 MB": b"x" * (5 << 20),
            }.items():
                yield f"{name} {label}", parts.changed(key, string(content)).encoded()
            yield (
                f"{name} of 2^60 bytes",
                parts.changed(key, (STRING, struct.pack("<Q", 2**60) + b"x")).encoded(),
            )


def _extremes(kind: int) -> list[float]:
    if kind in (FLOAT32, 12):
        return [float("nan"), float("inf"), 0.0, -1.0, 1e38]
    if kind == 7:
        return [2, 255]
    bits = 8 * struct.calcsize("<" + FIXED[kind])
    return [0, 1, 3, 2 ** (bits - 1) - 1] + ([2**bits - 1] if FIXED[kind].isupper() else [-1])


def _arrays(parts: Parts) -> Iterator[tuple[str, bytes]]:
    for key, (kind, data) in parts.values:
        if kind != ARRAY:
            continue
        name = key.decode()
        item, count = struct.unpack_from("<IQ", data)
        for wrong in (0, 1, count - 1, count + 1, 2**31, 2**60, 2**64 - 1):
            yield (
                f"{name} of {wrong} entries",
                parts.changed(key, (ARRAY, struct.pack("<IQ", item, wrong) + data[12:])).encoded(),
            )
        yield (
            f"{name} of lists",
            parts.changed(key, (ARRAY, struct.pack("<IQ", ARRAY, 2) + data[12:])).encoded(),
        )
        yield (
            f"{name} of no type",
            parts.changed(key, (ARRAY, struct.pack("<IQ", 99, count) + data[12:])).encoded(),
        )
        yield f"{name} emptied", parts.changed(key, array(item, [])).encoded()
        one = text(b"x") if item == STRING else bytes(struct.calcsize("<" + FIXED[item]))
        yield f"{name} of one", parts.changed(key, array(item, [one])).encoded()
        yield f"{name} all the same", parts.changed(key, array(item, [one] * count)).encoded()
        yield (
            f"{name} of other items",
            parts.changed(key, array(UINT64 if item != UINT64 else 0, [bytes(8)] * count)).encoded(),
        )
        if item == STRING:
            for label, content in {
                "no UTF-8": b"\xff\xfe",
                "zero bytes": b"\0",
                "long": b"y" * 1000,
                "empty": b"",
            }.items():
                yield (
                    f"{name}, texts {label}",
                    parts.changed(key, array(STRING, [text(content)] * count)).encoded(),
                )
        else:
            for byte in (b"\xff", b"\x7f"):
                yield (
                    f"{name}, bytes {byte!r}",
                    parts.changed(key, (ARRAY, data[:12] + byte * (len(data) - 12))).encoded(),
                )
    yield "3 million texts", parts.changed(b"x.texts", array(STRING, [bytes(8)] * 3_000_000)).encoded()
    yield "40 MB of numbers", parts.changed(b"x.numbers", array(0, [bytes(40 << 20)], 40 << 20)).encoded()


def _tensors(parts: Parts) -> Iterator[tuple[str, bytes]]:
    last = len(parts.tensors) - 1
    for place in sorted({0, 1, 2, 3, last // 2, last - 1, last}):
        old = parts.tensors[place]
        name = old.name.decode()

        def with_(*tensors: Tensor, at: int = place) -> bytes:
            made = copy.copy(parts)
            made.tensors = [*parts.tensors[:at], *tensors, *parts.tensors[at + 1 :]]
            return made.encoded()

        shape = old.shape
        yield f"{name} gone", with_()
        yield f"{name} twice", with_(old, old)
        for label, renamed in {
            "other": b"x.weight",
            "empty": b"",
            "control": b"\x1b[31m",
            "long": b"t" * 64,
            "no UTF-8": b"\xff",
        }.items():
            yield f"{name} named, {label}", with_(Tensor(renamed, shape, old.kind, old.offset))
        shapes = {
            "without dimensions": [],
            "with five": [*shape, 1, 1, 1, 1][:5],
            "of zeros": [0] * len(shape),
            "one more": [shape[0] + 32, *shape[1:]],
            "turned": [*reversed(shape)],
            "flat": [shape[0] * (shape[1] if len(shape) > 1 else 1)],
            "2^32 twice": [2**32, 2**32],
            "2^63": [2**63],
            "2^64 - 1": [2**64 - 1],
            "of one": [1],
            "with a one": [*shape[:2], 1],
            "smaller": [32, *shape[1:]],
        }
        for label, other in shapes.items():
            yield f"{name}, shape {label}", with_(Tensor(old.name, other, old.kind, old.offset))
        for kind in (0, 1, 2, 4, 8, 12, 24, 30, 31, 39, 999, 2**32 - 1):
            yield f"{name} of type {kind}", with_(Tensor(old.name, shape, kind, old.offset))
        for offset in (old.offset + 1, old.offset + 32, 0, 2**40, 2**63, 2**64 - 32):
            yield f"{name} at {offset}", with_(Tensor(old.name, shape, old.kind, offset))


def _hyperparameters(parts: Parts, prefix: bytes) -> Iterator[tuple[str, bytes]]:
    ints = {
        b"expert_count": (1, 8, 2**31, 2**32 - 1),
        b"expert_used_count": (1, 9, 2**32 - 1),
        b"vocab_size": (0, 1, 2**31, 2**32 - 1),
        b"rope.dimension_count": (0, 1, 3, 2**31),
        b"attention.key_length": (0, 1, 3, 2**31),
        b"attention.value_length": (0, 1, 3, 2**31),
        b"attention.head_count": (0, 1, 3, 5, 7, 2**31),
        b"attention.head_count_kv": (0, 1, 3, 5, 2**31),
        b"attention.sliding_window": (1, 2**31),
        b"pooling_type": (1, 2, 3, 4, 99),
        b"rope.scaling.original_context_length": (0, 2**31),
        b"nextn_predict_layers": (1, 99, 2**31),
        b"block_count": (0, 3, 511, 512, 513, 2**31),
        b"context_length": (0, 1, 2**31, 2**32 - 1),
        b"embedding_length": (0, 1, 7, 2**31),
        b"feed_forward_length": (0, 1, 2**31),
        b"leading_dense_block_count": (9, 2**31),
        b"attention.causal": (0,),
    }
    for key, choices in ints.items():
        for value in choices:
            yield (
                f"{key.decode()} {value}",
                parts.changed(prefix + b"." + key, number(UINT32, value)).encoded(),
            )
    for key in (b"attention.head_count", b"attention.head_count_kv", b"feed_forward_length"):
        for items in ([0] * 64, [1] * 64, [2**31] * 4, [3] * 1, [0] * 4, [4, 0, 4, 0], list(range(513))):
            packed = [struct.pack("<I", item) for item in items]
            yield (
                f"{key.decode()} as {len(items)} x {items[0]}",
                parts.changed(prefix + b"." + key, array(UINT32, packed)).encoded(),
            )
    floats = (
        b"rope.freq_base",
        b"rope.scaling.factor",
        b"attention.layer_norm_rms_epsilon",
        b"attention.max_alibi_bias",
        b"attention.clamp_kqv",
        b"rope.scaling.attn_factor",
        b"logit_scale",
        b"residual_scale",
        b"rope.scaling.yarn_log_multiplier",
    )
    for key in floats:
        for real in (0.0, -1.0, float("nan"), float("inf")):
            yield (
                f"{key.decode()} {real}",
                parts.changed(prefix + b"." + key, number(FLOAT32, real)).encoded(),
            )
    for kind in (b"none", b"linear", b"yarn", b"longrope", b"x", b""):
        scaled = parts.changed(prefix + b".rope.scaling.type", string(kind))
        for real in (0.0, float("nan"), -4.0, 1e38):
            yield (
                f"scaling {kind.decode()} {real}",
                scaled.changed(prefix + b".rope.scaling.factor", number(FLOAT32, real)).encoded(),
            )
    for name in (
        b"",
        b"x",
        b"bert",
        b"t5",
        b"mamba",
        b"rwkv6",
        b"gemma3",
        b"deepseek2",
        b"qwen2moe",
        b"clip",
        b"llama4",
        b"gpt2",
        prefix + b"\0x",
    ):
        yield f"architecture {name!r}", parts.changed(b"general.architecture", string(name)).encoded()
    for name in (b"adapter", b"mmproj", b"imatrix", b"x"):
        yield f"general.type {name!r}", parts.changed(b"general.type", string(name)).encoded()
    for value in (0, 3, 8, 64, 2**20, 2**31):
        yield f"alignment {value}", parts.changed(b"general.alignment", number(UINT32, value)).encoded()
    for value in (2, 65535):
        yield (
            f"split in {value}",
            parts.changed(b"split.count", number(2, value)).changed(b"split.no", number(2, 1)).encoded(),
        )


def _vocabulary(parts: Parts) -> Iterator[tuple[str, bytes]]:
    for name in (b"llama", b"bert", b"t5", b"rwkv", b"none", b"no_vocab", b"plamo2", b"x", b""):
        yield f"vocabulary {name!r}", parts.changed(b"tokenizer.ggml.model", string(name)).encoded()
    for name in (b"", b"x", b"default", b"llama3", b"deepseek-llm", b"tekken", b"chameleon"):
        yield f"splitting {name!r}", parts.changed(b"tokenizer.ggml.pre", string(name)).encoded()
    for role in (b"bos", b"eos", b"eot", b"eom", b"unknown", b"padding", b"fim_pre"):
        for value in (2**31 - 1, 2**31, 2**32 - 1):
            yield (
                f"{role.decode()} {value}",
                parts.changed(b"tokenizer.ggml." + role + b"_token_id", number(UINT32, value)).encoded(),
            )
    for label, items in {
        "no pair": [b"abc"],
        "of nothing": [b""],
        "of a space": [b" "],
        "with a zero": [b"a \0"],
        "of letters": [b"x y"] * 5000,
    }.items():
        yield (
            f"merges {label}",
            parts.changed(b"tokenizer.ggml.merges", array(STRING, [text(item) for item in items])).encoded(),
        )
    for count in (0, 1, 7, 4096):
        yield (
            f"a map of {count} bytes",
            parts.changed(b"tokenizer.ggml.precompiled_charsmap", array(1, [b"\xff"] * count))
            .changed(b"tokenizer.ggml.model", string(b"t5"))
            .encoded(),
        )
    for megabytes in (1, 8, 32):
        yield (
            f"a template of {megabytes} MB",
            parts.changed(b"tokenizer.chat_template", string(b"{{ x }}" * (megabytes << 17))).encoded(),
        )
    yield (
        "scores of NaN",
        parts.changed(
            b"tokenizer.ggml.scores", array(FLOAT32, [struct.pack("<f", float("nan"))] * 5)
        ).encoded(),
    )
