"""Stands in for the system's key store, which a build machine has none of: the key of every server is one
that the environment holds."""

import os
from types import ModuleType

from keyring.backend import KeyringBackend


class EnvironmentKeys(KeyringBackend):
    """Chosen with PYTHON_KEYRING_BACKEND."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        return os.environ.get("TESTS_KEY")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


class KeyringStandIn(ModuleType):
    """Stands in for the system's key store, which a build machine does not have."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.broken = broken

    def get_password(self, service: str, name: str) -> str | None:
        if self.broken:
            raise RuntimeError("no store")
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, key: str) -> None:
        if self.broken:
            raise RuntimeError("no store")
        self.kept[service, name] = key

    def delete_password(self, service: str, name: str) -> None:
        if self.broken:
            raise RuntimeError("no store")
        del self.kept[service, name]
