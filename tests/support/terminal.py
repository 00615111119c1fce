"""A command on a pseudo-terminal, read as a person reads it. POSIX only."""

import codecs
import os
import pty
import select
import signal
import subprocess

from tests.support.cli import Cli


class Terminal:
    """A conversation on a pseudo-terminal: what a person sees is read until the wanted words come."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.program: subprocess.Popen[bytes] = cli.start(*arguments, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def read_until(self, words: str) -> str:
        """Everything up to and with `words`; what follows is kept for the next call."""
        while words not in self._seen:
            piece = self._read()
            assert piece, f"the program ended before it said {words!r}: {self._seen}"
            self._seen += piece
        text, _, self._seen = self._seen.partition(words)
        return text + words

    def interrupt(self) -> None:
        """Press Ctrl+C."""
        os.killpg(self.program.pid, signal.SIGINT)

    def read_to_the_end(self) -> str:
        while piece := self._read():
            self._seen += piece
        return self._seen

    def _read(self) -> str:
        ready, _, _ = select.select([self._master], [], [], 60)
        assert ready, f"nothing more came after: {self._seen}"
        try:
            return self._decoder.decode(os.read(self._master, 4096))
        except OSError:  # Linux says so when the other side is closed
            return ""

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self._master)
