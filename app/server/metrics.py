"""GET /metrics: the counters in Prometheus' text form.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Sequence

from app.server.stats import StatsView

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
        )
    )


def _one(name: str, kind: str, about: str, value: float) -> str:
    return _metric(name, kind, about, [("", value)])


def _metric(name: str, kind: str, about: str, values: Sequence[tuple[str, float]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels} {value:g}" for labels, value in values]
    return "\n".join(lines) + "\n"
