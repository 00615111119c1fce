"""How each model is loaded: as was chosen for it, or by the default with which a new model begins."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.engine.planning.load_history import fingerprint
from app.engine.protocol import LoadSettings
from app.settings import LoadChoice, Settings, SettingsFile
from models.system.file_stamp import FileMark, mark


class LoadChoices:
    """Keeps the choices in the settings, by what a model's file is and not by where it lies: one that is
    moved or renamed keeps its own. Any thread; each look-up waits for the disk of the file, but for `known`.

    The other computers that help are the program's and no model's.
    """

    def __init__(self, settings: SettingsFile) -> None:
        self._settings = settings
        self._keys: dict[str, tuple[FileMark, str]] = {}

    @property
    def default(self) -> LoadChoice:
        """The choice with which a new model begins."""
        values = self._settings.values
        return LoadChoice(load=values.load, speculation=values.speculation)

    @property
    def built_in(self) -> LoadChoice:
        """The default of a fresh installation."""
        fresh = LoadChoice()
        return msgspec.structs.replace(fresh, load=_with_computers(fresh, self._settings.values))

    def of(self, path: Path | str) -> LoadChoice:
        """Return what is chosen for the model of a file."""
        return self._chosen(self._key(path))

    def known(self, path: Path | str) -> LoadChoice:
        """Return what is chosen for the model of a file as it was when it was last looked up, else the
        default; for the GUI thread, which must not wait for the disk."""
        return self._chosen(self._keys[str(path)][1] if str(path) in self._keys else "")

    def choose(self, path: Path | str, choice: LoadChoice) -> None:
        """Keep what is chosen for a model. Raises `StillroomError` where its file cannot be read."""
        key = self._key(path)
        if not key:
            raise StillroomError(
                "{file} cannot be read, so nothing can be kept for it.",
                "Put the file back, or choose another model.",
                file=str(path),
            )
        own = {key: msgspec.structs.replace(choice, name=Path(path).name)}
        self._settings.revise(lambda values: {"model_loads": values.model_loads | own})

    def make_default(self, choice: LoadChoice, present: Iterable[Path]) -> None:
        """Let new models begin with `choice`. The models of the files `present` are not new: those without a
        choice of their own stay as they are.

        A model that guesses ahead is no part of the default (`without_draft`).
        """
        keys = {self._key(path): path.name for path in present}
        before, choice = self.default, without_draft(choice)

        def changes(values: Settings) -> dict[str, object]:
            followed = {
                key: msgspec.structs.replace(before, name=name)
                for key, name in keys.items()
                if key and key not in values.model_loads
            }
            return {
                "load": _with_computers(choice, values),
                "speculation": choice.speculation,
                "model_loads": values.model_loads | followed,
            }

        self._settings.revise(changes)

    def forget(self, path: Path | str, others: Iterable[Path] = ()) -> LoadChoice | None:
        """Forget what was chosen for a model that is deleted, and return it for `choose`; None where nothing
        was. It stays where one of the files `others` is the same model."""
        key = self._key(path)
        own = self._settings.values.model_loads.get(key)
        if own is None or key in {self._key(other) for other in others}:
            return None
        self._settings.revise(
            lambda values: {
                "model_loads": {kept: one for kept, one in values.model_loads.items() if kept != key}
            }
        )
        return own

    def _chosen(self, key: str) -> LoadChoice:
        values = self._settings.values
        own = values.model_loads.get(key)
        if own is None:
            return self.default
        return msgspec.structs.replace(own, name="", load=_with_computers(own, values))

    def _key(self, path: Path | str) -> str:
        """Return what tells the model from others; empty where the file cannot be read."""
        marked = mark(str(path))
        if marked is None:
            return ""
        known = self._keys.get(str(path))
        if known is None or known[0] != marked:
            known = self._keys[str(path)] = (marked, fingerprint(str(path)))
        return known[1]


def without_draft(choice: LoadChoice) -> LoadChoice:
    """Return a choice as it can be for any model: one that guesses ahead fits few others."""
    guess = "lookup" if choice.speculation == "draft" else choice.speculation
    load = msgspec.structs.replace(choice.load, draft_path="")
    return msgspec.structs.replace(choice, load=load, speculation=guess)


def _with_computers(choice: LoadChoice, values: Settings) -> LoadSettings:
    """Return a model's load settings with the other computers of the program."""
    return msgspec.structs.replace(
        choice.load, rpc_servers=values.load.rpc_servers, rpc_use=values.load.rpc_use
    )
