"""The kinds of file that Stillroom keeps: how each is written, and what the program then shows of it."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np

from app.acquire.jobs import Job, JobBook, JobView
from app.acquire.kept_imatrix import fitting_matrix, notes
from app.base.paths import AppPaths
from app.bench.quality.data_sets import HubData, Pin
from app.chat.library.presets import PresetBook
from app.chat.library.prompt_library import PromptBook
from app.chat.library.reply_choices import ReplyChoices
from app.code.ask import Question
from app.code.draft import Draft, DraftFile
from app.code.kept_conversation import AskedQuestion, ConversationFile, KeptConversation, KeptExchange
from app.code.open_texts import OpenTexts, TextsFolder
from app.engine.batching.prefix import Held
from app.engine.devices.cuda_runtime import (
    CHECK,
    RUNTIME,
    CudaRuntime,
    KernelCheck,
    checked_folder,
    read_runtime,
)
from app.engine.kv_states.saved_states import StateFolder
from app.engine.planning.load_history import LoadMemory, Lowered, Tuned
from app.engine.protocol import LoadSettings, Sampling
from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from app.machine import measurements
from app.machine.measurements import LoadMeasurement, Measurements, MemorySpeed
from app.machine.memory_speed import SpeedReading
from app.server.access import discovery
from app.settings import SettingsFile
from converters.build.build_journal import BuildJournal
from converters.imatrix import unfinished_imatrix
from converters.imatrix.imatrix_file import ImportanceMatrix, Sums, read_imatrix, write_imatrix
from converters.imatrix.unfinished_imatrix import NOTHING, Collected, UnfinishedMatrix
from models.hub.download_record import DownloadRecord, VerifiedFile, read_record
from models.hub.resumable_file import PartFile
from models.hub.snapshot import RemoteFile
from models.store.file_check import check_file, difference
from models.store.manifest import InputFile, Manifest, OutputFile
from models.store.store import ModelStore

try:
    from models.system.json_file import write_json
except ImportError:  # the program as it was before its files had checksums makes tests/data/before_checksums

    def write_json(path: Path, value: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(value))


@dataclass(frozen=True, slots=True)
class OwnFile:
    """`path` in the folder that `write` fills; `shown` is all that the program makes of it. It raises
    `StillroomError` where the user is told so. `lasting`: a later version must read it, and
    `lasts` gives what of `shown` it keeps."""

    name: str
    path: str
    write: Callable[[Path], None]
    shown: Callable[[Path], object]
    lasting: bool = True
    lasts: Callable[[object], object] = lambda shown: shown


RUNTIME_THERE = CudaRuntime(
    llama_cpp="0.3.36", cuda="13.0", libraries=("libcudart.so.13",), back_end="", bytes=9
)
QUESTION = AskedQuestion(
    title="Why?",
    question=Question("ask", "Why does it?", 1, 1, 2),
    tokens=7,
    model="m",
    file_name="a.py",
    language="python",
    text="x = 1\n",
    start=0,
    end=5,
    redacted={"rule": 2},
)
TENSORS = [f"blk.{number}.ffn_down.weight" for number in range(12)]
WHOLE = {"Q8_0": "ab" * 32, "Q4_K_M": "cd" * 32}
PART_BYTES = 3 << 20


def _write_settings(folder: Path) -> None:
    SettingsFile(folder / "settings.json").update(
        theme="dark",
        zoom_percent=110,
        last_model="DeepSeek-R1-Distill-Qwen-1.5B/Q4_K_M",
        load=LoadSettings(context_tokens=4096, threads=3),
        sampling=Sampling(temperature=0.5),
        api_origins=("http://localhost:3000",),
        telemetry_hz=3.0,
        last_page="code",
        last_chat=7,
        window_geometry="AdnQywADAAAAAAAAAAAAAAAAA/8AAAL/",
    )


def _write_manifest(folder: Path) -> None:
    model = folder / "models" / "Model"
    model.mkdir(parents=True)
    outputs = []
    for kind in ("Q4_K_M", "Q8_0"):
        content = b"GGUF" + kind.encode() * 50
        (model / f"{kind}.gguf").write_bytes(content)
        made_from = InputFile(path="model.safetensors", sha256="cd" * 32, bytes=5)
        outputs.append(
            OutputFile(
                type=kind,
                file=f"{kind}.gguf",
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                repo="owner/Model",
                commit="c" * 40,
                inputs=(made_from,),
                tools={"stillroom": "0.1.0"},
            )
        )
    Manifest(name="Model", key="model", outputs=outputs).write(model)


def _models(folder: Path) -> object:
    store = ModelStore(folder / "models")
    listing = store.listing()
    return listing, [store.inputs_at(model.path) for model in listing.models]


def _verified(folder: Path) -> object:
    """Return what `stillroom verify` says."""
    for model in ModelStore(folder / "models").listing().models:
        problem = difference(check_file(model))
        if problem is not None:
            raise problem
    return "as recorded"


def _write_record(folder: Path) -> None:
    record = DownloadRecord(repo="owner/Model", commit="c" * 40)
    record.files["model.safetensors"] = VerifiedFile(
        oid="ef" * 20, sha256="cd" * 32, bytes=5, modified_ns=1 << 60
    )
    (folder / "config.json").write_bytes(b"{}")
    os.utime(folder / "config.json", ns=(1 << 60, 1 << 60))
    record.note(folder, RemoteFile("config.json", 2, "", "ab" * 20), "ab" * 32)


def _part(folder: Path) -> PartFile:
    return PartFile(folder / "weights.bin", PART_BYTES, "sha256:" + "ab" * 32)


def _write_part(folder: Path) -> None:
    part = _part(folder)
    for start in (0, 1 << 20, 5 << 19):
        part.write(start, b"\1" * 1000)
        asyncio.run(part.save())
    part.close()


def _fetched(folder: Path) -> object:
    """The file once the rest has been fetched: a journal may claim less than there is, and never more."""
    part = _part(folder)
    claimed = list(part.written)
    part.close()
    content = np.fromfile(part.path, np.uint8)
    stored = np.zeros(PART_BYTES, bool)
    for start, end in claimed:
        stored[start:end] = True
    return bool((content[stored] == 1).all())


def _write_journal(folder: Path) -> None:
    journal = BuildJournal(folder / "build.journal", "stillroom build 1 " + "ab" * 32)
    journal.begin()
    journal.add_tensors(dict.fromkeys(TENSORS, "00c0ffee"))
    for kind, sha256 in WHOLE.items():
        journal.add_whole(kind, sha256)
    journal.close()


def _built(folder: Path) -> object:
    """The tensors and files once the rest is made."""
    journal = BuildJournal(folder / "build.journal", "stillroom build 1 " + "ab" * 32)
    return set(journal.tensors) | set(TENSORS), WHOLE | journal.whole


def _write_job(folder: Path) -> None:
    job = Job(id="a" * 32, model="owner/Model", title="Model", types=["Q4_K_M"], state="paused", measure=True)
    write_json(folder / "jobs" / f"{job.id}.json", job)


def _jobs(folder: Path) -> object:
    def no_acquirer() -> None:
        raise AssertionError

    told: list[JobView] = []
    book = JobBook(folder / "jobs", no_acquirer)  # type: ignore[arg-type]
    book.observe(told.append)
    book.start()
    try:
        return book.jobs(), told
    finally:
        book.close()


def _write_loads(folder: Path) -> None:
    (folder / "m.gguf").write_bytes(b"GGUF" + bytes(1000))
    memory, model = LoadMemory(folder / "loads.json", "a computer"), str(folder / "m.gguf")
    memory.note_tuned(
        model,
        Tuned(threads=6, prompt_threads=12, batch_tokens=1024, flash_attention="on", kv_type="q8_0"),
        {"rows": [{"threads": 6, "tok_per_s": 12.5}]},
    )
    plan = LoadSettings(context_tokens=4096, gpu_layers=10)
    memory.note_lowered(model, Lowered(asked=LoadSettings(), plan=plan, given_up=("context_tokens",)))


def _loads(folder: Path) -> object:
    memory, model = LoadMemory(folder / "loads.json", "a computer"), str(folder / "m.gguf")
    return memory.recall(model, LoadSettings()), memory.of(model)


def _write_measured(folder: Path) -> None:
    load = LoadMeasurement(
        path="/models/m.gguf",
        file_bytes=4,
        context_tokens=4096,
        kv_type="f16",
        batch_tokens=512,
        gpu_layers=0,
        buffers={"CPU_Mapped": 3 << 20, "CUDA0": 2 << 20},
        decode_tok_per_s=12.25,
    )
    speed = MemorySpeed(computer="a computer", bytes_per_s=2.5e10, measured_at="", quiet=True)
    write_json(folder / "measured.json", {"version": 1, "reply_speed": speed, "loads": [load]})


def _measured(folder: Path) -> object:
    # Seen on the computer that it was measured on, which is busy today.
    with mock.patch.multiple(
        measurements,
        computer_identity=lambda: "a computer",
        read_memory_speed=lambda threads: SpeedReading(1.0, is_quiet=False),
    ):
        measured = Measurements(folder / "measured.json")
        return measured.loads(), measured.memory_speed().bytes_per_s


def _measured_loads(shown: object) -> object:
    """An earlier version measured the memory alone: its speed is measured again, by the work of a reply."""
    assert isinstance(shown, tuple)
    return shown[0]


def _write_presets(folder: Path) -> None:
    book = PresetBook(folder / "presets.json")
    book.save("Short", ReplyChoices(sampling=Sampling(temperature=0.25), max_tokens=300))
    book.save("Thorough", ReplyChoices(sampling=Sampling(top_p=0.9)))
    book.close()


def _write_prompts(folder: Path) -> None:
    book = PromptBook(folder / "prompts.json")
    book.save("Translate", "Translate into {{language:English|Chinese}}: {{text}}")
    book.close()


def _write_filters(folder: Path) -> None:
    rules = [
        FilterRule(id="mine", name="Mine", pattern="secret-[0-9]+", action="block"),
        FilterRule(id="long", name="Long", kind="length", at_most=5000, action="flag", on=False),
    ]
    FilterFile(folder / "filters.json").keep(rules)


def _write_conversation(folder: Path) -> None:
    exchange = KeptExchange(
        asked=QUESTION, thinking="Hm.", answer="Because of 这个.", ended="stop", remembered=True
    )
    ConversationFile(folder / "code.json").save(KeptConversation(exchanges=(exchange,), question="And then?"))


def _write_draft(folder: Path) -> None:
    DraftFile(folder / "draft.json").save(
        Draft(path="/x/a.py", text="x = '中'\n" * 9, language="python", cursor=3)
    )


def _write_open_texts(folder: Path) -> None:
    texts = TextsFolder(folder)
    for number in (1, 2):
        DraftFile(texts.draft(number)).save(Draft(text=f"x = {number}\n"))
    texts.save(OpenTexts(numbers=(2, 1), current=2, parked={"/x/a.py": 3}, folder="/x"))


def _write_cuda(folder: Path) -> None:
    write_json(folder / RUNTIME, RUNTIME_THERE)
    write_json(folder / CHECK, KernelCheck(runtime=RUNTIME_THERE, device="NVIDIA GeForce RTX 3060"))


def _cuda(folder: Path) -> object:
    return read_runtime(folder), checked_folder(folder, "0.3.36")


def _write_pins(folder: Path) -> None:
    pin = Pin(repo="owner/MATH", commit="c" * 40, path="test.jsonl", sha256="ab" * 32, bytes=9, at="")
    write_json(folder / "pins.json", {"math-500": pin}, indent=True)


def _paths(folder: Path) -> AppPaths:
    return AppPaths(folder, folder, folder, folder)


def _announce(folder: Path) -> None:
    discovery.announce_server(_paths(folder), url="http://127.0.0.1:8765", key="k" * 43, version="0.1.0")


def _states(folder: Path) -> StateFolder:
    return StateFolder(folder / "chat-states", "weights in a context", 1 << 30)


def _write_state(folder: Path) -> None:
    _states(folder).write(Held(list(range(200)), "chat 1", rest=[7]), bytearray(b"\7" * 3000))


def _evaluated(folder: Path) -> object:
    """Return what is in the cache once the rest of the prompt is evaluated."""
    states = _states(folder)
    found = {("chat 1", "", (*range(200), 7), b"\7" * 3000)}
    for saved in states.read_all():
        state = states.read(saved)
        if state is not None:
            held = saved.held
            found.add((held.chat_key, held.variant, (*held.tokens, *held.rest), bytes(state)))
    return found


def _write_matrix(folder: Path) -> None:
    columns = np.random.default_rng(1).random((1, 256), np.float32)
    sums = {name: Sums(columns * number, np.array([512])) for number, name in enumerate(TENSORS[:3], 1)}
    matrix = ImportanceMatrix(sums, 3, 512, ("a text",))
    write_imatrix(matrix, folder / "importance.imatrix", notes("ab" * 32, "cd" * 32, "Q8_0"))


def _matrix(folder: Path) -> object:
    kept = fitting_matrix(folder / "importance.imatrix", "ab" * 32, "cd" * 32)
    if kept is None:
        return None
    columns = read_imatrix(kept.path).importance("m").columns
    return (
        kept.text,
        kept.chunks,
        kept.collected_with,
        {name: data.tobytes() for name, data in columns.items()},
    )


def _unfinished(folder: Path) -> UnfinishedMatrix:
    return UnfinishedMatrix(folder / "importance.unfinished.imatrix", "the weights and the text")


COLLECTED = Collected(3, {TENSORS[0]: np.arange(64, dtype=np.float64)[None]}, {TENSORS[0]: 512})


def _write_unfinished(folder: Path) -> None:
    with mock.patch.object(unfinished_imatrix, "SAVE_EVERY_S", 0.0):
        _unfinished(folder).keep(COLLECTED)


def _collected(folder: Path) -> object:
    """The collection once the rest of the text is read; it begins anew where nothing can be used."""
    found = _unfinished(folder).read()
    found = COLLECTED if found is NOTHING else found
    return found.chunks, {name: sums.tobytes() for name, sums in found.squares.items()}, found.counts


OWN_FILES = (
    OwnFile("settings", "settings.json", _write_settings, lambda f: SettingsFile(f / "settings.json").values),
    OwnFile("manifest", "models/Model/manifest.json", _write_manifest, _models),
    OwnFile("download record", "download.json", _write_record, read_record),
    OwnFile("transfer journal", "weights.bin.part.journal", _write_part, _fetched, lasting=False),
    OwnFile("build journal", "build.journal", _write_journal, _built),
    OwnFile("job", f"jobs/{'a' * 32}.json", _write_job, _jobs),
    OwnFile("load memory", "loads.json", _write_loads, _loads),
    OwnFile("measurements", "measured.json", _write_measured, _measured, lasts=_measured_loads),
    OwnFile("presets", "presets.json", _write_presets, lambda f: PresetBook(f / "presets.json").own),
    OwnFile("prompts", "prompts.json", _write_prompts, lambda f: PromptBook(f / "prompts.json").own),
    OwnFile("filter rules", "filters.json", _write_filters, lambda f: FilterFile(f / "filters.json").rules),
    OwnFile("kept code", "draft.json", _write_draft, lambda f: DraftFile(f / "draft.json").load()),
    OwnFile(
        "open texts", "code-files.json", _write_open_texts, lambda f: TextsFolder(f).load(), lasting=False
    ),
    OwnFile(
        "code conversation",
        "code.json",
        _write_conversation,
        lambda f: ConversationFile(f / "code.json").load(),
    ),
    OwnFile("cuda runtime", RUNTIME, _write_cuda, _cuda),
    OwnFile("cuda check", CHECK, _write_cuda, _cuda),
    OwnFile("quality pins", "pins.json", _write_pins, lambda f: HubData(f).pin("math-500")),
    OwnFile("discovery", "server.json", _announce, lambda f: discovery.find_server(_paths(f)), lasting=False),
    OwnFile("chat state", "chat-states", _write_state, _evaluated, lasting=False),
    OwnFile("importance matrix", "importance.imatrix", _write_matrix, _matrix),
    OwnFile("unfinished matrix", "importance.unfinished.imatrix", _write_unfinished, _collected),
    OwnFile("model file, when asked", "models/Model/Q8_0.gguf", _write_manifest, _verified, lasting=False),
)
"""The window's place is among the settings. Databases and the audit log have tests of their own."""
