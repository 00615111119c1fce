"""Real processes below this one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.children import child_command
from app.telemetry import process_tree
from app.telemetry.host import HostReader
from app.telemetry.process_tree import ProcessTree

GRANDCHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"])
print(child.pid, flush=True)
sys.exit(child.wait())
"""


@pytest.fixture(params=["kernel's lists", "all processes"])
def tree(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ProcessTree:
    """With what Linux has, and with what other systems have."""
    if request.param == "all processes":
        monkeypatch.setattr(process_tree, "PROCESSES", tmp_path)
    return ProcessTree()


@pytest.fixture
def measuring() -> Iterator[subprocess.Popen[bytes]]:
    """The measuring process as it waits for its first request."""
    with subprocess.Popen(
        child_command("measure"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        yield child
        child.kill()


def test_finds_children_at_any_depth(tree: ProcessTree) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdin
        told = {child.stdout.readline().strip(), child.stdout.readline().strip()}
        [grandchild] = [int(line) for line in told if line.isdigit()]
        assert {child.pid, grandchild} <= set(tree.pids())
        assert tree.part_of(grandchild) == ""
        child.stdin.close()
    assert not {child.pid, grandchild} & set(tree.pids())


def test_names_a_child_of_ours(tree: ProcessTree, measuring: "subprocess.Popen[bytes]") -> None:
    assert measuring.pid in tree.pids()
    assert tree.part_of(measuring.pid) == "measure"


def test_what_a_child_of_ours_has_started_belongs_to_it(
    tree: ProcessTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdin
        told = {child.stdout.readline().strip(), child.stdout.readline().strip()}
        [grandchild] = [int(line) for line in told if line.isdigit()]
        # As if it were the sandbox, whose programs have command lines of their own.
        monkeypatch.setattr(
            process_tree, "child_name", lambda command: "sandbox" if GRANDCHILD in command else None
        )
        tree.pids()
        assert tree.part_of(grandchild) == "sandbox"
        child.stdin.close()


def test_every_part_has_its_memory_and_the_sum_is_the_programs(
    tree: ProcessTree, measuring: "subprocess.Popen[bytes]"
) -> None:
    host = HostReader(tree.pids, part_of=tree.part_of).read()
    by_name = {part.name: part for part in host.parts}
    assert by_name["measure"].ram_bytes > 0
    assert sum(part.ram_bytes for part in host.parts) == host.own_ram_bytes


def test_time_of_a_process_that_ends_is_not_taken_back() -> None:
    tree = ProcessTree()
    reader = HostReader(tree.pids, part_of=tree.part_of)
    spend = "import time\nwhile time.process_time() < 0.2: pass\nprint('spent', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", spend], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        with_it = reader.cpu_clock()
        child.communicate(b"\n")
    assert reader.cpu_clock().own_s >= with_it.own_s


def test_time_of_a_process_that_is_missed_once_counts_once() -> None:
    children: list[int] = []
    parts: dict[int, str] = {}
    spend = "import time\nwhile time.process_time() < 0.2: pass\nprint('spent', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", spend], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        children.append(child.pid)
        parts[child.pid] = "engine"
        reader = HostReader(lambda: children, part_of=lambda pid: parts.get(pid, ""))
        found = reader.cpu_clock().parts_s["engine"]
        children.clear()
        parts.clear()
        assert reader.cpu_clock().parts_s["engine"] == pytest.approx(found)
        children.append(child.pid)
        parts[child.pid] = "engine"
        assert reader.cpu_clock().parts_s["engine"] == pytest.approx(found, abs=0.05)
        child.communicate(b"\n")
    children.clear()
    assert reader.cpu_clock().parts_s["engine"] == pytest.approx(found, abs=0.1)
