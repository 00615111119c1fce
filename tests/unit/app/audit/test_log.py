"""The log's thread: nobody waits for the disk, and a disk that fails loses nothing in silence."""

import json
import threading
from pathlib import Path

import pytest

from app.audit import log as audit_log
from app.audit.folder import AuditFolder
from app.audit.log import AuditLog, AuditLogError
from app.audit.verification import verify
from tests.support.waiting import wait_until

LIMIT = 1 << 20


def test_lines_of_many_threads_are_all_there_when_it_is_closed(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", LIMIT)

    def write(who: int) -> None:
        for n in range(50):
            log.add("reply", {"id": f"{who}-{n}"})

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    ids = [json.loads(raw.data)["id"] for raw in AuditFolder(tmp_path / "audit").lines()]
    assert sorted(ids) == sorted(f"{who}-{n}" for who in range(4) for n in range(50))
    assert verify(tmp_path / "audit").intact


def test_long_texts_that_cannot_be_written_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "RETRY_S", 0.01)
    monkeypatch.setattr(audit_log, "MOST_WAITING_CHARACTERS", 1000)
    blocker = tmp_path / "audit"
    blocker.write_text("in the way")
    log = AuditLog(blocker, LIMIT)
    for n in range(5):
        log.add("request", {"id": str(n), "content": ["word " * 50, {"answer": "word " * 50}]})
    log.add("request", {"id": "5", "content": "word " * 500})
    blocker.unlink()
    wait_until(log.flush, "the next try")
    log.close()
    lines = [json.loads(raw.data) for raw in AuditFolder(blocker).lines()]
    # The newest is kept, however long.
    assert [(line["kind"], line.get("lines"), line.get("id")) for line in lines] == [
        ("lost", 5, None),
        ("request", None, "5"),
    ]


def test_what_cannot_be_written_is_told_once_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "RETRY_S", 0.01)
    monkeypatch.setattr(audit_log, "MOST_WAITING", 3)
    problems: list[AuditLogError] = []
    told = threading.Event()

    def on_problem(error: AuditLogError) -> None:
        problems.append(error)
        told.set()

    blocker = tmp_path / "audit"
    blocker.write_text("in the way")
    log = AuditLog(blocker, LIMIT)
    log.on_problem = on_problem
    log.add("reply", {"id": "0"})
    assert told.wait(20)
    assert not log.flush()
    for n in range(1, 6):
        log.add("reply", {"id": str(n)})
    blocker.unlink()
    wait_until(log.flush, "the next try")
    log.close()
    assert len(problems) == 1
    assert "cannot be written" in str(problems[0])
    lines = [json.loads(raw.data) for raw in AuditFolder(blocker).lines()]
    assert lines[0]["kind"] == "lost"
    assert lines[0]["lines"] + len(lines) - 1 == 6
    assert lines[-1]["id"] == "5"


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    AuditLog(tmp_path / "audit", LIMIT).close()
    assert not (tmp_path / "audit").exists()
