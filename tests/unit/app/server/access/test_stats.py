"""What is counted, and how it is told to Prometheus."""

import re

from app.server.access.stats import MOST_CLIENTS, ServerStats
from app.server.endpoints.metrics import metrics_text


def test_a_client_is_counted_while_it_waits_and_after() -> None:
    stats = ServerStats()
    client = stats.began("editor", "127.0.0.1", 2)
    stats.began("script", "127.0.0.1", 1)
    assert [view.name for view in stats.view().clients] == ["script", "editor"]
    assert stats.view().running == 3
    stats.ended(client, 2, 4.0, 10, 20)
    view = stats.view()
    assert (view.running, view.prompt_tokens, view.completion_tokens, view.reply_s) == (1, 10, 20, 4.0)
    assert view.clients[1].running == 0
    assert view.clients[1].tokens == 20


def test_neither_names_nor_paths_fill_the_memory() -> None:
    stats = ServerStats()
    stats.know(["/health"])
    for number in range(3 * MOST_CLIENTS):
        stats.ended(stats.began(f"client {number}", "127.0.0.1", 1), 1, 0.1, 0, 0)
        stats.answered(f"/nowhere/{number}", 404)
    stats.answered("/health", 200)
    view = stats.view()
    assert len(view.clients) == MOST_CLIENTS
    assert view.answers == {("other", 404): 3 * MOST_CLIENTS, ("/health", 200): 1}
    assert view.refused == 3 * MOST_CLIENTS


def test_clients_that_still_wait_are_not_forgotten() -> None:
    stats = ServerStats()
    waiting = [stats.began(f"client {number}", "127.0.0.1", 1) for number in range(MOST_CLIENTS + 5)]
    assert len(stats.view().clients) == len(waiting)


def test_metrics_have_prometheus_form() -> None:
    stats = ServerStats()
    stats.know(["/health"])
    stats.answered("/health", 200)
    lines = metrics_text(stats.view()).splitlines()
    assert 'stillroom_requests_total{path="/health",status="200"} 1' in lines
    for line in lines:
        assert line.startswith("# ") or len(line.rpartition(" ")[0].split("{")[0].split()) == 1
    stats.ended(stats.began("editor", "127.0.0.1", 1), 1, 1.5, 1_234_567, 12_345_678)
    for ttft_s in (0.05, 0.2, 1000.0):
        stats.first_token(ttft_s)
    lines = metrics_text(stats.view()).splitlines()
    assert "stillroom_completion_tokens_total 12345678" in lines
    assert 'stillroom_reply_seconds_bucket{le="2.5"} 1' in lines
    first = [line.partition("stillroom_time_to_first_token_seconds")[2] for line in lines]
    assert [text for text in first if text.startswith('_bucket{le="0')] == [
        '_bucket{le="0.05"} 1', '_bucket{le="0.1"} 1', '_bucket{le="0.25"} 2', '_bucket{le="0.5"} 2'
    ]  # fmt: skip
    assert {'_bucket{le="300"} 2', '_bucket{le="+Inf"} 3', "_sum 1000.25", "_count 3"} <= set(first)
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            assert re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0].split()[0]) in named, line
