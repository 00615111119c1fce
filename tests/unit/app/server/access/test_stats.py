"""Requests are counted, and told to Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

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
    stats.ended(stats.began("editor", "127.0.0.1", 1), 1, 1.5, 1_234_567, 12_345_678)
    for ttft_s in (0.05, 0.2, 1000.0):
        stats.first_token(ttft_s)
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics_text(stats.view()))
        for sample in family.samples
    }
    assert found["stillroom_requests_total", "/health", "200"] == 1
    assert found["stillroom_completion_tokens_total",] == 12_345_678
    assert found["stillroom_reply_seconds_bucket", "2.5"] == 1
    first = "stillroom_time_to_first_token_seconds"
    assert [found[f"{first}_bucket", bound] for bound in ("0.05", "0.1", "0.25", "0.5", "300", "+Inf")] == [
        *(1, 1, 2, 2, 2, 3)
    ]
    assert (found[f"{first}_sum",], found[f"{first}_count",]) == (1000.25, 3)
