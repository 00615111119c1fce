import queue
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.acquire.acquirer import Acquirer
from app.acquire.arrived import Arrivals
from app.acquire.build_options import ON, BuildWish, FileSize, Order
from app.acquire.jobs import Job, JobBook, JobState, JobView
from app.acquire.quality_build import Acquired, Commands
from app.base.errors import StillroomError
from models.catalogue.reference import HubReference
from models.hub.file_download import TransferOptions
from models.hub.hub_access import TokenError
from models.hub.hub_client import HubClient
from models.hub.resumable_file import stored_bytes
from models.hub.retry import RetryPolicy
from models.store.store import ModelStore
from models.system.disk_space import DiskFullError
from models.system.json_file import load_json
from models.system.notices import NoticeInbox
from models.system.progress import JobContext
from tests.support.full_disk import fill, small_disk
from tests.support.held_disk import at_once, held_disk
from tests.support.hub import LoopbackHub
from tests.support.tiny_gguf import write_tiny_gguf

REPO = "owner/tiny-GGUF"
FILE = "tiny.Q8_0.gguf"
SIZE = 6 << 20
RETRY = RetryPolicy(attempts=3, first_wait_s=0.01)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    folder = tmp_path / "repository"
    folder.mkdir()
    write_tiny_gguf(folder / FILE, 6 << 20)
    with LoopbackHub() as server:
        server.add(REPO, folder)
        yield server


class Desk:
    """A store, its books one after another, and what the present one has said."""

    def __init__(self, hub: LoopbackHub, root: Path) -> None:
        self.hub = hub
        self.root = root
        self.store = ModelStore(root / "models")
        self.views: queue.Queue[JobView] = queue.Queue()
        self.book = self.new_book()

    def new_book(self) -> JobBook:
        client = HubClient(self.hub.endpoint, retry=RETRY)
        options = TransferOptions(segment_bytes=1 << 20, retry=RETRY)
        commands = Commands(["unused"], ["unused"])
        acquirer = Acquirer(client, self.store, self.root / "checkpoints", commands, options)
        self.acquirer = lambda: acquirer
        self.arrivals = Arrivals(self.store, self.root / "checkpoints")
        self.book = JobBook(self.root / "jobs", self.acquirer, self.arrivals.of)
        self.book.observe(self.views.put)
        return self.book

    def wait(self, state: JobState, where: Callable[[JobView], bool] = lambda _: True) -> JobView:
        while True:
            view = self.views.get(timeout=30)
            if view.state == state and where(view):
                return view

    def leftovers(self) -> list[Path]:
        return [path for path in self.root.rglob("*.part*") if path.is_file()]


@pytest.fixture
def desk(hub: LoopbackHub, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(hub, tmp_path)
    yield desk
    desk.book.close()


def half_done(desk: Desk) -> JobView:
    """Start the job slowly and give it back in the middle of its download."""
    desk.hub.bytes_per_s = 4e6
    desk.book.start()
    desk.book.add(REPO, ["Q8_0"])
    return desk.wait("running", lambda view: view.progress is not None and view.progress.done > 1 << 20)


def test_a_job_runs_and_leaves_an_installed_model(desk: Desk) -> None:
    desk.book.start()
    desk.book.add(REPO, ["Q8_0"])
    done = desk.wait("done")
    [model] = done.installed
    assert model.path.read_bytes()[:4] == b"GGUF"
    assert desk.store.listing().models == (model,)
    assert (model.type, model.repo, model.commit) == ("Q8_0", REPO, desk.hub.repos[REPO].commit)
    assert [view.state for view in desk.book.jobs()] == ["done"]
    desk.book.dismiss(done.id)
    assert desk.book.jobs() == ()
    desk.book.close()
    assert list((desk.root / "jobs").iterdir()) == []


def test_pause_keeps_what_arrived_and_resume_goes_on(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.pause(view.id)
    desk.wait("paused")
    desk.hub.bytes_per_s = 0
    desk.book.resume(view.id)
    desk.wait("done")
    # What Linux had taken of each connection when it was cut is fetched again.
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)


def test_a_held_book_begins_no_job(desk: Desk) -> None:
    desk.book.hold()
    desk.book.start()
    view = desk.book.add(REPO, ["Q8_0"])
    assert desk.wait("waiting").is_held
    desk.book.cancel(view.id)
    assert [job.state for job in desk.book.jobs()] == []
    later = desk.book.add(REPO, ["Q8_0"])
    assert later.is_held
    assert desk.hub.requests == []
    desk.book.release()
    assert not desk.wait("done").is_held


def test_a_job_that_waits_is_told_of_when_the_book_is_held_and_released(desk: Desk) -> None:
    desk.book.hold()
    view = desk.book.add(REPO, ["Q8_0"])
    told: list[JobView] = []
    desk.book.observe(told.append)
    desk.book.release()
    desk.book.hold()
    assert [(each.id, each.state, each.is_held) for each in told] == [
        (view.id, "waiting", False),
        (view.id, "waiting", True),
    ]


def test_a_job_that_wants_a_token_says_so_after_a_restart_too(desk: Desk) -> None:
    desk.hub.repos[REPO].gated = True
    desk.book.start()
    desk.book.add(REPO, ["Q8_0"])
    assert isinstance(desk.wait("failed").error, TokenError)
    desk.book.close()
    desk.new_book().start()
    [view] = desk.book.jobs()
    assert isinstance(view.error, TokenError)


def test_a_job_that_wants_space_says_how_much_after_a_restart_too(hub: LoopbackHub, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        desk = Desk(hub, disk)
        desk.book.start()
        desk.book.add("r1-qwen-1.5b", ["Q4_K_M"])
        failed = desk.wait("failed").error
        assert isinstance(failed, DiskFullError)
        assert failed.need is not None
        assert failed.need.bytes > 1 << 30
        desk.book.close()
        desk.new_book().start()
        [view] = desk.book.jobs()
        assert isinstance(view.error, DiskFullError)
        assert view.error.need == failed.need
        desk.book.close()


def test_a_running_job_goes_on_after_a_restart(desk: Desk) -> None:
    half_done(desk)
    desk.book.close()
    desk.hub.bytes_per_s = 0
    desk.new_book().start()
    desk.wait("done")
    # What Linux had taken of each connection when it was cut is fetched again.
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)


def test_a_running_job_tells_where_it_stood_before_a_restart(desk: Desk) -> None:
    half_done(desk)
    desk.book.close()
    desk.views.queue.clear()
    desk.new_book().start()
    waiting = desk.wait("waiting")
    assert waiting.reached is not None
    assert waiting.reached.done > 1 << 20


def test_a_job_tells_after_a_kill_what_the_disk_has_of_its_download(desk: Desk, tmp_path: Path) -> None:
    desk.hub.bytes_per_s = 1e6
    desk.book.start()
    desk.book.add(REPO, ["Q8_0"])
    view = desk.wait("running", lambda view: view.progress is not None and view.progress.done > 1 << 20)
    assert view.progress is not None
    desk.book.flush()
    shutil.copytree(desk.root / "jobs", tmp_path / "as after a kill")
    desk.book.close()
    [part] = desk.root.rglob("*.part")
    there = stored_bytes(part.with_suffix(""))
    assert there > 1 << 20
    told: list[JobView] = []
    book = JobBook(tmp_path / "as after a kill", desk.acquirer, desk.arrivals.of)
    book.observe(told.append)
    book.hold()
    book.start()
    book.close()
    reached = told[0].reached
    assert reached is not None
    assert (reached.stage, reached.done, reached.total) == ("download", there, view.progress.total)


@pytest.mark.parametrize("begins_anew", [False, True])
def test_a_paused_job_tells_where_it_stands(desk: Desk, begins_anew: bool) -> None:
    view = half_done(desk)
    desk.book.pause(view.id)
    if begins_anew:
        desk.book.close()
        desk.new_book().start()
    [paused] = desk.book.jobs()
    assert (paused.state, paused.progress) == ("paused", None)
    assert paused.reached is not None
    assert paused.reached.stage == "download"
    assert paused.reached.done > 1 << 20


def test_a_paused_job_waits_after_a_restart(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.pause(view.id)
    desk.book.close()
    desk.views.queue.clear()
    desk.new_book().start()
    # The window may have been there before.
    assert desk.wait("paused").id == view.id
    assert [(job.id, job.state) for job in desk.book.jobs()] == [(view.id, "paused")]


@pytest.mark.parametrize("paused_first", [False, True])
def test_cancel_deletes_what_arrived(desk: Desk, paused_first: bool) -> None:
    view = half_done(desk)
    if paused_first:
        desk.book.pause(view.id)
        desk.wait("paused")
    desk.book.cancel(view.id)
    desk.wait("gone")
    assert desk.book.jobs() == ()
    assert desk.leftovers() == []
    desk.hub.bytes_per_s = 0
    desk.book.add(REPO, ["Q8_0"])
    desk.wait("done")
    assert desk.hub.bytes_served[FILE] > SIZE + (1 << 20)
    assert desk.leftovers() == []


def test_what_was_cancelled_can_be_taken_back(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.cancel(view.id, undo_s=3600)
    desk.wait("cancelled")
    assert desk.book.jobs() == ()
    assert desk.leftovers()
    desk.hub.bytes_per_s = 0
    desk.book.restore(view.id)
    desk.wait("done", lambda job: job.id == view.id)
    # What Linux had taken of each connection when it was cut is fetched again.
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)
    # Too late for one that is done.
    desk.book.restore(view.id)
    assert [job.state for job in desk.book.jobs()] == ["done"]


def test_what_was_cancelled_goes_on_when_it_is_asked_for_again(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.cancel(view.id, undo_s=3600)
    again = desk.book.add(REPO, ["Q8_0"])
    assert (again.id, again.state) == (view.id, "waiting")
    # It is taken back once.
    desk.book.restore(view.id)
    assert [job.id for job in desk.book.jobs()] == [view.id]
    desk.book.pause(view.id)
    desk.book.cancel(view.id, undo_s=3600)
    assert desk.book.add(REPO, ["Q8_0"]).state == "waiting"
    desk.hub.bytes_per_s = 0
    desk.wait("done", lambda job: job.id == view.id)
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)
    assert desk.leftovers() == []


def test_what_was_paused_is_paused_again(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.pause(view.id)
    desk.book.cancel(view.id, undo_s=3600)
    desk.wait("cancelled")
    desk.book.restore(view.id)
    desk.wait("paused")
    assert [job.state for job in desk.book.jobs()] == ["paused"]


def test_what_was_cancelled_goes_when_nobody_takes_it_back(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.cancel(view.id, undo_s=0.2)
    desk.wait("gone")
    assert desk.leftovers() == []
    desk.book.restore(view.id)
    assert desk.book.jobs() == ()


def test_what_was_cancelled_before_a_restart_goes_then(desk: Desk) -> None:
    view = half_done(desk)
    desk.book.cancel(view.id, undo_s=3600)
    desk.book.close()
    assert desk.leftovers()
    desk.new_book().start()
    desk.wait("gone")
    assert desk.leftovers() == []


def test_cancelling_one_of_two_keeps_what_the_other_needs(desk: Desk) -> None:
    view = half_done(desk)
    other = desk.book.add(REPO, ["Q8_0"], keep_original=True)
    desk.book.cancel(view.id)
    desk.hub.bytes_per_s = 0
    desk.wait("done", lambda job: job.id == other.id)
    # What Linux had taken of each connection when it was cut is fetched again.
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)


def test_a_failed_job_says_why_also_after_a_restart_and_can_go_on(desk: Desk) -> None:
    fault = desk.hub.fail("metadata", status=404, times=1, headers={"X-Error-Code": "RepoNotFound"})
    desk.book.start()
    view = desk.book.add(REPO, ["Q8_0"])
    failed = desk.wait("failed")
    assert "has no model owner/tiny-GGUF" in str(failed.error)
    desk.book.close()
    fault.times = 0
    desk.new_book().start()
    [again] = desk.book.jobs()
    assert (again.state, str(again.error)) == ("failed", str(failed.error))
    desk.book.resume(view.id)
    desk.wait("done")


def test_a_surprise_ends_the_job_and_not_the_book(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = threading.Event()

    def resolve(*_: object, **__: object) -> None:
        broken.set()
        raise ZeroDivisionError("surprise")

    with monkeypatch.context() as patch:
        patch.setattr(HubClient, "resolve", resolve)
        desk.book.start()
        desk.book.add(REPO, ["Q8_0"])
        failed = desk.wait("failed")
    assert broken.is_set()
    assert "ZeroDivisionError" in str(failed.error)
    desk.book.resume(failed.id)
    desk.wait("done")


def test_jobs_run_one_after_another(desk: Desk) -> None:
    first = desk.book.add(REPO, ["Q8_0"])
    second = desk.book.add(REPO, ["Q8_0"], keep_original=True)
    assert [view.state for view in desk.book.jobs()] == ["waiting", "waiting"]
    desk.book.start()
    assert desk.wait("done").id == first.id
    assert desk.wait("done").id == second.id
    # What Linux had taken of each connection when it was cut is fetched again.
    assert desk.hub.bytes_served[FILE] < SIZE + (2 << 20)


def test_what_is_asked_for_twice_is_got_once(desk: Desk) -> None:
    first = half_done(desk)
    assert desk.book.add(REPO, ["Q8_0"]).id == first.id
    desk.book.pause(first.id)
    desk.wait("paused")
    again = desk.book.add(REPO, ["Q8_0"])
    assert (again.id, again.state) == (first.id, "waiting")
    assert [job.id for job in desk.book.jobs()] == [first.id]
    desk.hub.bytes_per_s = 0
    desk.wait("done")
    assert desk.book.add(REPO, ["Q8_0"]).id != first.id


def test_what_was_wished_of_a_build_is_kept_over_a_restart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.book.add(REPO, ["Q4_K_M"], measure=True, weigh=True)
    desk.book.add(REPO, [], size=FileSize(4_100_000_000, small_cache_bytes=4_400_000_000))
    desk.book.add(REPO, ["Q8_0"])
    wishes: list[BuildWish] = []

    def get(_: Acquirer, order: Order, __: JobContext) -> Acquired:
        wishes.append(order.wish)
        return Acquired((), 0.0)

    monkeypatch.setattr(Acquirer, "get", get)
    desk.book.close()
    desk.new_book().start()
    desk.wait("done", lambda view: view.types == ("Q8_0",))
    assert wishes == [
        BuildWish(imatrix=ON, measure=True),
        BuildWish(size_bytes=4_100_000_000, small_cache_bytes=4_400_000_000),
        BuildWish(),
    ]


def test_a_file_of_any_size_is_called_as_it_will_be(desk: Desk) -> None:
    assert desk.book.add(REPO, ["Q8_0"], size=FileSize(4_100_000_000)).types == ("Q8_0", "MIX_4100M")


def test_a_damaged_job_file_is_set_aside(desk: Desk) -> None:
    folder = desk.root / "jobs"
    folder.mkdir()
    (folder / "x.json").write_text("{")
    desk.book.start()
    assert desk.book.jobs() == ()
    [aside] = folder.glob("x.damaged-*.json")
    assert aside.read_text() == "{"
    later = desk.new_book()
    later.start()
    assert later.jobs() == ()
    assert list(folder.iterdir()) == [aside]


def test_a_full_disk_is_told_when_a_job_is_asked_for(hub: LoopbackHub, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        desk = Desk(hub, disk)
        desk.book.start()
        filler = fill(disk)
        with NoticeInbox() as inbox:
            told: list[StillroomError] = []
            inbox.observe(told.append)
            view = desk.book.add("r1-qwen-1.5b", ["Q4_K_M"])
            assert desk.wait("gone").id == view.id
            desk.book.flush()
        [refused] = told
        assert isinstance(refused, DiskFullError)
        assert re.search(r"1\d\.\d MB more are needed, and 0 B are free", str(refused))
        assert desk.book.jobs() == ()
        filler.unlink()
        desk.book.add(REPO, ["Q8_0"])
        assert desk.wait("done").installed
        desk.book.close()


def test_jobs_outlive_a_disk_that_fills_up_under_them(hub: LoopbackHub, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        desk = Desk(hub, disk)
        desk.book.add(REPO, ["Q8_0"])
        desk.book.flush()
        filler = fill(disk)
        desk.book.start()
        failed = desk.wait("failed")
        assert isinstance(failed.error, StillroomError)
        assert "more are needed, and 0 B are free" in str(failed.error)
        filler.unlink()
        desk.book.resume(failed.id)
        assert desk.wait("done").installed
        desk.book.close()


def test_a_job_that_is_cancelled_on_a_full_disk_does_not_come_back(hub: LoopbackHub, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        desk = Desk(hub, disk)
        job = half_done(desk)
        filler = fill(disk)
        desk.book.cancel(job.id)
        desk.wait("gone")
        desk.book.close()
        filler.unlink()
        assert not list((disk / "jobs").glob("*.json"))
        assert desk.new_book().jobs() == ()


def test_no_view_of_a_job_comes_after_a_newer_one(hub: LoopbackHub, tmp_path: Path) -> None:
    desk = Desk(hub, tmp_path)
    told = threading.Event()
    goes_on = threading.Event()

    def hold(view: JobView) -> None:
        """Take a while to hear of progress, as a busy thread does."""
        if view.progress is not None and not told.is_set():
            told.set()
            goes_on.wait(2)
        desk.views.put(view)

    book = JobBook(tmp_path / "held", desk.acquirer)
    book.observe(hold)
    desk.hub.bytes_per_s = 4e6
    book.start()
    job = book.add(REPO, ["Q8_0"])
    assert told.wait(30)
    pausing = threading.Thread(target=book.pause, args=(job.id,))
    pausing.start()
    goes_on.set()
    pausing.join()
    book.close()
    last = None
    while not desk.views.empty():
        last = desk.views.get()
    assert last is not None
    assert last.state == "paused"


def test_nobody_who_asks_for_the_jobs_waits_for_the_disk(desk: Desk) -> None:
    job, other = desk.book.add(REPO, ["Q8_0"]), desk.book.add(REPO, ["Q8_0"], keep_original=True)
    with held_disk() as disk:
        desk.book.pause(job.id)
        disk.wait_for_writer()
        assert [view.state for view in at_once(desk.book.jobs)] == ["paused", "waiting"]
        at_once(lambda: desk.book.pause(other.id))
        at_once(lambda: desk.book.resume(job.id))
        at_once(lambda: desk.book.cancel(job.id, undo_s=3600))
        at_once(lambda: desk.book.restore(job.id))
        at_once(lambda: desk.book.pause(job.id))
        at_once(desk.book.observe(lambda view: None))
        assert [view.state for view in at_once(desk.book.jobs)] == ["paused", "paused"]


def test_a_job_that_runs_lets_the_window_ask_while_its_state_is_written(desk: Desk) -> None:
    job = desk.book.add(REPO, ["Q8_0"])
    desk.book.flush()
    with held_disk() as disk:
        desk.book.start()
        disk.wait_for_writer()
        assert at_once(desk.book.jobs)[0].state == "running"
        at_once(lambda: desk.book.pause(job.id))
        assert desk.wait("paused").id == job.id


def test_a_job_that_is_asked_for_is_there_at_once_and_begins_once_its_file_is(desk: Desk) -> None:
    desk.book.start()
    with held_disk() as disk:
        job = at_once(lambda: desk.book.add(REPO, ["Q8_0"]))
        disk.wait_for_writer()
        assert at_once(lambda: desk.book.add(REPO, ["Q8_0"])).id == job.id
        assert [view.state for view in at_once(desk.book.jobs)] == ["waiting"]
        at_once(lambda: desk.book.pause(job.id))
        other = at_once(lambda: desk.book.add(REPO, ["Q8_0"], keep_original=True))
        at_once(lambda: desk.book.cancel(other.id, undo_s=3600))
        assert desk.hub.requests == []
        disk.goes_on.set()
        desk.book.close()
    kept = {file.stem: load_json(file, Job).value.state for file in (desk.root / "jobs").glob("*.json")}
    assert kept == {job.id: "paused", other.id: "cancelled"}
    later = desk.new_book()
    later.start()
    assert [(view.id, view.state) for view in later.jobs()] == [(job.id, "paused")]


def test_what_is_asked_for_by_its_reference_is_not_looked_for_on_the_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.acquire.jobs.parse_reference", lambda text: pytest.fail("the disk was read"))
    reference = HubReference(REPO)
    job = desk.book.add(REPO, ["Q8_0"], reference=reference)
    assert desk.book.add(REPO, ["Q8_0"], reference=reference).id == job.id
    assert desk.book.add(REPO, ["Q8_0"], keep_original=True, reference=reference).id != job.id


def test_a_job_that_was_paused_before_its_file_was_refused_is_gone_with_a_word(desk: Desk) -> None:
    told: list[StillroomError] = []
    with NoticeInbox() as inbox:
        inbox.observe(told.append)
        with held_disk() as disk:
            desk.book.add(REPO, ["Q8_0"])
            disk.wait_for_writer()
            (desk.root / "jobs").rename(desk.root / "away")
            (desk.root / "jobs").write_text("no folder")
            job = desk.book.jobs()[0]
            desk.book.pause(job.id)
        assert desk.wait("gone").id == job.id
        desk.book.flush()
    assert len(told) == 1
    assert desk.book.jobs() == ()


def test_the_files_of_jobs_say_the_newest_state_however_slow_the_disk_was(desk: Desk) -> None:
    jobs = [desk.book.add(REPO, ["Q8_0"], revision=f"{number}") for number in range(3)]
    with held_disk() as disk:
        desk.book.pause(jobs[0].id)
        disk.wait_for_writer()
        for _ in range(3):
            for job in jobs:
                desk.book.resume(job.id)
            for job in jobs[:2]:
                desk.book.pause(job.id)
        desk.book.cancel(jobs[1].id, undo_s=3600)
        desk.book.pause(jobs[2].id)
        disk.goes_on.set()
        desk.book.close()
    later = desk.new_book()
    later.hold()
    later.start()
    assert [(view.id, view.state) for view in later.jobs()] == [
        (jobs[0].id, "paused"),
        (jobs[2].id, "paused"),
    ]
    later.release()
    assert desk.wait("gone").id == jobs[1].id


def test_what_a_cancelled_job_has_is_deleted_only_once_its_file_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = half_done(desk)
    file, said = desk.root / "jobs" / f"{view.id}.json", list[str]()
    discard = Acquirer.discard

    def look(acquirer: Acquirer, model: str) -> None:
        said.append(load_json(file, Job).value.state)
        discard(acquirer, model)

    monkeypatch.setattr(Acquirer, "discard", look)
    desk.book.cancel(view.id)
    desk.wait("gone")
    assert said == ["cancelled"]
    assert desk.leftovers() == []
