"""A company's proxy on loopback: the only one that knows where a name leads, with or without a password."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ForwardProxy:
    """Gives a test its address, and the first lines of what it was asked."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def forward_proxy(
    names: Mapping[str, str] | None = None, credentials: str = "", refused: str = ""
) -> Iterator[ForwardProxy]:
    """Run one on a thread of its own, for tunnels (CONNECT) and plain requests.

    `names` maps "host:port" to where that is; anything else is asked where it says. With `credentials`
    ("name:password") it wants them, with `refused` ("403 Forbidden") it lets nothing through.
    """
    proxy = ForwardProxy()
    loop = asyncio.new_event_loop()
    started = threading.Event()
    wanted = base64.b64encode(credentials.encode()).decode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, _, headers = head.partition("\r\n")
        proxy.asked.append(line)
        if credentials and f"Proxy-Authorization: Basic {wanted}".lower() not in headers.lower():
            await _refuse(
                writer, '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="company"'
            )
            return
        if refused:
            await _refuse(writer, refused)
            return
        method, target, version = line.split()
        is_tunnel = method == "CONNECT"
        place = target if is_tunnel else urlsplit(target).netloc
        host, port = (names or {}).get(place, place).rsplit(":", 1)
        there = await asyncio.open_connection(host, int(port))
        if is_tunnel:
            writer.write(b"HTTP/1.1 200 here\r\n\r\n")
        else:
            parts = urlsplit(target)
            path = parts._replace(scheme="", netloc="").geturl()
            there[1].write(f"{method} {path} {version}\r\nConnection: close\r\n{headers}".encode())
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        async with server:
            await server.serve_forever()

    work = loop.create_task(run())
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait({work})))
    thread.start()
    started.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(work.cancel)
        thread.join()
        for left in asyncio.all_tasks(loop):
            left.cancel()
            loop.run_until_complete(asyncio.wait({left}))
        loop.close()


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()
