"""The content of a quality run: Stillroom's own questions, programs, and data sets that were asked for."""

from collections.abc import Callable
from collections.abc import Collection as Several
from pathlib import Path

from app.bench.quality.built_in import built_in
from app.bench.quality.data_sets import HubData
from app.bench.quality.item import KINDS, Collection, Kind
from app.code.sandbox.run import Sandbox
from app.suites.code_suite import CodeSuite
from models.hub.hub_access import HubAccess
from models.system.progress import UNWATCHED, JobContext


class QualitySuites:
    """Puts suites together; any thread. `folder` keeps data sets of the hub, `access` is the way to it."""

    def __init__(self, folder: Path, access: Callable[[], HubAccess] = HubAccess) -> None:
        self.data = HubData(folder, access)
        self.code = CodeSuite(Sandbox())

    def collections(
        self,
        kinds: Several[Kind] = KINDS,
        data: Several[str] = (),
        job: JobContext = UNWATCHED,
    ) -> list[Collection]:
        """A collection of each of `kinds`: Stillroom's own, or the data set of `data` (keys of `DATA_SETS`),
        which is downloaded where it is not here. Code is left out where there is no sandbox to run it in.

        Blocks. Raises `StillroomError` and `Cancelled`.
        """
        found = {collection.kind: collection for collection in built_in()}
        code = self.code.collection() if "code" in kinds else None
        if code is not None:
            found["code"] = code
        for key in data:
            collection = self.data.collection(key, job)
            found[collection.kind] = collection
        return [found[kind] for kind in KINDS if kind in kinds and kind in found]

    def are_here(self, data: Several[str]) -> bool:
        """Tell whether `collections` can have these data sets without the network."""
        return all(self.data.is_here(key) for key in data)
