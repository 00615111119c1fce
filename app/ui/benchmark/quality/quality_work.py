"""The work of a quality run, which takes long: asking the questions, and finding the run that goes on."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.bench.quality.result import QualityRun
from app.bench.quality.runner import QualityRunner, Wish
from app.bench.quality.store import QualityStore
from app.engine.protocol import ModelInfo
from app.load_choices import LoadChoices
from app.remote.remote_engine import ElsewhereInPlace
from app.remote.remote_server import is_elsewhere
from app.suites.quality_suites import QualitySuites
from app.ui.base.engine_session import EngineSession
from models.system.progress import JobContext


class QualityWork:
    """Asks a model of this computer or of one elsewhere. Each is called on a thread of its own.

    `most_items` are asked of each kind, 0 for all; `data` are the keys of data sets.
    """

    def __init__(
        self,
        runner: QualityRunner,
        store: QualityStore,
        suites: QualitySuites,
        session: EngineSession,
        load_choices: LoadChoices,
    ) -> None:
        self._runner = runner
        self._store = store
        self._suites = suites
        self._session = session
        self._load_choices = load_choices

    def run(
        self,
        info: ModelInfo,
        most_items: int,
        data: Sequence[str],
        tell: Callable[[object], None],
        cancel: threading.Event,
        *,
        anew: bool,
    ) -> QualityRun:
        """Ask the questions, or what a run that was stopped lacks of them, if not `anew`."""
        collections = self._suites.collections(data=data, job=JobContext(tell, cancel))
        runner = self._runner
        model: Path | ModelInfo = Path(info.path)
        if is_elsewhere(info.path):
            asked = ElsewhereInPlace(self._session.unnoted_answers(info), info)
            runner, model = runner.asking(asked), info
        return runner.run(
            model,
            self._load_choices.of(info.path).load,
            Wish(collections, most_items, anew=anew),
            tell,
            cancel,
            name=info.name,
        )

    def kept(self, info: ModelInfo, most_items: int, data: Sequence[str]) -> int:
        """Count the results that are kept of the run that such a one would go on with."""
        if not self._suites.are_here(data):
            return 0
        model = info if is_elsewhere(info.path) else Path(info.path)
        wish = Wish(self._suites.collections(data=data), most_items)
        run = self._runner.unfinished(model, self._load_choices.of(info.path).load, wish)
        return 0 if run is None else self._store.count(run.id)
