"""The choices for the hub: mirror and proxy in the settings, the access token in the key store."""

from app.remote.server_keys import ServerKeys
from app.settings import SettingsFile
from models.hub.hub_access import HubAccess

TOKEN_KEY = "huggingface"
"""Under which name the key store has the token; servers elsewhere have hexadecimal ones."""


class HubChoices:
    """Reads and changes them. Any thread but the GUI's where the token is concerned: a locked store asks the
    user first."""

    def __init__(self, settings: SettingsFile, keys: ServerKeys) -> None:
        self._settings = settings
        self._keys = keys

    def access(self) -> HubAccess:
        """Return the way to the hub as it is chosen now; it asks the key store only for the token."""
        values = self._settings.values
        return HubAccess(values.hub_mirror, values.hub_proxy, self.token)

    def token(self) -> str:
        """Return the token that was given; empty without one."""
        # Otherwise a store that is locked would ask somebody who has no token.
        return self._keys.of(TOKEN_KEY) if self._settings.values.hub_token_kept else ""

    def keep_token(self, token: str) -> None:
        """Keep a token, or take it away with an empty one.

        Raises `KeyStoreError` where there is no store: it then holds until the program ends.
        """
        self._settings.update(hub_token_kept=bool(token))
        self._keys.keep(TOKEN_KEY, token)
