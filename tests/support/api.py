"""The local API of a real engine, on loopback, for the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.audit.entries import AuditTrail
from app.audit.gate import Gate
from app.audit.log import AuditLog
from app.base.children import child_command
from app.base.paths import AppPaths
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.filters.filter_file import FilterFile
from app.server.access.config import ServerConfig
from app.server.access.server_limits import Limits
from app.server.server import LocalServer
from app.settings import SettingsFile
from models.store.store import ModelStore
from tests.support.engines import ANSWER_TIMEOUT_S
from tests.support.starter_variants import shallow_path
from tests.support.templates import chat_templates

KEY = "a-key-of-the-tests-0123456789"
MODEL = "SmolLM2-135M-Instruct/Q4_1"
SETTINGS = LoadSettings(context_tokens=1024, threads=1, sequences=2)


@dataclass(frozen=True)
class Api:
    """A running server and the engine behind it."""

    server: LocalServer
    client: EngineClient
    paths: AppPaths
    settings: SettingsFile
    audit: AuditTrail
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    def http(self, **options: Any) -> httpx.Client:
        """A client with the key."""
        return httpx.Client(
            base_url=self.url, timeout=ANSWER_TIMEOUT_S, **{"headers": self.headers, **options}
        )


@contextmanager
def loaded_engine(settings: LoadSettings = SETTINGS, path: str = "") -> Iterator[EngineClient]:
    """An engine with a model of few layers, or that of a file."""
    client = EngineClient(child_command("engine"))
    try:
        client.load(path or shallow_path(), settings).future.result(ANSWER_TIMEOUT_S)
        yield client
    finally:
        client.close()


@contextmanager
def served(
    client: EngineClient, home: Path, limits: Limits | None = None, *, loads: bool = False, **options: Any
) -> Iterator[Api]:
    """The API of an engine, with its files below `home`; `loads` says whether clients may load models."""
    paths = AppPaths(home / "data", home / "config", home / "cache", home / "logs")
    settings = SettingsFile(paths.settings)
    audit = AuditTrail(AuditLog(paths.audit, 1_000_000), settings, lambda _: "fingerprint")
    server = LocalServer(
        client,
        chat_templates(),
        ModelStore(paths.models, Path(shallow_path())),
        settings,
        Gate(FilterFile(paths.filters), audit),
        paths,
        "1.2.3",
    )
    config = ServerConfig(key=KEY, port=0, limits=limits or Limits(), **options)
    try:
        url = server.start(config, lambda: loads).result(ANSWER_TIMEOUT_S).url
        yield Api(server, client, paths, settings, audit, url)
    finally:
        server.close()
        audit.close()
