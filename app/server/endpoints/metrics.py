"""GET /metrics: the counters in Prometheus' text form.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import itertools
from collections.abc import Sequence

from app.server.access.stats import BOUNDS_S, Histogram, StatsView

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(stats: StatsView) -> str:
    """All metrics with their help."""
    answers = [
        (f'{{path="{path}",status="{status}"}}', count)
        for (path, status), count in sorted(stats.answers.items())
    ]
    return "".join(
        (
            _metric("stillroom_requests_total", "counter", "Requests answered.", answers),
            _one("stillroom_replies_running", "gauge", "Replies that run or wait.", stats.running),
            _one("stillroom_prompt_tokens_total", "counter", "Prompt tokens.", stats.prompt_tokens),
            _one(
                "stillroom_completion_tokens_total",
                "counter",
                "Tokens generated, thinking included.",
                stats.completion_tokens,
            ),
            _one("stillroom_clients", "gauge", "Clients of the last minutes.", len(stats.clients)),
            _one(
                "stillroom_requests_per_second",
                "gauge",
                "Requests a second, over the last ten seconds.",
                stats.requests_per_s,
            ),
            _histogram(
                "stillroom_time_to_first_token_seconds",
                "From a reply's admission to its first token, by the engine.",
                stats.first_tokens,
            ),
            _histogram("stillroom_reply_seconds", "What a request for replies took.", stats.replies),
        )
    )


def _one(name: str, kind: str, about: str, value: float) -> str:
    return _metric(name, kind, about, [("", value)])


def _metric(name: str, kind: str, about: str, values: Sequence[tuple[str, float]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels} {value}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _histogram(name: str, about: str, histogram: Histogram) -> str:
    bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
    sums = list(itertools.accumulate(histogram.counts))
    values: list[tuple[str, float]] = [
        (f'_bucket{{le="{bound}"}}', count) for bound, count in zip(bounds, sums, strict=True)
    ]
    return _metric(name, "histogram", about, [*values, ("_sum", histogram.sum_s), ("_count", sums[-1])])
