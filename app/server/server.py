"""The local API as something that is switched on and off."""

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from app.audit.gate import Gate
from app.base.errors import StillroomError
from app.base.paths import AppPaths
from app.chat.prompting.prompt import ChatTemplates
from app.engine.client.client import EngineClient
from app.load_choices import LoadChoices
from app.server.access.config import ANYWHERE, LOOPBACK, ServerConfig
from app.server.access.discovery import Discovery, announce_server, withdraw_server
from app.server.access.key_file import KeyFile
from app.server.access.stats import ServerStats, StatsView
from app.server.requests.served_models import KnownModels
from app.settings import SettingsFile
from models.store.store import ModelStore

log = logging.getLogger(__name__)

GRACE_S = 1
"""Running replies get so long to end when the server stops; then they are cancelled."""

STOP_S = 10.0


class LocalServer:
    """Serves the models of one engine over HTTP, on a thread of its own. Any thread may call.

    `paths` says where the running server is announced (see `discovery`).
    """

    def __init__(
        self,
        client: EngineClient,
        templates: ChatTemplates,
        store: ModelStore,
        settings: SettingsFile,
        gate: Gate,
        paths: AppPaths,
        version: str,
    ) -> None:
        self._client = client
        self._templates = templates
        self._known = KnownModels(client)
        self._store = store
        self._settings = settings
        self._gate = gate
        self._paths = paths
        self._version = version
        self.key_file = KeyFile(paths.server_key_file)
        """The generated key."""
        self.reserved = False
        """Set while the model is being measured: programs are told to come back then."""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._end: Callable[[], None] | None = None
        self._announced: Discovery | None = None
        self._stats = ServerStats()

    @property
    def running(self) -> Discovery | None:
        """The address and key of the running server; None while it does not listen."""
        return self._announced

    @property
    def stats(self) -> StatsView:
        """A snapshot of its clients and their use."""
        return self._stats.view()

    def start(self, config: ServerConfig, loads: Callable[[], bool] = lambda: False) -> "Future[Discovery]":
        """Listen. The future gives where, or raises `StillroomError`; one that runs already is stopped first.

        `loads` says whether a model that a client asks for may be loaded.
        """
        self.stop()
        future: Future[Discovery] = Future()
        with self._lock:
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._run, args=(config, loads, future), name="local-api", daemon=True
            )
            self._thread.start()
        return future

    def stop(self) -> None:
        """Stop listening and end what runs. Waits for the end."""
        with self._lock:
            self._stopping.set()
            thread, end = self._thread, self._end
            if end is not None:
                end()
        if thread is not None:
            thread.join(STOP_S)

    close = stop

    def _run(self, config: ServerConfig, loads: Callable[[], bool], future: "Future[Discovery]") -> None:
        try:
            listener = _listen(config)
        except StillroomError as error:
            future.set_exception(error)
            return
        with listener:
            try:
                asyncio.run(self._serve(config, loads, listener, future))
            except Exception as error:
                log.exception("the local API has ended")
                if not future.done():
                    future.set_exception(error)
            finally:
                announced, self._announced = self._announced, None
                if announced is not None:
                    withdraw_server(self._paths, announced)
                self._end = None

    async def _serve(
        self,
        config: ServerConfig,
        loads: Callable[[], bool],
        listener: socket.socket,
        future: "Future[Discovery]",
    ) -> None:
        import uvicorn
        from starlette.routing import Route

        from app.server.access.access_rules import AccessRules
        from app.server.access.admission import Admission
        from app.server.access.connection import connection_class
        from app.server.access.handshake import handshake_of
        from app.server.access.middleware import Guard
        from app.server.application import make_application
        from app.server.requests.served_models import ServedModels
        from app.server.requests.services import Services

        port = listener.getsockname()[1]
        settings = self._settings
        chosen = LoadChoices(settings)
        models = ServedModels(
            self._client, self._known, self._store, lambda path: chosen.of(path).load, loads=loads
        )
        stats = ServerStats()
        admission = Admission(config.limits, stats, self._gate, lambda: self.reserved)
        services = Services(
            client=self._client,
            templates=self._templates,
            models=models,
            admission=admission,
            stats=stats,
            config=config,
            version=self._version,
            default_sampling=lambda: settings.values.sampling,
            speculation=lambda path: chosen.of(path).speculation,
        )
        scheme = "https" if config.speaks_tls else "http"
        # Programs on this computer find it where it listens everywhere, too.
        address = LOOPBACK if config.host == ANYWHERE else config.host
        host = f"[{address}]" if ":" in address else address
        url = f"{scheme}://{host}:{port}"
        api = make_application(services, url)
        stats.know(route.path for route in api.routes if isinstance(route, Route))
        rules = AccessRules(config, port, _own_names() if not config.is_loopback else ())
        connections = connection_class(
            config.limits,
            lambda headers: rules.holds_key(dict(headers).get(b"authorization", b"").decode("latin-1")),
        )
        setup = uvicorn.Config(
            Guard(api, rules, config.limits, stats, admission.refusal),
            http=connections,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ssl_certfile=config.certificate,
            ssl_keyfile=config.private_key,
            # The guard refuses what is larger than `head_bytes`, in words; h11 what does not end.
            h11_max_incomplete_event_size=2 * config.limits.head_bytes,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_S,
        )
        try:
            setup.load()
        except (OSError, ValueError) as error:
            # `ssl.SSLError` is an `OSError`.
            raise StillroomError(
                "The certificate of the local API cannot be used: {reason}.",
                "Choose a certificate and its private key, both as PEM files without a password.",
                reason=str(error),
            ) from error
        if setup.ssl is not None:
            # asyncio's own handshake is neither counted nor ended in time.
            context, setup.ssl = setup.ssl, None
            setup.http_protocol_class = partial(handshake_of, connections, context)  # type: ignore[assignment]
        server = uvicorn.Server(setup)
        try:
            self._announced = announce_server(
                self._paths,
                url=url,
                key=config.key,
                version=self._version,
                certificate=_first_certificate(config.certificate) if config.certificate else "",
            )
        except OSError as error:
            log.warning("the local API cannot be announced: %s", error)
            raise
        loop = asyncio.get_running_loop()

        def end() -> None:
            server.should_exit = True
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(services.stop)

        self._stats, self._end = stats, end
        if self._stopping.is_set():
            end()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        future.set_result(self._announced)
        await serving


def _listen(config: ServerConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # The protocol is named so that asyncio sends at once (TCP_NODELAY): it asks each connection for it, and
    # otherwise the second piece of a reply waits 40 ms until the first is acknowledged.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            # On Windows another program could otherwise take the same port, and its requests.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
        listener.listen(128)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        raise StillroomError(
            "The local API cannot listen on {host}, port {port}: {reason}.",
            "Choose another port, or end the program that uses this one.",
            host=config.host,
            port=config.port,
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    return listener


def _first_certificate(file: Path) -> str:
    """The server's own. Those that vouch for it may follow in the file, and even its private key."""
    found = re.search(
        "-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", file.read_text("latin-1"), re.DOTALL
    )
    return found[0] if found else ""


def _own_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name, f"{name}.local")
