"""The user's settings: declared here once, kept in one JSON file."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.base.errors import StillroomError
from app.base.newest_writer import NewestWriter
from app.engine.client.idle_unload import IDLE_UNLOAD_MINUTES
from app.engine.kv_states.saved_states import CHAT_STATES_GB
from app.engine.protocol import LoadSettings, Sampling, SpeculationMode
from app.remote.remote_server import ElsewhereServer
from models.hub.hub_access import LONGEST_ADDRESS, clean_mirror, clean_proxy
from models.system.disk_space import told_when_full
from models.system.json_file import read_json, set_aside, write_json
from models.system.notices import tell

log = logging.getLogger(__name__)

VERSION = 2

Theme = Literal["system", "light", "dark", "light-contrast", "dark-contrast"]
Language = Literal["system", "en", "zh_CN"]
PageKey = Literal["chat", "code", "benchmark", "models"]
HubName = Annotated[str, Meta(max_length=200)]
MOST_REMEMBERED = 30
LONGEST_PATH = 4096
Observer = Callable[["Settings"], None]


class LoadChoice(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is loaded, and how its replies are guessed ahead.

    `name` is the model's, for people who read the file; empty in the default.
    """

    load: LoadSettings = LoadSettings()
    speculation: SpeculationMode = "lookup"
    name: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting with its type, default, range and meaning."""

    theme: Annotated[Theme, Meta(description="Colours of the window.")] = "system"
    zoom_percent: Annotated[int, Meta(ge=50, le=250, description="Size of everything in the window.")] = 100
    language: Annotated[Language, Meta(description="Language of the window.")] = "system"
    last_model: Annotated[str, Meta(description="The model that was loaded last, as a store reference.")] = ""
    load: Annotated[
        LoadSettings, Meta(description="How models without settings of their own are loaded.")
    ] = LoadSettings()
    model_loads: Annotated[
        dict[str, LoadChoice],
        Meta(description="How each model is loaded, by the fingerprint of its file (`app.load_choices`)."),
    ] = {}
    sampling: Annotated[Sampling, Meta(description="How tokens are drawn in new chats.")] = Sampling()
    speculation: Annotated[
        SpeculationMode,
        Meta(description="How replies of these models are guessed ahead; what is said stays the same."),
    ] = "lookup"
    complete_while_typing: Annotated[
        bool, Meta(description="Propose code at the cursor, where the loaded model can fill in the middle.")
    ] = False
    chat_states_gb: Annotated[
        float, Meta(ge=0.0, le=1000.0, description="Space for what was evaluated for chats; 0 keeps none.")
    ] = CHAT_STATES_GB
    live_panel_open: Annotated[bool, Meta(description="Whether the live panel is open.")] = True
    idle_unload_minutes: Annotated[
        int,
        Meta(
            ge=0, le=1440, description="Give the models' memory back after so long without use; 0 is never."
        ),
    ] = IDLE_UNLOAD_MINUTES
    keep_original_weights: Annotated[
        bool, Meta(description="Keep the downloaded weights after a model was built from them.")
    ] = False
    measure_builds: Annotated[bool, Meta(description="Measure what quantising cost, after each build.")] = (
        False
    )
    weigh_builds: Annotated[
        bool, Meta(description="Collect an importance matrix for every type of four bits and less.")
    ] = False
    accuracy_loss_gate_percent: Annotated[
        float,
        Meta(ge=0.0, le=100.0, description="The loss from which a build warns: growth of the perplexity."),
    ] = 2.3
    models_folder: Annotated[
        str, Meta(max_length=LONGEST_PATH, description="Where the models lie; empty is the data folder.")
    ] = ""
    models_move: Annotated[
        str, Meta(max_length=LONGEST_PATH, description="Where the models are being moved to.")
    ] = ""
    hub_mirror: Annotated[
        str, Meta(max_length=LONGEST_ADDRESS, description="A hub in the place of huggingface.co.")
    ] = ""
    hub_proxy: Annotated[
        str, Meta(max_length=LONGEST_ADDRESS, description="The proxy to the hub; empty is the system's.")
    ] = ""
    hub_token_kept: Annotated[
        bool, Meta(description="Whether the system's key store holds an access token of the hub.")
    ] = False
    hub_recent: Annotated[
        tuple[HubName, ...],
        Meta(
            max_length=MOST_REMEMBERED, description="Repositories of the hub that were opened, newest first."
        ),
    ] = ()
    hub_liked: Annotated[
        tuple[HubName, ...],
        Meta(
            max_length=MOST_REMEMBERED,
            description="Repositories of the hub that the user likes, newest first.",
        ),
    ] = ()
    elsewhere: Annotated[
        tuple[ElsewhereServer, ...], Meta(description="Servers elsewhere whose models may be chosen.")
    ] = ()
    audit: Annotated[bool, Meta(description="Keep an audit log of requests and replies.")] = False
    audit_content: Annotated[bool, Meta(description="Put the texts themselves into the audit log.")] = False
    audit_limit_mb: Annotated[
        float, Meta(ge=1.0, le=100_000.0, description="How large the audit log gets before its oldest goes.")
    ] = 64.0
    api_enabled: Annotated[bool, Meta(description="Serve the models to programs over HTTP.")] = False
    api_port: Annotated[int, Meta(ge=1, le=65535, description="Where the local API listens.")] = 8765
    api_network: Annotated[bool, Meta(description="Let other computers use the local API.")] = False
    api_certificate: Annotated[str, Meta(description="Certificate of the local API (PEM file).")] = ""
    api_private_key: Annotated[str, Meta(description="The certificate's private key (PEM file).")] = ""
    api_origins: Annotated[tuple[str, ...], Meta(description="Web pages that may use the local API.")] = ()
    api_loads_models: Annotated[
        bool, Meta(description="Load a model that a program asks for over the local API.")
    ] = False
    telemetry_hz: Annotated[
        float, Meta(ge=1.0, le=4.0, description="How often memory and load are measured, per second.")
    ] = 2.0
    first_run_over: Annotated[bool, Meta(description="Whether the first model was got or declined.")] = False
    cuda_offer_told: Annotated[
        bool, Meta(description="Whether the window has said that NVIDIA's libraries can be fetched.")
    ] = False
    last_page: Annotated[PageKey, Meta(description="The tab that was in front.")] = "chat"
    last_chat: Annotated[int, Meta(ge=0, description="The chat that was open; 0 is none.")] = 0
    notify_long_replies: Annotated[
        bool, Meta(description="Tell when a long reply ended while another window was in front.")
    ] = True
    window_geometry: Annotated[str, Meta(description="Place and size of the window, base64.")] = ""


LIMITS: dict[str, tuple[float, float]] = {
    "context_tokens": (0, 1 << 20),
    "gpu_layers": (-1, 1000),
    "threads": (0, 1024),
    "prompt_threads": (0, 1024),
    "batch_tokens": (0, 4096),
    "context_stretch": (1, 8),
    "sequences": (0, 64),
    "temperature": (0.0, 5.0),
    "top_p": (0.0, 1.0),
    "top_k": (0, 1 << 20),
    "min_p": (0.0, 1.0),
    "repeat_penalty": (0.0, 10.0),
    "repeat_last_tokens": (-1, 1 << 20),
    "seed": (0, (1 << 32) - 1),
}
"""Smallest and largest value of each number in `LoadSettings` and `Sampling`, for forms and commands."""


class SettingsFile:
    """The settings on disk. Any thread may read and change them; observers run on the changing thread.

    Keys that this version does not know are kept. A file that cannot be read is set aside; a value that
    cannot be used falls back to its default, and the old file stays beside the new one. People edit the file:
    one that does not fit its checksum is used. The user is told of each.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        """For the values alone; whoever holds it waits for no disk."""
        self._saving = threading.Lock()
        """Taken before `_lock` by whoever writes the file."""
        self._writer = NewestWriter("settings", self._save_newest)
        self._is_refused = self._is_told = False
        """The disk has refused the newest settings; the user is to hear of that."""
        self._observers: list[Observer] = []
        self._document: dict[str, Any] = self._read()
        self._values = self._convert(self._document)

    @property
    def values(self) -> Settings:
        """The present settings, as one consistent snapshot."""
        return self._values

    def update(self, **changes: object) -> Settings:
        """Change the named settings, save them and tell the observers; waits for the disk.

        Raises `StillroomError` for an unknown name, a wrong type or a value out of range, or when the file
        cannot be written; nothing changes then.
        """
        return self.revise(lambda _: changes)

    def revise(self, change: Callable[[Settings], dict[str, object]]) -> Settings:
        """`update` with what `change` makes of the present settings; nobody changes them in between."""
        with self._saving:
            while True:
                with self._lock:
                    before = self._document
                    document, values = self._changed(change(self._values))
                    if values == self._values:
                        return values
                self._save(document)
                with self._lock:
                    if self._document is before:
                        self._take(document, values)
                        return values

    def change(self, **changes: object) -> Settings:
        """Change the named settings now, and save them a moment later on another thread; for the GUI thread.

        Raises `StillroomError` as `update` does, but for a file that cannot be written: the user is told of
        that, and the settings hold until the program ends.
        """
        return self._keep_soon(changes, told=True)

    def note(self, **changes: object) -> Settings:
        """`change` for what nobody has asked for: where the file cannot be written, only the log says so."""
        return self._keep_soon(changes, told=False)

    def close(self) -> None:
        """Wait until all is saved; what was refused is tried once more."""
        self._writer.flush()
        with self._saving:
            # What another thread changes is on the disk now, too.
            pass
        if self._is_refused:
            self._writer.wake()
            self._writer.flush()

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` with the new settings after each change; returns what ends that."""
        with self._lock:
            self._observers.append(observer)

        def stop() -> None:
            with self._lock:
                if observer in self._observers:
                    self._observers.remove(observer)

        return stop

    def _read(self) -> dict[str, Any]:
        without = "All settings are back to their defaults."
        return read_json(self._path, dict[str, Any], without=without, changed="use") or {}

    def _convert(self, document: dict[str, Any]) -> Settings:
        _migrate(document)
        wrong = [
            name for name in Settings.__struct_fields__ if name in document and not _fits(name, document)
        ]
        if wrong:
            self._drop(wrong, document)
        return _checked(document)

    def _drop(self, names: list[str], document: dict[str, Any]) -> None:
        """Go on without these values; the file as it was stays beside the new one."""
        for name in names:
            fitting = _fitting_part(name, document.pop(name))
            if fitting:
                document[name] = fitting
        aside = self._path
        try:
            aside = set_aside(self._path)
            # Now, and not with the next change: the other settings would be gone at the next start.
            self._save(document)
        except (OSError, StillroomError) as error:
            log.warning("%s: %s", self._path, error)
        tell(
            StillroomError(
                "Some settings could not be used and are back to their defaults: {names}.",
                "The old file is kept as {path}.",
                names=", ".join(names),
                path=str(aside),
            )
        )

    def _changed(self, changes: dict[str, object]) -> tuple[dict[str, Any], Settings]:
        """Return the document and the settings as they are after these changes."""
        wrong = [name for name in changes if name not in Settings.__struct_fields__]
        if wrong:
            raise StillroomError("There is no setting named {name}.", name=wrong[0])
        document = self._document | {
            "version": self._version(),
            **{name: msgspec.to_builtins(value) for name, value in changes.items()},
        }
        return document, _checked(document)

    def _take(self, document: dict[str, Any], values: Settings) -> None:
        self._document, self._values = document, values
        for observer in tuple(self._observers):
            observer(values)

    def _keep_soon(self, changes: dict[str, object], *, told: bool) -> Settings:
        with self._lock:
            document, values = self._changed(changes)
            if values != self._values:
                self._take(document, values)
                self._is_told = self._is_told or told
                self._writer.wake()
            return values

    def _save_newest(self) -> None:
        with self._saving:
            with self._lock:
                document, told, self._is_told = self._document, self._is_told, False
            try:
                self._save(document)
                self._is_refused = False
            except StillroomError as error:
                self._is_refused = True
                log.warning("%s: %s", self._path, error)
                if told:
                    tell(error)

    def _version(self) -> int:
        version = self._document.get("version")
        return max(version, VERSION) if isinstance(version, int) else VERSION

    def _save(self, document: dict[str, Any]) -> None:
        try:
            with told_when_full(self._path.parent):
                write_json(self._path, document, indent=True)
        except OSError as error:
            raise StillroomError(
                "The settings could not be saved to {path}: {reason}.",
                "Check that the folder may be written and that the disk is not full.",
                path=str(self._path),
                reason=error.strerror or "unknown",
            ) from error


def _migrate(document: dict[str, Any]) -> None:
    """Bring the settings of an earlier version to this one's meaning.

    Until version 1 the defaults of these three were numbers, written down with any other load setting; they
    are automatic now.
    """
    load = document.get("load")
    if document.get("version", VERSION) == 1 and isinstance(load, dict):
        for name, before in (("batch_tokens", 512), ("sequences", 1), ("kv_type", "f16")):
            if load.get(name) == before:
                del load[name]


def _checked(document: dict[str, Any]) -> Settings:
    known = {name: document[name] for name in Settings.__struct_fields__ if name in document}
    try:
        values = msgspec.convert(known, Settings)
    except msgspec.ValidationError as error:
        raise StillroomError("A setting cannot have this value: {reason}.", reason=str(error)) from error
    loads = (choice.load for choice in values.model_loads.values())
    for struct in (values.load, values.sampling, *loads):
        for name in struct.__struct_fields__:
            number = getattr(struct, name)
            if name in LIMITS and number is not None and not LIMITS[name][0] <= number <= LIMITS[name][1]:
                raise StillroomError(
                    "{name} is {value}, but must be from {low} to {high}.",
                    name=name,
                    value=number,
                    low=LIMITS[name][0],
                    high=LIMITS[name][1],
                )
    return msgspec.structs.replace(
        values, hub_mirror=clean_mirror(values.hub_mirror), hub_proxy=clean_proxy(values.hub_proxy)
    )


def _fits(name: str, document: dict[str, Any]) -> bool:
    try:
        _checked({name: document[name]})
    except StillroomError:
        return False
    return True


def _fitting_part(name: str, value: object) -> dict[str, Any]:
    """Return what can be used of a wrong value: of the models' loads, those of the other models."""
    if name != "model_loads" or not isinstance(value, dict):
        return {}
    return {key: choice for key, choice in value.items() if _fits(name, {name: {key: choice}})}
