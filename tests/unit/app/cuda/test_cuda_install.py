"""Getting NVIDIA's libraries from a loopback index: small true wheels around stand-ins; the check is real and
computes on the stand-in's device, which is the processor."""

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, StillroomError
from app.cuda.cuda_folder import CudaPlace
from app.cuda.cuda_install import CudaGetter
from app.engine.client.client import EngineClient
from app.engine.devices.cuda_runtime import checked_folder, read_check
from models.hub.file_download import TransferOptions
from models.hub.retry import RetryPolicy
from models.system.disk_space import DiskFullError
from models.system.json_file import write_json
from models.system.progress import JobContext, Progress
from tests.support.cuda_wheels import LICENCE, Wheels, back_end_wheel, build_wheels, served_place
from tests.support.package_index import LoopbackIndex
from tests.support.waiting import wait_until

QUICK = TransferOptions(
    connections=2, segment_bytes=256 << 10, retry=RetryPolicy(2, first_wait_s=0.01, longest_wait_s=0.01)
)
IMPATIENT = dataclasses.replace(QUICK, stall_s=0.2)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def index(wheels: Wheels) -> Iterator[LoopbackIndex]:
    with LoopbackIndex(wheels.folder) as served:
        yield served


@pytest.fixture
def place(wheels: Wheels, index: LoopbackIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CudaPlace:
    """As the engine looks for it: below STILLROOM_HOME."""
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return served_place(tmp_path, wheels, index)


def getter(place: CudaPlace, options: TransferOptions = QUICK) -> CudaGetter:
    return CudaGetter(place, child_command("kernel_check"), options)


def left_over(place: CudaPlace) -> list[str]:
    return sorted(path.name for path in place.folder.iterdir())


def test_it_is_fetched_unpacked_tried_and_then_used_by_the_engine(
    place: CudaPlace, index: LoopbackIndex
) -> None:
    stages: list[Progress] = []
    assert getter(place).get(job=JobContext(stages.append)) == "Stand-in GPU A"
    assert [p.stage for p in stages if p.stage in ("unpack", "check")][-1] == "check"
    assert [p for p in stages if p.stage == "unpack"][-1].done == place.unpacked_bytes
    assert sorted(path.name for path in place.runtime.iterdir()) == [
        "check.json",
        "libcublas.so.13",
        "libcublasLt.so.13",
        "libcudart.so.13",
        "libggml-cuda.so",
        "licences",
        "runtime.json",
    ]
    assert (place.runtime / "licences" / "nvidia-cublas.txt").read_text() == LICENCE
    assert left_over(place) == [".lock", "runtime"]
    with_engine = devices()
    assert "CUDA" in with_engine
    asked = len(index.requests)
    getter(place).get()
    assert len(index.requests) == asked

    assert place.remove() > place.unpacked_bytes
    assert not place.folder.exists()
    assert "CUDA" not in devices()
    assert place.remove() == 0


def devices() -> set[str]:
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        return {device.backend for device in client.list_devices().result().devices}
    finally:
        client.close()


def test_the_older_form_of_the_index_and_a_mirror_serve_too(place: CudaPlace, index: LoopbackIndex) -> None:
    index.as_html = True
    elsewhere = dataclasses.replace(
        place, pins=msgspec.structs.replace(place.pins, index="http://127.0.0.1:9")
    )
    assert getter(elsewhere).get(mirror=index.address + "/") == "Stand-in GPU A"


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("wrong", "computes wrongly: a product of F32 weights is off by 1"),
        ("none", "CUDA cannot be used: it found no device"),
        ("crash", "The process that tried CUDA ended with -6"),
    ],
)
def test_what_does_not_pass_its_check_is_not_used(
    mode: str, says: str, place: CudaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_STAND_IN_MODE", mode)
    with pytest.raises(StillroomError, match=says):
        getter(place).get()
    check = read_check(place.runtime)
    assert check is not None
    assert says in str(StillroomError(check.message, "", **check.values))
    assert checked_folder(place.runtime, place.llama_cpp) is None
    assert "CUDA" not in devices()
    # Once the driver is renewed, nothing is fetched again.
    monkeypatch.delenv("CUDA_STAND_IN_MODE")
    shutil.rmtree(place.folder / "downloads", ignore_errors=True)
    assert getter(place).get(mirror="http://127.0.0.1:9/simple") == "Stand-in GPU A"


def test_a_back_end_that_cannot_be_loaded_says_the_systems_reason(
    place: CudaPlace, wheels: Wheels, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.write_text("this is no library")
    broken = back_end_wheel(tmp_path, library, place.llama_cpp)
    with pytest.raises(StillroomError, match=r"CUDA cannot be used: .*(invalid ELF header|file too short)"):
        getter(place).get(files=[*wheels.files, broken])
    assert "CUDA" not in devices()


def test_another_llama_cpp_does_not_use_it(place: CudaPlace) -> None:
    getter(place).get()
    assert checked_folder(place.runtime, place.llama_cpp) == place.runtime
    assert checked_folder(place.runtime, "0.0.1") is None
    assert dataclasses.replace(place, llama_cpp="0.0.1").installed() is None


def test_for_another_llama_cpp_only_the_back_end_is_fetched_again(
    place: CudaPlace, index: LoopbackIndex
) -> None:
    assert place.back_end is not None
    getter(place).get()
    found = msgspec.json.decode((place.runtime / "runtime.json").read_bytes())
    write_json(place.runtime / "runtime.json", found | {"llama_cpp": "0.0.1"})
    assert place.installed() is None
    assert list(place.sources) == [place.back_end.file]
    index.requests.clear()
    assert getter(place).get() == "Stand-in GPU A"
    assert index.requests == [f"/storage/{place.back_end.file}"]
    assert (place.runtime / "licences" / "nvidia-cublas.txt").read_text() == LICENCE


def test_a_back_end_that_was_compiled_anew_for_the_same_llama_cpp_is_fetched(
    place: CudaPlace, index: LoopbackIndex
) -> None:
    assert place.back_end is not None
    getter(place).get()
    assert place.installed() is not None
    found = msgspec.json.decode((place.runtime / "runtime.json").read_bytes())
    assert found["back_end_sha256"] == place.back_end.sha256
    write_json(place.runtime / "runtime.json", found | {"back_end_sha256": "0" * 64})
    assert place.installed() is None
    index.requests.clear()
    assert getter(place).get() == "Stand-in GPU A"
    assert index.requests == [f"/storage/{place.back_end.file}"]
    # One from before its checksum was kept, and the user's own, stay.
    write_json(place.runtime / "runtime.json", found | {"back_end_sha256": ""})
    assert place.installed() is not None


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As on Windows where a process has loaded the library: it can be renamed with its folder at most."""
    unlink = Path.unlink

    def unlink_others(path: Path, missing_ok: bool = False) -> None:
        if path.name == name:
            raise PermissionError(errno.EACCES, "in use", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_others)


def test_a_runtime_in_use_makes_room_for_the_new_one_whole(
    place: CudaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    getter(place).get()
    found = msgspec.json.decode((place.runtime / "runtime.json").read_bytes())
    write_json(place.runtime / "runtime.json", found | {"back_end_sha256": "0" * 64})
    with monkeypatch.context() as system:
        refuse(system, "libcublas.so.13")
        assert getter(place).get() == "Stand-in GPU A"
    assert place.installed() is not None
    assert [path.name for path in place.before.iterdir()] == ["libcublas.so.13"]
    # Nobody uses it any more.
    getter(place).get()
    assert not place.before.exists()


def test_a_replacement_that_was_killed_between_its_renamings_costs_no_download(
    place: CudaPlace, index: LoopbackIndex
) -> None:
    getter(place).get()
    place.runtime.rename(place.before)
    index.requests.clear()
    assert getter(place).get() == "Stand-in GPU A"
    assert index.requests == []
    assert left_over(place) == [".lock", "runtime"]


def test_removing_deletes_all_but_what_is_in_use_and_then_the_rest(
    place: CudaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    getter(place).get()
    (place.folder / "kernels").mkdir()
    (place.folder / "kernels" / "index").write_bytes(b"compiled")
    (place.folder / "left.part").write_bytes(b"half")
    with monkeypatch.context() as system:
        refuse(system, "libcublas.so.13")
        with pytest.raises(StillroomError, match="switched off, but cannot be deleted"):
            place.remove()
    left = [path.name for path in place.folder.rglob("*") if path.is_file()]
    assert sorted(left) == [".lock", "libcublas.so.13"]
    assert place.remove() > 0
    assert not place.folder.exists()


def test_files_that_are_brought_need_no_network(place: CudaPlace, wheels: Wheels, tmp_path: Path) -> None:
    offline = dataclasses.replace(
        place, pins=msgspec.structs.replace(place.pins, index="http://127.0.0.1:9"), back_end=None
    )
    own = wheels.folder / wheels.back_end.file
    assert getter(offline).get(files=[*wheels.files, own]) == "Stand-in GPU A"
    assert all(file.exists() for file in wheels.files)


def test_brought_files_that_are_others_are_refused(place: CudaPlace, wheels: Wheels, tmp_path: Path) -> None:
    damaged = tmp_path / wheels.files[1].name
    damaged.write_bytes(wheels.files[1].read_bytes()[:-1])
    with pytest.raises(StillroomError, match="is damaged, or another one"):
        getter(place).get(files=[damaged])
    text = tmp_path / "notes.txt"
    text.write_text("no wheel")
    with pytest.raises(StillroomError, match="none of the files that are needed"):
        getter(place).get(files=[text])
    library = wheels.folder / "made" / "libggml-cuda.so"
    with pytest.raises(StillroomError, match="CUDA back end for another"):
        getter(place).get(files=[back_end_wheel(tmp_path, library, "0.0.1")])
    with pytest.raises(StillroomError, match="cannot be read"):
        getter(place).get(files=[tmp_path / "gone.whl"])
    with pytest.raises(StillroomError, match="no CUDA back end"):
        getter(dataclasses.replace(place, back_end=None)).get(files=wheels.files)


def test_what_the_index_says_wrongly_is_refused(place: CudaPlace, index: LoopbackIndex) -> None:
    index.false_hash = True
    with pytest.raises(StillroomError, match=r"another .* than the one that Stillroom was tried with"):
        getter(place).get()
    index.false_hash = False
    with pytest.raises(StillroomError, match=r"does not have nvidia-cuda-runtime \(HTTP 404\)"):
        getter(place).get(mirror=index.address.replace("simple", "simple/elsewhere"))
    with pytest.raises(StillroomError, match="no address of a package index"):
        getter(place).get(mirror="mirror")
    with pytest.raises(StillroomError, match="Nobody answered"):
        getter(place).get(mirror="http://127.0.0.1:9/simple")


def test_a_file_that_is_gone_damaged_or_silent_is_said(place: CudaPlace, index: LoopbackIndex) -> None:
    name = place.pins.packages[1].wheel.file
    index.missing.add(name)
    with pytest.raises(StillroomError, match="cannot be reached") as told:
        getter(place).get()
    assert "HF_" not in told.value.hint_text()
    index.missing.clear()
    index.corrupt.add(name)
    with pytest.raises(StillroomError, match="arrived damaged twice"):
        getter(place).get()
    assert not place.runtime.exists()
    index.corrupt.clear()
    index.hold_after = index.bytes_sent[name] + (1 << 20)
    with pytest.raises(StillroomError, match="cannot be reached"):
        getter(place, IMPATIENT).get()
    index.hold_after = 0
    assert getter(place).get() == "Stand-in GPU A"


def test_cancelling_keeps_what_has_arrived(place: CudaPlace, index: LoopbackIndex) -> None:
    index.hold_after = 2 << 20
    cancel = threading.Event()

    def stop_in_the_middle(progress: Progress) -> None:
        if index.held.is_set() and progress.done:
            cancel.set()

    with pytest.raises(Cancelled):
        CudaGetter(place, child_command("kernel_check")).get(job=JobContext(stop_in_the_middle, cancel))
    assert 0 < place.arrived_bytes < sum(place.sources.values())
    assert not place.runtime.exists()


PULL = """
import sys, msgspec
from pathlib import Path
from app.cuda.cuda_install import CudaGetter
from app.cuda.pins import BackEndPin, CudaPins
from app.cuda.cuda_folder import CudaPlace
folder, pins, back_end = sys.argv[1:]
place = CudaPlace(Path(folder), msgspec.json.decode(pins, type=CudaPins),
                  msgspec.json.decode(back_end, type=BackEndPin), False)
CudaGetter(place, [sys.executable, "-c", "raise SystemExit(7)"]).get()
"""


def test_a_download_that_is_killed_goes_on_where_it_was(place: CudaPlace, index: LoopbackIndex) -> None:
    index.hold_after = 6 << 20
    assert place.back_end is not None
    documents = [msgspec.json.encode(value).decode() for value in (place.pins, place.back_end)]
    child = subprocess.Popen([sys.executable, "-c", PULL, str(place.folder), *documents])
    assert index.held.wait(60)
    # What the journal names is on the disk for good; the rest is fetched again.
    wait_until(lambda: place.arrived_bytes >= 1 << 20, "the first journal")
    child.send_signal(signal.SIGKILL)
    child.wait()
    name = place.pins.packages[1].wheel.file
    index.hold_after = 0
    before = index.bytes_sent[name]
    assert getter(place).get() == "Stand-in GPU A"
    assert index.bytes_sent[name] - before < place.pins.packages[1].wheel.bytes - (1 << 20)


def test_too_little_room_is_said_before_anything_is_fetched(
    place: CudaPlace, index: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(place.folder.anchor)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(DiskFullError, match=r"MB more are needed, and 1.0 MB are free"):
        getter(place).get()
    assert index.requests == []


def test_a_disk_that_fills_up_while_unpacking_is_said_and_nothing_is_half_there(
    place: CudaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        if "runtime.new" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"is too full: .* more are needed"):
            getter(place).get()
    assert place.arrived_bytes == sum(place.sources.values())
    assert not place.runtime.exists()
    assert getter(place).get() == "Stand-in GPU A"


def test_a_second_stillroom_waits_its_turn(place: CudaPlace) -> None:
    with place.locked(), pytest.raises(StillroomError, match="Another Stillroom"):
        getter(place).get()
