"""GET /metrics: the counters in Prometheus' text form."""

import itertools
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.server.access.stats import BOUNDS_S, Histogram, StatsView

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(stats: StatsView) -> str:
    """Write all metrics with their help."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(stats))
    return generate_latest(registry).decode()


class _Metrics(Collector):
    def __init__(self, stats: StatsView) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """Give each metric of the snapshot."""
        stats = self._stats
        requests = CounterMetricFamily("stillroom_requests", "Requests answered.", labels=("path", "status"))
        for (path, status), count in sorted(stats.answers.items()):
            requests.add_metric((path, str(status)), count)
        yield requests
        yield GaugeMetricFamily("stillroom_replies_running", "Replies that run or wait.", stats.running)
        yield CounterMetricFamily("stillroom_prompt_tokens", "Prompt tokens.", stats.prompt_tokens)
        yield CounterMetricFamily(
            "stillroom_completion_tokens", "Tokens generated, thinking included.", stats.completion_tokens
        )
        yield GaugeMetricFamily("stillroom_clients", "Clients of the last minutes.", len(stats.clients))
        yield GaugeMetricFamily(
            "stillroom_requests_per_second",
            "Requests a second, over the last ten seconds.",
            stats.requests_per_s,
        )
        yield _histogram(
            "stillroom_time_to_first_token_seconds",
            "From a reply's admission to its first token, by the engine.",
            stats.first_tokens,
        )
        yield _histogram("stillroom_reply_seconds", "What a request for replies took.", stats.replies)


def _histogram(name: str, about: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
    sums = [float(count) for count in itertools.accumulate(histogram.counts)]
    return HistogramMetricFamily(name, about, list(zip(bounds, sums, strict=True)), histogram.sum_s)
