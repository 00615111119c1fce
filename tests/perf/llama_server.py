"""llama.cpp's own server as a child process, for comparisons."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import wait_until

WAIT_S = 120.0


class LlamaServer:
    """A running llama-server; `complete` from any thread."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client

    def complete(self, prompt: Sequence[int], tokens: int, **options: Any) -> dict[str, Any]:
        """One completion of exactly `tokens` tokens, drawn greedily."""
        body = {
            "prompt": list(prompt), "n_predict": tokens, "temperature": 0.0, "ignore_eos": True,
            "cache_prompt": False, "return_tokens": True, **options,
        }  # fmt: skip
        answer = self.http.post("/completion", json=body).raise_for_status()
        result: dict[str, Any] = answer.json()
        return result


@contextmanager
def llama_server(
    tool: Path, model: str, *, threads: int, slots: int, context_tokens: int, more: Sequence[str] = ()
) -> Iterator[LlamaServer]:
    """Start it on loopback and wait until it answers; `context_tokens` for each of `slots`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(tool), "-m", model, "--host", "127.0.0.1", "--port", str(port), "-t", str(threads),
        "-np", str(slots), "-c", str(context_tokens * slots), "-ngl", "0", "--no-webui", *more,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=url, timeout=600.0) as client:
                _wait(client, process)
                yield LlamaServer(client)
        finally:
            process.terminate()


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"llama-server ended with {process.returncode}")
        try:
            return client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "llama-server", WAIT_S)
