"""Loads models for the engine's core, one at a time, and tells how far it is."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.engine.batching.scheduler import Scheduler
from app.engine.kv_states.saved_states import StateFolder
from app.engine.kv_states.state_fingerprint import state_fingerprint
from app.engine.kv_states.state_keeper import StateKeeper
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.errors import LoadCancelled
from app.engine.loading.load_model import load_model
from app.engine.planning.load_plan import DRAFT_ROWS
from app.engine.protocol import Event, Load, LoadNotice, LoadProgress, LoadSettings, ModelInfo
from app.engine.speculation.draft_model import NoDraft, load_draft
from app.engine.worker.decode_loop import Runner
from app.engine.worker.resident_models import Resident
from models.system.file_stamp import mark

PROGRESS_INTERVAL_S = 0.05


class Loader:
    """Makes a `Resident` of a `Load`. Engine's thread."""

    def __init__(
        self,
        backend: Backend,
        abort: AbortFlag,
        emit: Callable[[Event], None],
        *,
        stops: Callable[[Load], bool],
        meanwhile: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        """Prepare to load. `stops` says that a load is not wanted any more; `meanwhile` is called all the
        time while one runs, from within llama.cpp. `wake` is called on another thread when a chat's state has
        come from the disk.
        """
        self._backend = backend
        self._abort = abort
        self._emit = emit
        self._stops = stops
        self._meanwhile = meanwhile
        self._wake = wake

    def load(self, request: Load) -> Resident:
        """Load it; the file was checked. Raises `LoadCancelled`, or `EngineError` with llama.cpp's reason."""
        reported_s = 0.0

        def tell(fraction: float, plan: LoadSettings | None = None, notice: LoadNotice | None = None) -> None:
            self._emit(
                LoadProgress(
                    request_id=request.request_id,
                    path=request.path,
                    fraction=fraction,
                    plan=plan,
                    notice=notice,
                )
            )

        def on_progress(fraction: float) -> bool:
            nonlocal reported_s
            now = time.perf_counter()
            if now - reported_s >= PROGRESS_INTERVAL_S or fraction >= 1.0:
                reported_s = now
                tell(fraction)
            self._meanwhile()
            return not self._stops(request)

        before = mark(request.path)
        loaded = load_model(
            self._backend,
            Path(request.path),
            request.settings,
            self._abort,
            on_progress,
            lambda plan, notice: tell(0.0, plan, notice),
        )
        if self._stops(request):
            loaded.free()
            raise LoadCancelled
        plan = loaded.info.plan
        scheduler = Scheduler(
            plan.sequences,
            plan.batch_tokens,
            context_tokens=loaded.info.context_tokens,
            draft_rows=DRAFT_ROWS,
        )
        notices = [*request.notices, *loaded.info.notices]
        if plan.draft_path:
            draft = load_draft(self._backend, loaded.model, plan, self._abort)
            if isinstance(draft, NoDraft):
                notices.append(draft.notice)
                loaded.info = _without_draft(loaded.info, draft)
            else:
                loaded.draft = draft
                loaded.info = msgspec.structs.replace(loaded.info, draft_buffers=draft.buffers)
        info = msgspec.structs.replace(loaded.info, notices=notices)
        runner = Runner(self._backend, loaded, scheduler, self._emit, self._states(request, plan))
        return Resident(runner, info, before if plan.maps_weights else None, token_s=loaded.context.warm_up_s)

    def _states(self, request: Load, plan: LoadSettings) -> StateKeeper | None:
        if not request.states_path or not request.states_limit_bytes:
            return None
        try:
            fingerprint = state_fingerprint(Path(request.path), plan, self._backend.version)
        except OSError:
            return None
        folder = StateFolder(Path(request.states_path), fingerprint, request.states_limit_bytes)
        return StateKeeper(folder, self._wake)


def _without_draft(info: ModelInfo, missing: NoDraft) -> ModelInfo:
    """Remove the draft from the plan; only where memory was short, `planned` keeps it to be remembered."""
    planned = info.planned
    if not missing.lacks_memory:
        planned = msgspec.structs.replace(planned, draft_path="")
    return msgspec.structs.replace(
        info, plan=msgspec.structs.replace(info.plan, draft_path=""), planned=planned
    )
