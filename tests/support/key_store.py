"""Stands in for the system's key store, which a build machine has none of: the key of every server is one
that the environment holds."""

import os

from keyring.backend import KeyringBackend


class EnvironmentKeys(KeyringBackend):
    """Chosen with PYTHON_KEYRING_BACKEND."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        return os.environ.get("TESTS_KEY")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError
