"""Runs a quality suite on a model: every item once, each result kept before the next begins."""

import hashlib
import importlib.metadata
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.base.errors import EngineError
from app.bench.quality.answers.answer_process import AnswerJudge
from app.bench.quality.asking import QualityEngine, Render, Said, reply_to
from app.bench.quality.item import Collection, Item, in_turn, limited
from app.bench.quality.judging import Judge, JudgeCode
from app.bench.quality.progress import Pace, QualityProgress
from app.bench.quality.result import CollectionFacts, ItemResult, Protocol, QualityRun, TurnResult
from app.bench.quality.store import QualityStore
from app.bench.quality.text_reading import TextReading
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import OVER_HTTP, ModelFacts
from app.bench.run.facts import elsewhere_facts, engine_facts, machine_facts, model_facts, model_sha256
from app.engine.protocol import Generate, LoadSettings, ModelInfo, Sampling, ThinkingLimits
from app.machine.hardware import Machine
from app.telemetry.nvml_monitor import GpuMonitor
from models.store.manifest import type_in_name
from models.system.progress import raise_if_cancelled, wait_for

SMALLEST_CONTEXT_TOKENS = 4096
MOST_FAILURES = 3
SPARE_TOKENS = 64
"""A prompt with less than this left for a reply does not fit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish for a run. `most_items` of each kind (0: all); a text counts in chunks of 512 tokens."""

    collections: Sequence[Collection]
    most_items: int = 0
    seed: int = 1
    max_tokens: int = 4096
    anew: bool = False
    """Begin again, although an unfinished run could go on."""


class QualityRunner:
    """Runs one suite at a time. `run` waits until the end, so it belongs on a worker thread; whoever starts
    it keeps chats away from the engine. `measure_command` starts the measuring process."""

    def __init__(
        self,
        engine: QualityEngine,
        store: QualityStore,
        history: BenchmarkHistory,
        render: Render,
        look_at_machine: Callable[[], Machine],
        gpu: GpuMonitor,
        measure_command: Sequence[str],
        judge_code: JudgeCode | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._history = history
        self._render = render
        self._look_at_machine = look_at_machine
        self._gpu = gpu
        self._measure_command = measure_command
        self._judge_code = judge_code

    def asking(self, engine: QualityEngine) -> "QualityRunner":
        """One like this that asks something else."""
        return QualityRunner(
            engine,
            self._store,
            self._history,
            self._render,
            self._look_at_machine,
            self._gpu,
            self._measure_command,
            self._judge_code,
        )

    def run(
        self,
        model: Path | ModelInfo,
        settings: LoadSettings,
        wish: Wish,
        on_progress: Callable[[QualityProgress], None],
        cancel: threading.Event | None = None,
        *,
        name: str = "",
    ) -> QualityRun:
        """Run what is not done yet of the wish; gives the head of the run, whose results are in the store.

        `model` is a file, or a model elsewhere that the engine stands for, which has no text's perplexity.
        An unfinished run of the same file, settings, questions and protocol goes on. Raises `Cancelled`
        within 0.2 s of `cancel`, `EngineError` and `StillroomError`; what is done stays done.
        """
        settings = _with_room(settings)
        elsewhere = model if isinstance(model, ModelInfo) else None
        path = Path(model.path) if isinstance(model, ModelInfo) else model
        collections = _asked(model, wish)
        pace = Pace(on_progress)
        pace.tell("identify")
        if elsewhere is None:
            facts = _file_facts(path, self._identify(path, pace, cancel), name)
        else:
            facts = elsewhere_facts(elsewhere)
        run = pace.run = self._begin(facts, settings, wish, collections)
        done = self._store.results(run.id)
        pace.start(in_turn(collections), done)
        for collection in collections:
            if collection.kind == "perplexity":
                # The measuring process has the memory for itself then.
                self._engine.unload().result()
                reading = TextReading(path, collection.text, self._measure_command, wish.most_items)
                for result in reading.rest(done, pace, cancel):
                    self._store.add(run.id, result)
                    pace.read(result)
        left = [item for item in in_turn(collections) if item.id not in {result.id for result in done}]
        if left:
            run = self._ask(
                run, str(path) if elsewhere is None else elsewhere.path, settings, left, pace, cancel
            )
        self._store.end(run.id, _now())
        return run

    def unfinished(self, model: Path | ModelInfo, settings: LoadSettings, wish: Wish) -> QualityRun | None:
        """Return the run that `run` would go on with; None also where the file has not been asked before."""
        if isinstance(model, ModelInfo):
            facts = elsewhere_facts(model)
        else:
            try:
                known = self._history.known_sha256(model)
                facts = _file_facts(model, known or "", "")
            except OSError:
                return None
            if known is None:
                return None
        return self._store.unfinished(_key(facts, _with_room(settings), wish, _asked(model, wish)))

    def _ask(
        self,
        run: QualityRun,
        path: str,
        settings: LoadSettings,
        left: Sequence[Item],
        pace: Pace,
        cancel: threading.Event | None,
    ) -> QualityRun:
        pace.tell("load")
        load = self._engine.load(path, settings)
        info = wait_for(load.future, cancel)
        state = self._engine.state
        run = msgspec.structs.replace(
            run,
            model=run.model if run.is_elsewhere else model_facts(info, run.model.sha256, run.model.name),
            engine=engine_facts(info, settings, state.llama_cpp_version, state.system_info),
        )
        self._store.change(run)
        pace.run = run
        with AnswerJudge() as answers:
            judge = Judge(answers, self._judge_code)
            failures = 0
            for item in left:
                pace.begin(item)
                try:
                    result = self._item(item, run.protocol, info, judge, pace, cancel)
                    failures = 0
                except EngineError as error:
                    # The next request brings the engine and the model back; an item that kills it is not
                    # asked for ever. Where one after the other fails, it is no item's fault.
                    failures += 1
                    if failures == MOST_FAILURES:
                        raise
                    result = msgspec.structs.replace(self._result(item, "failed", []), found=str(error))
                self._store.add(run.id, result)
                pace.finish(result)
        return run

    def _item(
        self,
        item: Item,
        protocol: Protocol,
        info: ModelInfo,
        judge: Judge,
        pace: Pace,
        cancel: threading.Event | None,
    ) -> ItemResult:
        said: list[Said] = []
        turns: list[TurnResult] = []
        for place, question in enumerate(item.turns):
            said.append(Said("user", question))
            prompt = self._render(info, said)
            tokens = wait_for(self._engine.count_tokens(prompt.parts), cancel)
            room = info.context_tokens - tokens
            if room < SPARE_TOKENS:
                return self._result(item, "does_not_fit", turns)
            seed = item_seed(protocol.seed, item.id, place)
            reply = reply_to(
                self._engine,
                Generate(
                    request_id=0,
                    parts=prompt.parts,
                    sampling=msgspec.structs.replace(protocol.sampling, seed=seed),
                    max_tokens=min(protocol.max_tokens, room),
                    thinking=prompt.thinking,
                    thinking_limits=ThinkingLimits(loop_guard=protocol.loop_guard),
                    # What stands in the KV cache from another item would change the order of the sums.
                    reuse_prefix=False,
                ),
                cancel,
                pace.tick,
            )
            said.append(Said("assistant", reply.answer))
            turns.append(
                TurnResult(
                    question=question,
                    thinking=reply.thinking,
                    answer=reply.answer,
                    expected=item.expected[place],
                    prompt_tokens=reply.end.stats.prompt_tokens,
                    completion_tokens=reply.end.stats.completion_tokens,
                    thinking_tokens=reply.end.stats.thinking_tokens,
                    seconds=round(reply.seconds, 3),
                    finish_reason=reply.end.reason,
                    seed=seed,
                )
            )
        verdict, found, scores = judge.judge(item, turns, cancel)
        result = self._result(item, verdict, turns)
        return msgspec.structs.replace(result, found=found, scores=scores)

    @staticmethod
    def _result(item: Item, verdict: str, turns: list[TurnResult]) -> ItemResult:
        return msgspec.convert(
            {
                "id": item.id,
                "kind": item.kind,
                "verdict": verdict,
                "turns": turns,
                "words": item.words,
                "depth": item.depth,
                "at": _now(),
            },
            ItemResult,
        )

    def _begin(
        self, model: ModelFacts, settings: LoadSettings, wish: Wish, collections: Sequence[Collection]
    ) -> QualityRun:
        key = _key(model, settings, wish, collections)
        found = None if wish.anew else self._store.unfinished(key)
        if found is not None:
            return found
        run = QualityRun(
            id=str(uuid.uuid4()),
            started_at=_now(),
            stillroom_version=_version(),
            protocol=_protocol(wish),
            collections=_collection_facts(wish, collections),
            machine=machine_facts(self._look_at_machine(), self._gpu.poll(frozenset(), 2.0)),
            model=model,
            source="stillroom" if model.sha256 else OVER_HTTP,
        )
        self._store.begin(run, key)
        return run

    def _identify(self, path: Path, pace: Pace, cancel: threading.Event | None) -> str:
        """The file's SHA-256, read once for each state of the file."""
        raise_if_cancelled(cancel)
        try:
            known = self._history.known_sha256(path)
        except OSError:
            known = None  # hashing says what is wrong with the file
        if known is None:
            known = model_sha256(path, lambda _: pace.tick(), cancel)
            self._history.note_sha256(path, known)
        return known


def item_seed(seed: int, item_id: str, turn: int) -> int:
    """The seed of a turn: the same in every run with that seed, whatever else is asked."""
    digest = hashlib.sha256(f"{seed}:{item_id}:{turn}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _file_facts(path: Path, sha256: str, name: str) -> ModelFacts:
    """A model's file before it is loaded."""
    return ModelFacts(
        name=name or path.stem,
        file=path.name,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        quantisation=type_in_name(path.name),
        architecture="",
        parameters=0,
        layers=0,
    )


def _asked(model: Path | ModelInfo, wish: Wish) -> list[Collection]:
    """Give the questions for a model; one elsewhere has no text's perplexity."""
    return [
        limited(collection, wish.most_items)
        for collection in wish.collections
        if isinstance(model, Path) or collection.kind != "perplexity"
    ]


def _collection_facts(wish: Wish, collections: Sequence[Collection]) -> list[CollectionFacts]:
    return [
        CollectionFacts(
            kind=collection.kind,
            name=collection.name,
            licence=collection.licence,
            source=collection.source,
            sha256=collection.sha256,
            items=len(collection.items) or wish.most_items,
        )
        for collection in collections
    ]


def _protocol(wish: Wish) -> Protocol:
    return Protocol(sampling=Sampling(), seed=wish.seed, max_tokens=wish.max_tokens)


def _version() -> str:
    return importlib.metadata.version("stillroom")


def _key(model: ModelFacts, settings: LoadSettings, wish: Wish, collections: Sequence[Collection]) -> str:
    """Sum up all that two parts of one run must have in common."""
    parts = [
        model.sha256 or model.file,
        settings,
        _protocol(wish),
        _collection_facts(wish, collections),
        _version(),
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _with_room(settings: LoadSettings) -> LoadSettings:
    if 0 < settings.context_tokens < SMALLEST_CONTEXT_TOKENS:
        return msgspec.structs.replace(settings, context_tokens=SMALLEST_CONTEXT_TOKENS)
    return settings


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
