"""The child process that reads a file of chats, so that a hostile one can only end this process.

The path on stdin, one answer after the other on stdout, each with its length before it: the chats, or why
there are none.
"""

import logging
import os
import struct
import sys
import warnings
from pathlib import Path

import msgspec

from app.base.child_limits import limit_resources
from app.chat.store.imported import ImportedChat
from app.chat.transfer.chat_file import chats_of_file
from app.chat.transfer.import_stillroom import ImportFailed
from models.system.child_process import die_with_parent

MEMORY_LIMIT_BYTES = 2 << 30
CPU_LIMIT_S = 100
MOST_ANSWER_BYTES = 256 << 20
"""Of all chats together: they have to find room in the window's process."""

LENGTH = struct.Struct("<I")


class Refusal(msgspec.Struct, tag="refusal"):
    """The words of an `ImportFailed`."""

    message: str
    hint: str
    values: dict[str, str]


class Found(msgspec.Struct, tag="chat"):
    """One chat of the file."""

    chat: ImportedChat


def main() -> None:
    """Answer the one request on stdin."""
    die_with_parent(os.getppid())
    limit_resources(MEMORY_LIMIT_BYTES, CPU_LIMIT_S)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    path = Path(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    for answer in _answers(path):
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)


def _answers(path: Path) -> list[bytes]:
    encode = msgspec.msgpack.Encoder().encode
    try:
        answers, size = [], 0
        for chat in chats_of_file(path):
            answers.append(encode(Found(chat)))
            size += len(answers[-1])
            if size > MOST_ANSWER_BYTES:
                raise MemoryError
    except MemoryError:
        refused = ImportFailed(
            "{name} needs too much memory to be read.", "Choose another file.", name=path.name
        )
    except ImportFailed as error:
        refused = error
    else:
        return answers
    values = {name: str(value) for name, value in refused.values.items()}
    return [encode(Refusal(refused.message, refused.hint, values))]


if __name__ == "__main__":
    main()
