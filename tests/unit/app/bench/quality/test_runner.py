"""A small suite on the real starter model: run, cancelled, killed and taken up again."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled
from app.bench.quality.built_in import built_in, intent_question
from app.bench.quality.figures import figures_of, quality_report
from app.bench.quality.item import Collection, Item
from app.bench.quality.progress import QualityProgress
from app.bench.quality.runner import QualityRunner, Wish, item_seed
from app.bench.quality.store import QualityStore
from app.bench.quality.words import report_lines
from app.bench.results.history import BenchmarkHistory
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.suites.model_prompts import renderer
from app.telemetry.nvml_monitor import GpuMonitor
from tests.support.engines import starter_path
from tests.support.make_quality_reference import PERPLEXITY, TEXT, build_small_model
from tests.support.starter_variants import shallow_path
from tests.support.templates import chat_templates

SETTINGS = LoadSettings(context_tokens=4096, threads=1)
LABELS = ["greeting", "question"]
INTENTS = Collection(
    kind="intent",
    name="two intents",
    licence="CC0-1.0",
    items=[
        Item(
            id=f"intent/{place}",
            kind="intent",
            turns=[intent_question(text, LABELS)],
            expected=[label],
            labels=LABELS,
        )
        for place, (text, label) in enumerate([("Hello!", "greeting"), ("Where is it?", "question")])
    ],
)
TALK = Collection(
    kind="dialogue",
    name="one talk",
    licence="CC0-1.0",
    items=[
        Item(
            id="dialogue/hello",
            kind="dialogue",
            turns=["Say hello.", "Again."],
            expected=["Hello!", "Hello!"],
        )
    ],
)
LONG = Collection(
    kind="retention",
    name="too long",
    licence="CC0-1.0",
    items=[Item(id="retention/long", kind="retention", turns=["word " * 6000], expected=["x"], words=6000)],
)
SUITE = Wish([INTENTS, TALK, LONG], max_tokens=6)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


class Room:
    def __init__(self, engine: EngineClient, root: Path) -> None:
        self.gpu = GpuMonitor()
        self.store = QualityStore(root / "quality.sqlite3")
        self.history = BenchmarkHistory(root / "benchmarks.sqlite3")
        self.told: list[QualityProgress] = []
        self.asking = threading.Event()
        self.runner = QualityRunner(
            engine,
            self.store,
            self.history,
            renderer(chat_templates()),
            lambda: look_at_machine(root, ()),
            self.gpu,
            child_command("measure"),
        )

    def tell(self, progress: QualityProgress) -> None:
        self.told.append(progress)
        if progress.item:
            self.asking.set()

    def close(self) -> None:
        self.history.close()
        self.store.close()
        self.gpu.close()


@pytest.fixture
def room(engine: EngineClient, tmp_path: Path) -> Iterator[Room]:
    room = Room(engine, tmp_path)
    yield room
    room.close()


def test_a_run_keeps_every_item_with_prompt_answer_and_verdict(room: Room) -> None:
    run = room.runner.run(Path(shallow_path()), SETTINGS, SUITE, room.tell)
    results = {result.id: result for result in room.store.results(run.id)}
    assert list(results) == ["intent/0", "dialogue/hello", "retention/long", "intent/1"]
    assert results["retention/long"].verdict == "does_not_fit"
    talk = results["dialogue/hello"]
    assert [turn.question for turn in talk.turns] == ["Say hello.", "Again."]
    assert talk.verdict == "scored"
    assert 0 <= talk.scores["rouge_l"] <= 1
    assert all(turn.answer and turn.completion_tokens <= 6 for turn in talk.turns)
    assert talk.turns[0].seed == item_seed(1, "dialogue/hello", 0)
    report = quality_report(run, list(results.values()), finished=True)
    assert report.left_out == 1
    assert {figure.key: figure.n for figure in report.figures} == {
        "rouge_l": 1,
        "bleu": 2,
        "accuracy": 2,
        "macro_f1": 2,
    }
    assert not any(figure.conclusive for figure in report.figures)
    assert "not conclusive" in "\n".join(report_lines(report))
    assert (run.model.quantisation, run.engine is not None) == ("Q4_1", True)
    assert room.store.runs() == [(run, True)]
    assert (room.told[-1].done, room.told[-1].total) == (4, 4)
    assert [told.result for told in room.told if told.result is not None] == list(results.values())
    assert room.told[-1].run == run


def test_the_same_seed_gives_the_same_replies(room: Room) -> None:
    wish = Wish([INTENTS], max_tokens=6)
    first = room.runner.run(Path(shallow_path()), SETTINGS, wish, room.tell)
    second = room.runner.run(Path(shallow_path()), SETTINGS, wish, room.tell)
    assert first.id != second.id
    assert [result.turns[0].answer for result in room.store.results(first.id)] == [
        result.turns[0].answer for result in room.store.results(second.id)
    ]


def test_a_cancelled_run_goes_on_and_runs_no_item_twice(room: Room) -> None:
    cancel = threading.Event()

    def cancel_in_the_second(progress: QualityProgress) -> None:
        room.told.append(progress)
        if progress.stage == "ask" and progress.done == 1 and progress.item:
            cancel.set()

    with pytest.raises(Cancelled):
        room.runner.run(Path(starter_path()), SETTINGS, SUITE, cancel_in_the_second, cancel)
    [(head, finished)] = room.store.runs()
    assert not finished
    assert [result.id for result in room.store.results(head.id)] == ["intent/0"]
    asked: list[str] = []

    def note(progress: QualityProgress) -> None:
        if progress.item and progress.item not in asked:
            asked.append(progress.item)

    run = room.runner.run(Path(starter_path()), SETTINGS, SUITE, note)
    assert run.id == head.id
    assert "intent/0" not in asked
    assert len(room.store.results(run.id)) == 4


def test_cancelling_in_a_long_reply_answers_at_once(room: Room) -> None:
    cancel = threading.Event()
    wish = Wish([TALK], max_tokens=4000)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            room.runner.run(Path(shallow_path()), SETTINGS, wish, room.tell, cancel)
        except Cancelled as error:
            ended.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    assert room.asking.wait(60)
    cancel.set()
    worker.join(30)
    assert len(ended) == 1


def test_an_item_that_kills_the_engine_is_kept_as_failed_and_the_run_goes_on(
    room: Room, engine: EngineClient
) -> None:
    killed: list[int] = []

    def kill_once(progress: QualityProgress) -> None:
        pid = engine.state.pid
        if progress.item == "dialogue/hello" and pid is not None and not killed:
            killed.append(pid)
            psutil.Process(pid).kill()

    run = room.runner.run(Path(shallow_path()), SETTINGS, SUITE, kill_once)
    results = {result.id: result for result in room.store.results(run.id)}
    assert results["dialogue/hello"].verdict == "failed"
    assert results["dialogue/hello"].found
    assert results["intent/1"].turns
    assert [figure.key for figure in figures_of(list(results.values()))][:2] == ["rouge_l", "bleu"]


def test_other_questions_or_settings_begin_another_run(room: Room) -> None:
    cancel = threading.Event()
    cancel.set()
    path = Path(shallow_path())
    for wish in (SUITE, Wish([INTENTS], max_tokens=6), Wish(SUITE.collections, max_tokens=6, seed=2)):
        with pytest.raises(Cancelled):
            room.runner.run(path, SETTINGS, wish, room.tell, cancel)
    assert len({head.id for head, _ in room.store.runs()}) == len(room.store.runs())


def test_a_text_is_read_in_parts_and_gives_llama_perplexitys_figure(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_small_model(tmp_path)["Q4_0"]
    expected = json.loads(PERPLEXITY.read_text("utf-8"))["Q4_0"]
    words = TEXT.read_text("utf-8").removesuffix("\n")
    text = Collection(kind="perplexity", name="small text", licence="CC0-1.0", text=words)
    monkeypatch.setattr("app.bench.quality.text_reading.PART_CHUNKS", 4)
    run = room.runner.run(model, SETTINGS, Wish([text]), room.tell)
    results = room.store.results(run.id)
    [figure] = figures_of(results)
    assert [result.id for result in results[:2]] == ["perplexity/00000", "perplexity/00004"]
    assert figure.n == 255 * sum(int(result.scores["chunks"]) for result in results)
    assert figure.value == pytest.approx(expected["perplexity"], rel=5e-4)
    assert figure.low is not None
    # 1.96 standard errors, taken on the log.
    assert figure.value - figure.low == pytest.approx(1.96 * expected["perplexity_error"], rel=0.05)


def test_the_built_in_suite_has_every_kind_and_unique_ids() -> None:
    collections = built_in()
    items = [item for collection in collections for item in collection.items]
    assert {collection.kind for collection in collections} >= {"perplexity", "maths", "dialogue", "retention"}
    assert len({item.id for item in items}) == len(items) >= 100
    assert all(len(item.turns) == len(item.expected) for item in items)
    planted = [item for item in items if item.kind == "retention"]
    assert all(item.expected[0].split("|")[0] in item.turns[0] for item in planted)
