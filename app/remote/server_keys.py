"""The keys of servers elsewhere, in the system's own key store."""

import threading
from typing import Any

from app.remote.remote_server import ElsewhereError

SERVICE = "stillroom"


class KeyStoreError(ElsewhereError):
    """The system's key store cannot be used."""


class ServerKeys:
    """Any thread but the GUI's: a locked store asks the user first.

    Where there is no store, a key is kept in memory until the program ends, and `keep` says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def of(self, server_id: str) -> str:
        """The key of a server; empty where there is none."""
        with self._lock:
            if server_id in self._known:
                return self._known[server_id]
        try:
            key = _keyring().get_password(SERVICE, server_id) or ""
        except KeyStoreError:
            key = ""
        with self._lock:
            return self._known.setdefault(server_id, key)

    def keep(self, server_id: str, key: str) -> None:
        """Put a key into the store; an empty one is taken out.

        Raises `KeyStoreError` where the store refuses: the key then holds until the program ends, and one
        that was to be taken out stays in the store.
        """
        with self._lock:
            self._known[server_id] = key
        store = _keyring()
        if key:
            store.set_password(SERVICE, server_id, key)
            return
        try:
            if store.get_password(SERVICE, server_id) is not None:
                store.delete_password(SERVICE, server_id)
        except KeyStoreError as error:
            raise KeyStoreError(
                "This computer's key store cannot be used ({reason}): if it holds the key, it still does.",
                "Stillroom does not use it any more. To delete it, look for stillroom in the key store.",
                reason=error.values["reason"],
            ) from error


class _Store:
    """keyring, with its failures in the user's words."""

    def __init__(self, keyring: Any) -> None:
        self._keyring = keyring

    def get_password(self, service: str, name: str) -> str | None:
        return self._call("get_password", service, name)  # type: ignore[no-any-return]

    def set_password(self, service: str, name: str, key: str) -> None:
        self._call("set_password", service, name, key)

    def delete_password(self, service: str, name: str) -> None:
        self._call("delete_password", service, name)

    def _call(self, what: str, *arguments: str) -> Any:
        try:
            return getattr(self._keyring, what)(*arguments)
        except Exception as error:  # each back end raises errors of its own (D-Bus, Windows, macOS)
            raise KeyStoreError(
                "This computer's key store cannot be used ({reason}), so the key is kept only until "
                "Stillroom ends.",
                "On Linux, a key store such as GNOME Keyring or KWallet has to run. Nothing is written to a "
                "file in its place.",
                reason=type(error).__name__,
            ) from error


def _keyring() -> _Store:
    # Takes longer to load than the window may take to open.
    import keyring

    return _Store(keyring)
