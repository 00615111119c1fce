"""Databases with something of everything that they hold, and all that can be read of them."""

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.bench.drift.golden import Circumstances, GoldenAnswer, GoldenRun
from app.bench.drift.store import DriftStore
from app.bench.quality.result import ItemResult, Protocol, QualityRun, TurnResult
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Sample
from app.bench.run.run_journal import RunJournal, TurnRecord, unfinished_run
from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.database import ChatDatabase
from app.chat.store.records import Attachment
from app.chat.store.store import ChatStore
from app.chat.store.vectors import EmbeddingModel
from app.database.database import CheckedDatabase
from app.engine.protocol import GenerationStats, LoadSettings, Sampling, ThinkingLimits
from tests.support.bench_reports import make_report

WORDS = [
    "train",
    "station",
    "bread",
    "river",
    "Ünïcode",
    "数学",
    "七",
    "proof",
    "sum",
    "integral",
    "café",
    "memory",
    "cache",
    "tensor",
    "weight",
]
STATS = GenerationStats(
    prompt_tokens=10,
    completion_tokens=20,
    thinking_tokens=5,
    ttft_s=0.3,
    prompt_s=0.2,
    decode_s=1.0,
    thinking_s=0.4,
    prompt_tok_per_s=50.0,
    decode_tok_per_s=19.0,
    context_tokens_used=30,
    seed=7,
)

Item = tuple[object, ...]
"""Something that a store shows: a name for the thing, then the thing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: how one is made in two parts, opened, and read as a whole."""

    name: str
    open: Callable[[Path], "ChatStore | CheckedDatabase"]
    begin: Callable[[Path], "ChatStore | CheckedDatabase"]
    """Makes it, with most of its content, and leaves it open."""
    go_on: Callable[["ChatStore | CheckedDatabase"], None]
    """Adds what is not backed up."""
    read: Callable[["ChatStore | CheckedDatabase"], list[Item]]


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def _begin_chats(path: Path) -> ChatStore:
    rng = random.Random(7)
    store = ChatStore(path)
    folder = store.create_folder("Physics")
    for number in range(10):
        _chat(store, rng, number, folder.id if number % 3 == 0 else None)
    deleted = store.create_conversation(title="deleted")
    store.delete(deleted.id)
    return store


def _chat(store: ChatStore, rng: random.Random, number: int, folder_id: int | None) -> None:
    chat = store.create_conversation(
        title=f"Chat {number} {text(rng, 3)}",
        choices=ReplyChoices(
            system_prompt=text(rng, 10),
            sampling=Sampling(temperature=0.6) if number % 2 else None,
            thinking=ThinkingLimits(tokens=1000) if number % 4 == 1 else ThinkingLimits(),
        ),
    )
    store.move(chat.id, folder_id)
    store.pin(chat.id, number % 4 == 0)
    parent = None
    for turn in range(10):
        attachments, passages = [], None
        if turn == 2 and number % 2 == 0:
            attachments = [store.attach(chat.id, "notes.md", text(rng, 600))]
            passages = [Passage(0, 0, 100), Passage(0, 200, 300)]
        asked = store.add_message(
            chat.id, parent, "user", text(rng, 30), attachments=attachments, passages=passages
        )
        for attachment in attachments:
            _vectors(store, attachment, rng)
        reply = store.add_message(chat.id, asked.id, "assistant", model="R1-7B")
        store.save_reply(reply.id, text(rng, 60), "")
        store.save_reply(reply.id, text(rng, 120), text(rng, 150), outcome="stop", stats=STATS)
        parent = reply.id
        if turn == 5:
            store.add_summary(chat.id, reply.id, text(rng, 60), "R1-7B")
    store.save_draft(chat.id, text(rng, 5))
    store.attach(chat.id, "waiting.txt", text(rng, 40))


def _vectors(store: ChatStore, attachment: Attachment, rng: random.Random) -> None:
    drawn = itertools.cycle([rng.randbytes(64) for _ in range(5)])

    async def embed(_: str) -> bytes:
        row = np.frombuffer(next(drawn), np.uint8).astype("<f4")
        return (row / np.linalg.norm(row)).tobytes()

    asyncio.run(store.vectors.best_passages([attachment], "train", 1, EmbeddingModel("fingerprint", embed)))


def _more_chats(store: object) -> None:
    assert isinstance(store, ChatStore)
    rng = random.Random(8)
    newest = store.conversations()[0]
    asked = store.add_message(newest.id, newest.head_id, "user", text(rng, 30))
    reply = store.add_message(newest.id, asked.id, "assistant", model="R1-7B")
    for words in range(0, 100, 20):
        store.save_reply(reply.id, text(rng, words), text(rng, words))
    _chat(store, rng, 11, None)


def _read_chats(store: object) -> list[Item]:
    assert isinstance(store, ChatStore)
    items: list[Item] = [("folders", folder.id, folder) for folder in store.folders()]
    for chat in store.conversations():
        items.append(("chat", chat.id, chat))
        items += [("message", message.id, message) for message in store.messages(chat.id)]
        items.append(("branch", chat.id, tuple(message.id for message in store.branch(chat.id))))
        items += [("summary", summary.id, summary) for summary in store.summaries(chat.id)]
        items += [("waiting", waiting.id, waiting) for waiting in store.waiting_attachments(chat.id)]
        items.append(("one chat", chat.id, store.conversation(chat.id)))
    for words in ("bread river", "数学", "proof", "Chat 3"):
        items += [("hit", words, hit.conversation_id, hit.message_id, hit) for hit in store.search(words)]
    # Vectors are computed anew where they are missing; one that is there is as it was.
    return items


def read_vectors(path: Path) -> dict[Item, bytes]:
    database = ChatDatabase(path)
    try:
        return {
            tuple(row[:4]): row[4]
            for row in database.read("SELECT attachment_id, model, start, end, vector FROM passage_vectors")
        }
    finally:
        database.close()


def _begin_benchmarks(path: Path) -> BenchmarkHistory:
    history = BenchmarkHistory(path)
    for number in range(12):
        history.add(make_report(f"run-{number}", started_at=f"2026-11-{number + 1:02}T10:00:00Z"))
    history.delete(["run-3"])
    journal = RunJournal.open(history, "speed", "ab" * 32, "setting")
    for repeat in range(20):
        record = TurnRecord(sample=Sample(value=10.0 + repeat, duration_s=2.0), further={"x": 1.5})
        journal.add("pp512", repeat, record)
    journal.note("left_out", ["tg8192"])
    return history


def _more_benchmarks(history: object) -> None:
    assert isinstance(history, BenchmarkHistory)
    history.add(make_report("run-20", started_at="2026-11-20T10:00:00Z"))
    journal = RunJournal(history, unfinished_run(history, "speed", "ab" * 32).id, 0)  # type: ignore[union-attr]
    for repeat in range(20, 40):
        journal.add("pp512", repeat, TurnRecord(sample=Sample(value=10.0 + repeat, duration_s=2.0)))


def _read_benchmarks(history: object) -> list[Item]:
    assert isinstance(history, BenchmarkHistory)
    items: list[Item] = [("run", report.id, report) for report in history.reports()]
    unfinished = unfinished_run(history, "speed", "ab" * 32, "setting")
    items.append(("unfinished", "", unfinished))
    if unfinished is not None:
        journal = RunJournal(history, unfinished.id, unfinished.interruptions)
        items += [("turn", key, record) for key, record in journal.records().items()]
        items.append(("note", "left_out", str(journal.noted("left_out", list))))
    return items


def _quality_run(number: int) -> QualityRun:
    report = make_report()
    return QualityRun(
        id=f"quality-{number}",
        started_at=f"2026-11-{number + 1:02}T11:00:00Z",
        stillroom_version="0.1.0",
        protocol=Protocol(sampling=Sampling(temperature=0.6), seed=7, max_tokens=2000),
        collections=[],
        machine=report.machine,
        model=report.model,
        engine=report.engine,
    )


def _results(store: QualityStore, number: int, places: range) -> None:
    rng = random.Random(number)
    for place in places:
        turn = TurnResult(
            question=text(rng, 30),
            thinking=text(rng, 150),
            answer=text(rng, 60),
            expected="42",
            prompt_tokens=30,
            completion_tokens=300,
            thinking_tokens=200,
            seconds=3.25,
            finish_reason="stop",
            seed=place,
        )
        store.add(
            f"quality-{number}",
            ItemResult(id=f"maths/{place}", kind="maths", verdict="right", turns=[turn], found="42"),
        )


def _begin_quality(path: Path) -> QualityStore:
    store = QualityStore(path)
    for number in range(4):
        run = _quality_run(number)
        store.begin(run, f"key-{number}")
        _results(store, number, range(25))
        store.change(run)
        if number:
            store.end(run.id, "2026-11-20T12:00:00Z")
    return store


def _more_quality(store: object) -> None:
    assert isinstance(store, QualityStore)
    _results(store, 0, range(25, 40))


def _read_quality(store: object) -> list[Item]:
    assert isinstance(store, QualityStore)
    items: list[Item] = []
    for run, finished in store.runs():
        items.append(("run", run.id, finished, run))
        items += [("result", run.id, result.id, result) for result in store.results(run.id)]
    items += [("unfinished", number, store.unfinished(f"key-{number}")) for number in range(4)]
    return items


def _golden_run(number: int, baseline: int) -> GoldenRun:
    rng = random.Random(number)
    return GoldenRun(
        id=f"golden-{number}",
        baseline_id=f"golden-{baseline}",
        started_at=f"2026-11-{number + 1:02}T12:00:00Z",
        path="/models/r1.gguf",
        name="R1",
        circumstances=Circumstances(
            sha256="ab" * 32,
            quantisation="Q4_K_M",
            stillroom_version="0.1.0",
            llama_cpp_version="b1",
            system_info="AVX2",
            backend="CPU",
            gpus=[],
            gpu_driver="",
            processor="Made-up CPU",
            settings=LoadSettings(),
        ),
        answers=[
            GoldenAnswer(
                id=f"golden-{place}",
                question=text(rng, 20),
                text=text(rng, 60),
                tokens=[rng.randrange(150_000) for _ in range(60)],
                logprobs=[-rng.random() for _ in range(60)],
                prompt_tok_per_s=100.0,
                decode_tok_per_s=20.0,
            )
            for place in range(6)
        ],
    )


def _begin_drift(path: Path) -> DriftStore:
    store = DriftStore(path)
    for number in range(12):
        store.add(_golden_run(number, 0 if number < 6 else 6))
    return store


def _more_drift(store: object) -> None:
    assert isinstance(store, DriftStore)
    for number in range(12, 16):
        store.add(_golden_run(number, 6))
    store.accept("golden-15")


def _read_drift(store: object) -> list[Item]:
    assert isinstance(store, DriftStore)
    items: list[Item] = [
        ("run", baseline, run.id, run)
        for baseline in (0, 6, 15)
        for run in store.history(f"golden-{baseline}")
    ]
    items.append(("baseline", "", store.baseline("/models/r1.gguf", "ab" * 32)))
    items.append(("newest", "", store.newest("/models/r1.gguf")))
    items.append(("of content", "", store.newest_of_content("ab" * 32)))
    return items


KINDS = (
    Kind("chats", ChatStore, _begin_chats, _more_chats, _read_chats),
    Kind("benchmarks", BenchmarkHistory, _begin_benchmarks, _more_benchmarks, _read_benchmarks),
    Kind("quality", QualityStore, _begin_quality, _more_quality, _read_quality),
    Kind("drift", DriftStore, _begin_drift, _more_drift, _read_drift),
)
