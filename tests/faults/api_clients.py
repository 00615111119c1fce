"""Many clients of the local API at once, in a process of their own.

    python -m tests.faults.api_clients URL CLIENTS SECONDS     (the key on stdin)

Prints one JSON object: how many answers had each status, and how many requests broke.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter

import httpx

BODY = {"prompt": "Say hello.", "max_tokens": 8}


async def client(http: httpx.AsyncClient, until_s: float, seen: Counter[str]) -> None:
    """Ask again and again; some answers are streamed, and of some the client leaves in the middle."""
    while time.monotonic() < until_s:
        kind = random.randrange(3)
        try:
            async with http.stream("POST", "/generate", json=BODY | {"stream": kind > 0}) as answer:
                seen[str(answer.status_code)] += 1
                async for _ in answer.aiter_lines():
                    if kind == 2:
                        break
            if answer.status_code == 429:
                await asyncio.sleep(random.random())
        except httpx.HTTPError as error:
            seen[type(error).__name__] += 1


async def run(url: str, key: str, clients: int, seconds: float) -> Counter[str]:
    seen: Counter[str] = Counter()
    until_s = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=clients)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=300, limits=limits) as http:
        await asyncio.gather(*(client(http, until_s, seen) for _ in range(clients)))
    return seen


if __name__ == "__main__":
    key = sys.stdin.readline().strip()
    print(json.dumps(asyncio.run(run(sys.argv[1], key, int(sys.argv[2]), float(sys.argv[3])))))
