"""The clients of the local API and their use of it: for the window and for /metrics."""

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""From a model that holds the prompt already to a long thought on a processor."""


@dataclass(slots=True)
class Histogram:
    """Counts by `BOUNDS_S`; the last is of what took longer. Not locked."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, took_s: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s

    def copy(self) -> "Histogram":
        """As it stands now."""
        return Histogram(list(self.counts), self.sum_s)


RATE_S = 10.0
"""Requests per second are those of so many seconds."""

CLIENT_S = 300.0
"""A client without a request for so long is not shown any more."""

MOST_CLIENTS = 64


@dataclass(slots=True, eq=False)
class Client:
    """A program that asks, by its address and what it calls itself."""

    name: str
    address: str
    requests: int = 0
    tokens: int = 0
    running: int = 0
    last_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client as it stands now; `idle_s` since its last request."""

    name: str
    address: str
    requests: int
    tokens: int
    running: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class StatsView:
    """A snapshot."""

    clients: tuple[ClientView, ...] = ()
    running: int = 0
    requests_per_s: float = 0.0
    requests: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answers: dict[tuple[str, int], int] = field(default_factory=dict)
    """The number of answers of each path and HTTP status."""
    reply_s: float = 0.0
    """The seconds that a reply took lately, a moving average."""
    first_tokens: Histogram = field(default_factory=Histogram)
    """The time that replies took to their first token."""
    replies: Histogram = field(default_factory=Histogram)
    """The time that requests for replies took."""


class ServerStats:
    """Counts; any thread. Nothing of what is said is kept."""

    def __init__(self) -> None:
        self._paths: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._recent: deque[float] = deque(maxlen=100_000)
        self._clients: dict[tuple[str, str], Client] = {}
        self._running = 0
        self._prompt_tokens = self._completion_tokens = 0
        self._reply_s = 0.0
        self._first_tokens, self._replies = Histogram(), Histogram()

    def know(self, paths: Iterable[str]) -> None:
        """Other paths are counted together, so that nobody fills the memory with them."""
        self._paths = frozenset(paths)

    def answered(self, path: str, status: int) -> None:
        """A request has its answer."""
        with self._lock:
            self._answers[path if path in self._paths else "other", status] += 1
            self._recent.append(time.monotonic())

    def began(self, name: str, address: str, replies: int) -> Client:
        """A client has asked for replies."""
        now_s = time.monotonic()
        with self._lock:
            client = self._clients.pop((name, address), None) or Client(name, address)
            # The last one at the end.
            self._clients[name, address] = client
            client.requests += 1
            client.running += replies
            client.last_s = now_s
            self._running += replies
            if len(self._clients) > MOST_CLIENTS:
                idle = next((key for key, other in self._clients.items() if not other.running), None)
                if idle is not None:
                    del self._clients[idle]
        return client

    def first_token(self, ttft_s: float) -> None:
        """A reply has ended whose first token let wait so long."""
        with self._lock:
            self._first_tokens.add(ttft_s)

    def ended(
        self, client: Client, replies: int, took_s: float, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Its replies have ended, however."""
        with self._lock:
            self._replies.add(took_s)
            self._reply_s += (took_s - self._reply_s) * (0.25 if self._reply_s else 1.0)
            client.running -= replies
            client.tokens += completion_tokens
            self._running -= replies
            self._prompt_tokens += prompt_tokens
            self._completion_tokens += completion_tokens

    @property
    def reply_s(self) -> float:
        """The seconds that a reply took lately, a moving average."""
        return self._reply_s

    def view(self) -> StatsView:
        """Take a snapshot."""
        now_s = time.monotonic()
        with self._lock:
            while self._recent and now_s - self._recent[0] > RATE_S:
                self._recent.popleft()
            clients = tuple(
                ClientView(
                    client.name,
                    client.address,
                    client.requests,
                    client.tokens,
                    client.running,
                    now_s - client.last_s,
                )
                for client in reversed(self._clients.values())
                if client.running or now_s - client.last_s < CLIENT_S
            )
            return StatsView(
                clients=clients,
                running=self._running,
                requests_per_s=len(self._recent) / RATE_S,
                requests=self._answers.total(),
                refused=sum(count for (_, status), count in self._answers.items() if status >= 400),
                prompt_tokens=self._prompt_tokens,
                completion_tokens=self._completion_tokens,
                answers=dict(self._answers),
                reply_s=self._reply_s,
                first_tokens=self._first_tokens.copy(),
                replies=self._replies.copy(),
            )
