"""`stillroom audit` and the filter in `stillroom chat`, with the real program and the starter model."""

import json
from pathlib import Path

import pytest

from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from tests.support.cli import Cli

GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "8", "--threads", "1", "--context", "1024")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose log holds a reply, a redacted one with its texts, and a refusal."""
    home = tmp_path_factory.mktemp("home")
    cli = Cli(home)
    FilterFile(home / "config" / "filters.json").keep(
        [
            FilterRule(id="1", name="Number", pattern=r"\d{4,}", action="redact"),
            FilterRule(id="2", name="Code name", pattern="bluebird", action="block"),
            FilterRule(id="3", name="Polite", pattern="please", action="flag"),
        ]
    )
    assert "without any text" in cli("audit", "on").out
    plain = cli("chat", "starter", "Hello there.", *GREEDY, "--json")
    assert plain.code == 0, plain.err
    assert cli("audit", "on", "--content", "--json").json()["content"] is True
    redacted = cli("chat", "starter", "My number is 123456, please.", *GREEDY, "--json")
    assert redacted.json()["notices"] == [
        "The filter rule “Number” took out what it found (1) before the message was sent.",
        "The filter rule “Polite” found something in the message, which was sent.",
    ]
    blocked = cli("chat", "starter", "Tell me about bluebird.", *GREEDY)
    assert blocked.code == 1
    assert "The filter rule “Code name” does not let this message out" in blocked.err
    assert blocked.out == ""
    return home


def test_show_gives_one_line_for_each_request_and_reply(home: Path) -> None:
    entries = Cli(home)("audit", "show", "--json").json()["entries"][::-1]
    assert [entry["kind"] for entry in entries] == ["request", "reply", "request", "reply", "request"]
    assert [entry.get("outcome") in ("stop", "length") for entry in entries[:4]] == [False, True] * 2
    assert entries[4]["outcome"] == "blocked"
    assert all(entry["source"] == "command line" for entry in entries)
    request, reply = entries[:2]
    assert request["id"] == reply["id"]
    assert request["fingerprint"].startswith(("sha256:", "sample:"))
    assert request["sampling"]["temperature"] == 0
    assert 0 < reply["completion_tokens"] <= 8
    assert reply["latency_ms"] >= reply["ttft_ms"] > 0
    # Texts are kept only from where the user asked for it.
    assert "content" not in request
    assert "content" not in reply
    assert "[removed: Number], please" in entries[2]["content"]
    assert "123456" not in json.dumps(entries)
    assert entries[3]["content"]["answer"]
    assert entries[4]["filter"] == [{"rule": "Code name", "action": "block", "count": 1}]


def test_show_searches(home: Path) -> None:
    cli = Cli(home)
    assert len(cli("audit", "show", "--search", "code NAME", "--json").json()["entries"]) == 1
    assert len(cli("audit", "show", "--last", "2", "--json").json()["entries"]) == 2
    assert "No line of the audit log fits." in cli("audit", "show", "--source", "api").out
    assert "blocked  [block: Code name]" in cli("audit", "show").out


def test_verify_finds_a_change_and_fails(home: Path) -> None:
    cli = Cli(home)
    whole = cli("audit", "verify", "--json")
    assert whole.code == 0
    assert whole.json()["lines"] == 5
    anchor = whole.json()["last_hash"]
    assert cli("audit", "verify", "--anchor", anchor.upper()).code == 0
    [path] = (home / "data" / "audit").glob("audit-*.jsonl")
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"kind":"reply"', b'"kind":"sorry"', 1))
    changed = cli("audit", "verify")
    path.write_bytes(data)
    assert changed.code == 1
    assert f"{path.name}:3: line 2" in changed.out
    assert cli("audit", "verify", "--anchor", "0" * 63 + "1").code == 1


def test_wrong_use_is_told(home: Path) -> None:
    cli = Cli(home)
    assert cli("audit", "show", "--anchor", "a").code == 2
    assert cli("audit", "verify", "--last", "2").code == 2
    assert cli("audit", "off", "--content").code == 2


def test_off_keeps_what_there_is(home: Path) -> None:
    cli = Cli(home)
    before = len(cli("audit", "show", "--json").json()["entries"])
    assert "stays in" in cli("audit", "off").out
    shown = cli("audit", "show")
    assert len(shown.out.splitlines()) == before
    assert "The audit log is off" in shown.err
