"""A request and its reply are noted, and no more of them than is wished."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from app.audit.entries import AuditTrail
from app.audit.fingerprint import ModelFingerprints
from app.audit.log import AuditLog
from app.audit.reading import newest_entries
from app.base.errors import Cancelled, EngineError
from app.engine.protocol import Delta, Finished, Generate, GenerationStats, Part, PartialReply
from app.engine.protocol.pending_results import Generation
from app.engine.protocol.reply_source import OnReplyEvent
from app.filters.verdict import Hit
from app.remote.model_info import elsewhere_info
from app.remote.remote_server import ElsewhereModel, ElsewhereServer
from app.settings import SettingsFile

INFO = elsewhere_info(ElsewhereServer(id="s", name="", url="http://h"), ElsewhereModel(id="m"))
REQUEST = Generate(request_id=0, parts=[Part("<|user|>", True), Part("a secret question")])
STATS = GenerationStats(
    prompt_tokens=3, completion_tokens=4, thinking_tokens=1, ttft_s=0.5, prompt_s=0.5, decode_s=1.0,
    thinking_s=0.1, prompt_tok_per_s=6.0, decode_tok_per_s=3.0, context_tokens_used=7, seed=9,
)  # fmt: skip


class Scripted:
    """Stands in for the engine, so that each kind of end can be told."""

    def __init__(self, end: Finished | BaseException) -> None:
        self._end = end

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        future: Future[Finished] = Future()
        if on_event is not None:
            on_event(Delta(request_id=0, channel="thinking", text="hm", tokens=1))
            on_event(Delta(request_id=0, channel="answer", text="a secret answer", tokens=3))
        if isinstance(self._end, Finished):
            future.set_result(self._end)
        else:
            future.set_exception(self._end)
        return Generation(future, lambda: None, lambda: None)


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    made = SettingsFile(tmp_path / "settings.json")
    made.update(audit=True)
    return made


@pytest.fixture
def trail(tmp_path: Path, settings: SettingsFile) -> Iterator[AuditTrail]:
    made = AuditTrail(AuditLog(tmp_path / "audit", 1 << 20), settings, lambda path: f"of {path}")
    yield made
    made.close()


def noted(trail: AuditTrail) -> list[dict[str, object]]:
    assert trail.flush()
    return [entry.fields for entry in newest_entries(trail.path)][::-1]


def test_figures_and_verdicts_are_noted_and_no_text(trail: AuditTrail) -> None:
    answers = Scripted(Finished(request_id=0, reason="stop", stats=STATS))
    hit = Hit("1", "Number", "redact", 2)
    trail.follow(answers, "chat", INFO, [hit]).ask(REQUEST)
    request, reply = noted(trail)
    assert request["fingerprint"] == f"of {INFO.path}"
    assert request["filter"] == [{"rule": "Number", "action": "redact", "count": 2}]
    assert request["id"] == reply["id"]
    assert (reply["outcome"], reply["prompt_tokens"], reply["completion_tokens"]) == ("stop", 3, 4)
    assert (reply["ttft_ms"], reply["seed"]) == (500.0, 9)
    assert "secret" not in json.dumps([request, reply])


def test_texts_are_noted_where_the_user_says_so(trail: AuditTrail, settings: SettingsFile) -> None:
    settings.update(audit_content=True)
    heard: list[object] = []
    answers = Scripted(Finished(request_id=0, reason="stop", stats=STATS))
    trail.follow(answers, "api", INFO, client="curl/8").ask(REQUEST, heard.append)
    request, reply = noted(trail)
    assert request["content"] == "<|user|>a secret question"
    assert request["client"] == "curl/8"
    assert reply["content"] == {"thinking": "hm", "answer": "a secret answer"}
    assert len(heard) == 2
    begun = PartialReply(thinking="hm, ", answer="a beginning")
    trail.follow(answers, "chat", INFO).ask(msgspec.structs.replace(REQUEST, partial=begun))
    assert noted(trail)[2]["content"] == "<|user|>a secret questionhm, a beginning"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (EngineError("The model {name} is gone.", name="a secret path"), "failed"),
        (Cancelled(), "cancelled"),
        (ValueError("a secret value"), "failed"),
    ],
)
def test_a_reply_that_fails_is_noted_without_what_filled_its_words(
    trail: AuditTrail, error: BaseException, outcome: str
) -> None:
    trail.follow(Scripted(error), "code", INFO).ask(REQUEST)
    _, reply = noted(trail)
    assert reply["outcome"] == outcome
    assert "secret" not in json.dumps(reply)


def test_texts_that_become_vectors_are_noted_like_replies(trail: AuditTrail, settings: SettingsFile) -> None:
    with trail.follow_embedding("api", INFO, ["a secret text"], lambda: 5, client="curl/8"):
        pass
    with pytest.raises(EngineError), trail.follow_embedding("api", INFO, ["a secret text"], lambda: 0):
        raise EngineError("The text {text} is too long.", text="a secret text")
    with pytest.raises(KeyboardInterrupt), trail.follow_embedding("api", INFO, [], lambda: 0):
        raise KeyboardInterrupt
    lines = noted(trail)
    assert [line["outcome"] for line in lines[1::2]] == ["embedded", "failed", "cancelled"]
    assert (lines[0]["task"], lines[0]["client"], lines[1]["prompt_tokens"]) == ("embedding", "curl/8", 5)
    assert "secret" not in json.dumps(lines)
    settings.update(audit_content=True)
    with trail.follow_embedding("api", INFO, ["a secret text"], lambda: 5):
        pass
    assert noted(trail)[-2]["content"] == ["a secret text"]


def test_a_log_that_is_off_is_not_in_the_way(trail: AuditTrail, settings: SettingsFile) -> None:
    settings.update(audit=False)
    answers = Scripted(Finished(request_id=0, reason="stop", stats=STATS))
    assert trail.follow(answers, "chat", INFO) is answers
    trail.refused("chat", INFO, [], ["a secret"])
    assert noted(trail) == []


def test_weights_are_told_apart_by_what_was_recorded_or_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    assert ModelFingerprints(lambda which: "ab12")(str(path)) == "sha256:ab12"
    fingerprints = ModelFingerprints(lambda which: "")
    first = fingerprints(str(path))
    assert first.startswith("sample:")
    assert fingerprints(str(path)) == first
    path.write_bytes(b"other")
    assert fingerprints(str(path)) != first
    assert fingerprints("elsewhere://s/m") == ""
