"""A hundred GGUF files that declare more than they hold: each is refused by name, and nothing crashes."""

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from converters.gguf.gguf_reader import check_gguf, inspect
from converters.system.errors import GgufError
from models.catalogue.starter import starter_file

FILES = 100
SEED = 20261126


@dataclass(frozen=True, slots=True)
class Field:
    """A declared count or length of a header: where it stands, and what its refusal names."""

    offset: int
    names: str


class _Header:
    """Walks the header of a real file once more, by its own reading of the format, for where sizes stand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 24
        self.fields = [Field(8, ""), Field(16, "")]
        self.dimensions: list[Field] = []
        tensors, values = struct.unpack_from("<QQ", data, 8)
        for _ in range(values):
            self.fields.append(Field(self._at, "a name in its header"))
            key = self._text()
            self._value(self._number("<I"), key)
        for _ in range(tensors):
            self.fields.append(Field(self._at, "a name in its header"))
            name = self._text()
            for _ in range(self._number("<I")):
                self.dimensions.append(Field(self._at, name))
                self._number("<Q")
            self._number("<I")
            self._number("<Q")
        self.end = self._at

    def _number(self, packing: str) -> int:
        value: int = struct.unpack_from(packing, self._data, self._at)[0]
        self._at += struct.calcsize(packing)
        return value

    def _text(self) -> str:
        length = self._number("<Q")
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def _value(self, kind: int, key: str) -> None:
        sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
        if kind == 8:
            self.fields.append(Field(self._at, key))
            self._text()
        elif kind == 9:
            item = self._number("<I")
            self.fields.append(Field(self._at, key))
            for _ in range(self._number("<Q")):
                if item == 8:
                    self._text()
                else:
                    self._at += sizes[item]
        else:
            self._at += sizes[kind]


def test_a_hundred_files_that_claim_too_much_are_refused_by_name(tmp_path: Path) -> None:
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    summary = inspect(starter)
    with starter.open("rb") as file:
        header = file.read(summary.data_offset)
    found = _Header(header)
    assert found.end <= summary.data_offset
    rng = random.Random(SEED)
    whole = summary.bytes
    for number in range(FILES):
        damaged = bytearray(header)
        length, names = whole, ""
        match number % 4:
            case 0:  # cut short in the middle of a tensor
                tensor = rng.choice(summary.tensors)
                length = tensor.offset + rng.randrange(tensor.bytes)
                later = [other for other in summary.tensors if other.offset + other.bytes > length]
                names = min(later, key=lambda other: other.offset).name
            case 1:  # a dimension that makes the tensor reach past its end, or overflow
                field = rng.choice(found.dimensions)
                [old] = struct.unpack_from("<Q", damaged, field.offset)
                struct.pack_into("<Q", damaged, field.offset, old * rng.choice([2, 1000, 2**20]) % 2**64)
            case 2:  # a length or count that is larger than the file
                field = rng.choice(found.fields)
                huge = rng.choice([whole + 1, 2**32, 2**62, 2**63, 2**64 - 1])
                struct.pack_into("<Q", damaged, field.offset, huge)
                names = field.names
            case 3:  # cut short in the header
                length = rng.randrange(24, found.end)
                del damaged[length:]
        path = tmp_path / f"damaged-{number}.gguf"
        with path.open("wb") as file:
            file.write(damaged)
            file.truncate(length)
        with pytest.raises(GgufError) as refused:
            check_gguf(path)
        assert path.name in str(refused.value)
        assert names in str(refused.value), (number, str(refused.value))
        path.unlink()
